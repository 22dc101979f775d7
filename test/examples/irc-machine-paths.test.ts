// Every way through the chat bot's machine, over real sockets, and in each step whatever a server may do instead.

import { describe, expect, jest, test } from "@jest/globals";
import { createRuntime, err, ok } from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { clockOf } from "tankard/xstate";
import { createActor, type EventFromLogic, type SnapshotFrom } from "xstate";
import type { BotEnd } from "../../examples/chat/bot.ts";
import type { IrcBotOptions } from "../../examples/irc-machine/context.ts";
import type { Told } from "../../examples/irc-machine/events.ts";
import { ircBot } from "../../examples/irc-machine/machine.ts";
import { expectNothingOpen, followPath, isEndOfAttempt, isNextRefused, waitFor } from "../support/follow-path.ts";
import { countOfEnds, type PathRun, pathsToEnds, type PathStep, runsInForms } from "../support/machine-paths.ts";
import { until } from "../support/peer.ts";
import { cuts, type Fault, scriptedServer } from "../support/scripted-server.ts";
import { ScriptWriter } from "../support/script-writer.ts";

jest.setTimeout(60_000);

const SECOND = 1_000;
const rooms = ["#tavern", "#cellar"] as const;
const NICK = "barkeep";

function inputFor(port: number): IrcBotOptions {
  return { host: "127.0.0.1", port, nick: NICK, rooms };
}

type Snapshot = SnapshotFrom<typeof ircBot>;
type Event = EventFromLogic<typeof ircBot>;
type Step = PathStep<typeof ircBot>;

// ── the ways ──

/** What a server may say, one line or none at all. The nick that the bot has then stands for "ME". */
const lines = {
  welcome: ":server 001 ME :Welcome",
  nickInUse: ":server 433 * ME :In use",
  turnedAway: ":server 464 * :Password incorrect.",
  lastWords: "ERROR :Closing link",
  tooLong: `:server ${"x".repeat(600)}`,
  letIntoTavern: ":ME!b@host JOIN #tavern",
  letIntoCellar: ":ME!b@host JOIN #cellar",
  keptOutOfTavern: ":server 475 ME #tavern :Key needed",
  keptOutOfCellar: ":server 473 ME #cellar :Invite only",
  thrownOutOfTavern: ":ann!a@host KICK #tavern ME :no bots",
  thrownOutOfCellar: ":ann!a@host KICK #cellar ME :no bots",
  sentHome: ":joe!j@host PRIVMSG ME :!quit",
} as const;
type Line = keyof typeof lines;

/** What else happens: what people do, what the network does, and time. */
const others = {
  quit: { type: "quit", why: "bye" },
  Connected: { type: "Connected" },
  closed: { type: "tcp.closed" },
  refused: { type: "xstate.error.actor.tcp", error: "refused", actorId: "tcp" } as never,
  backOff: { type: "xstate.after.backOff.bot.offline" } as never,
  unwelcome: { type: "xstate.after.patience.bot.online.session.registering" } as never,
  keptOutside: { type: "xstate.after.patience.bot.online.session.chatting.joining" } as never,
  silence: { type: "xstate.after.keepAlive.bot.online.watch.hearing" } as never,
  moreSilence: { type: "xstate.after.keepAlive.bot.online.watch.asking" } as never,
  noFarewell: { type: "xstate.after.farewell.bot.online.session.leaving" } as never,
} satisfies Record<string, Event>;
type Act = Line | keyof typeof others;

/** How long each takes: the machine's promises. */
const waits: Partial<Record<Act, number>> = {
  backOff: SECOND,
  unwelcome: 30 * SECOND,
  keptOutside: 30 * SECOND,
  silence: 30 * SECOND,
  moreSilence: 30 * SECOND,
  noFarewell: 2 * SECOND,
};

function wireOf(line: Line, nick: string): string {
  return `${lines[line].replace("ME", nick)}${line === "tooLong" ? "" : "\r\n"}`;
}

/** A line is a packet of its own, whose bytes say which. */
function eventOf(act: Act, nick: string): Event {
  if (act in others) return others[act as keyof typeof others];
  return { type: "tcp.packet", data: Buffer.from(wireOf(act as Line, nick)) };
}

function actOf({ before, event }: Step): Act {
  if (event.type !== "tcp.packet") {
    const [act] = Object.entries(others).find(([, { type }]) => type === event.type) ?? [];
    return act as Act;
  }
  const wire = event.data.toString();
  return (Object.keys(lines) as Line[]).find((line) => wireOf(line, before.context.nick) === wire) as Act;
}

function actsAt(snapshot: Snapshot): readonly Act[] {
  const { failures, inside, nick, rooms: wanted } = snapshot.context;
  if (snapshot.status !== "active") return [];
  if (snapshot.matches("offline")) return ["quit", "backOff"];
  const isIn = (session: object | string): boolean => snapshot.matches({ online: { session } } as never);
  const doors: readonly (readonly [room: string, letIn: Line, keepOut: Line, throwOut: Line])[] = [
    ["#tavern", "letIntoTavern", "keptOutOfTavern", "thrownOutOfTavern"],
    ["#cellar", "letIntoCellar", "keptOutOfCellar", "thrownOutOfCellar"],
  ];
  const atTheDoor = doors.filter(([room]) => wanted.includes(room) && !inside.includes(room));
  if (failures > 0 && isIn("connecting")) return ["Connected"];
  if (failures > 0 && isIn("registering")) return ["welcome"];
  if (failures > 0 && isIn("leaving")) return ["closed"];
  // The second connection goes well, to see that the bot is back in its rooms; and so does one under another nick.
  const hasAnotherNick = nick !== NICK && isIn("chatting");
  if (failures > 0 || hasAnotherNick) {
    if (atTheDoor.length > 0) return atTheDoor.slice(0, 1).map(([, letIn]) => letIn);
    return failures > 0 ? ["quit"] : ["quit", "closed"];
  }
  if (isIn("connecting")) return ["Connected", "refused", "quit"];
  if (isIn("registering"))
    return ["welcome", "nickInUse", "turnedAway", "lastWords", "tooLong", "closed", "unwelcome", "quit"];
  if (isIn("leaving")) return ["closed", "noFarewell", "tooLong"];
  const isAsking = snapshot.matches({ online: { watch: "asking" } });
  const silence = isAsking ? "moreSilence" : "silence";
  const acts: readonly (readonly Act[])[] = [
    atTheDoor.flatMap(([, letIn, keepOut]) => [letIn, keepOut]),
    doors.filter(([room]) => inside.includes(room)).map(([, , , throwOut]) => throwOut),
    ["tooLong", "closed", "sentHome", "quit"],
    isIn("chatting") && !isIn({ chatting: "inside" }) ? ["keptOutside"] : atTheDoor.length === 0 ? [silence] : [],
  ];
  return acts.flat();
}

function keyOf({ status, value, context: { nick, inside, rooms: wanted, failures } }: Snapshot): unknown {
  return status === "done" ? [value] : [value, nick, inside, wanted, failures];
}

const paths = pathsToEnds(ircBot, {
  input: inputFor(0),
  events: (snapshot) => actsAt(snapshot).map((act) => eventOf(act, snapshot.context.nick)),
  key: keyOf,
});

// ── what a server may do instead ──

type Form =
  | Extract<Fault, string>
  /** It asks whether the bot is alive, or somebody talks, in the same packet before. */
  | "AsksBefore"
  | "TalksBefore"
  /** It says why, or whatever else, before it closes. */
  | "SaysWhyAndCloses";

function formsOf(step: Step, next: Step | undefined): readonly Form[] {
  const act = actOf(step);
  if (act === "tooLong") return ["InTwo"];
  if (act in lines) {
    const isNextLine = next !== undefined && actOf(next) in lines;
    return [...cuts.filter((cut) => cut !== "WithNext" || isNextLine), "AsksBefore", "TalksBefore"];
  }
  const isLeaving = step.before.matches({ online: { session: "leaving" } });
  if (act === "closed")
    return ["Resets", "ClosesHalfway", "ResetsHalfway", ...(isLeaving ? ["SaysWhyAndCloses" as const] : [])];
  // Half a line is not silence.
  const isAsking = step.before.matches({ online: { watch: "asking" } });
  return ["unwelcome", "keptOutside", "noFarewell"].includes(act) && !isAsking ? ["StallsHalfway"] : [];
}

type Run = PathRun<typeof ircBot, Form>;

const runs = runsInForms(paths, { nameOf: actOf, keyOf, formsOf });

// ── what becomes of it ──

/** What a way leads to, reckoned from what happens on it, and not as the machine is built. */
interface Outcome {
  readonly told: readonly Told[];
  readonly end: BotEnd | undefined;
  readonly script: ScriptWriter;
}

const PING = "PING are-you-there\r\n";

function outcomeOf({ path, forms }: Run): Outcome {
  const told: Told[] = [];
  const script = new ScriptWriter();
  let end: BotEnd | undefined;
  let where = "offline" as "offline" | "registering" | "chatting" | "leaving"; // the helpers below change it
  let nick = NICK;
  let wanted: readonly string[] = rooms;
  let inside: readonly string[] = [];
  let isAsked = false;

  const fail = (what: string): void => {
    end = err(`The server SERVER ${what}.`);
  };
  const lose = (what: string): void => {
    told.push({ type: "Lost", why: `The server SERVER ${what}.`, retryInMs: SECOND });
    where = "offline";
    inside = [];
  };
  const leave = (why: string, words: string): void => {
    if (where === "offline") end = ok();
    else script.hear(`QUIT ${words}\r\n`);
    if (inside.length > 0) told.push({ type: "Left", nick, why });
    where = "leaving";
  };
  const talk = (): void => {
    const answer = "Good to see you, joe.";
    const isHere = inside.includes("#tavern");
    if (where !== "chatting") return;
    script.hear(`PRIVMSG ${isHere ? "#tavern" : "joe"} :${answer}\r\n`);
    if (!isHere) return;
    told.push({ type: "Said", nick: "joe", room: "#tavern", text: "hello" });
    told.push({ type: "Said", nick, room: "#tavern", text: answer });
  };
  const without = (room: string): void => {
    wanted = wanted.filter((other) => other !== room);
    inside = inside.filter((other) => other !== room);
  };

  const hear = (line: Line): void => {
    const room = line.endsWith("Tavern") ? "#tavern" : "#cellar";
    const isLast = wanted.length === 1;
    switch (line) {
      case "welcome":
        where = "chatting";
        for (const one of wanted) script.hear(`JOIN ${one}\r\n`);
        break;
      case "nickInUse":
        if (nick === `${NICK}___`) fail(`has no nick for the bot: all up to ${nick} are in use`);
        else script.hear(`NICK ${(nick += "_")}\r\n`);
        break;
      case "turnedAway":
        fail("turned the bot away: Password incorrect");
        break;
      case "lastWords":
        fail("ended the connection: Closing link");
        break;
      case "tooLong":
        if (where === "leaving")
          end = ok(); // it has done what it was asked to
        else fail("sent a line that is too long for IRC");
        break;
      case "letIntoTavern":
      case "letIntoCellar":
        inside = [...inside, room];
        told.push({ type: "Came", nick, room });
        break;
      case "keptOutOfTavern":
      case "keptOutOfCellar":
        if (isLast) fail(`did not let the bot into ${room}: ${room === "#tavern" ? "Key needed" : "Invite only"}`);
        else without(room);
        break;
      case "thrownOutOfTavern":
      case "thrownOutOfCellar":
        if (isLast) fail(`let ann throw the bot out of ${room}`);
        else {
          without(room);
          told.push({ type: "Left", nick, room, why: "thrown out by ann" });
        }
        break;
      case "sentHome":
        leave("joe sent me home", ":joe sent me home");
    }
  };

  for (const [at, step] of path.steps.entries()) {
    const form = forms[at];
    const fault = form as Fault | undefined;
    const act = actOf(step);
    switch (act) {
      case "Connected":
        script.connected();
        script.hear(`NICK ${NICK}\r\nUSER ${NICK} 0 * :A bot made with Tankard and XState\r\n`);
        where = "registering";
        nick = NICK;
        break;
      case "refused":
        lose("cannot be reached: connection refused");
        break;
      case "backOff":
        break;
      case "quit":
        leave("bye", "bye");
        break;
      case "closed":
        if (form === "SaysWhyAndCloses") {
          script.answer(at, "ERROR :Closing link\r\n");
          script.close();
        } else script.answer(at, "PING half\r\n", fault ?? "Closes");
        if (where === "leaving") end = ok();
        else lose("went away");
        break;
      case "unwelcome":
        script.answer(at, "PING half\r\n", fault ?? "Stalls");
        lose("did not welcome the bot in time");
        break;
      case "keptOutside":
        script.answer(at, "PING half\r\n", fault ?? "Stalls");
        lose("kept the bot waiting outside");
        break;
      case "silence":
        script.answer(at, "");
        script.hear(PING);
        isAsked = true;
        break;
      case "moreSilence":
        script.answer(at, "PING half\r\n", fault ?? "Stalls");
        if (!isAsked) throw new Error("The server has said something since");
        lose("has fallen silent");
        break;
      case "noFarewell":
        script.answer(at, "PING half\r\n", fault ?? "Stalls");
        end = ok();
        break;
      default: {
        const wire = wireOf(act, nick);
        isAsked = false;
        if (form === "AsksBefore") script.answer(at, `PING mark\r\n${wire}`);
        else if (form === "TalksBefore") script.answer(at, `:joe!j@host PRIVMSG #tavern :hello\r\n${wire}`);
        else script.answer(at, wire, fault);
        if (form === "AsksBefore") script.hear("PONG mark\r\n");
        if (form === "TalksBefore") talk();
        hear(act);
      }
    }
  }
  return { told, end, script };
}

/** Runs the machine on a way, and says what has become of it. */
async function play({ path, forms }: Run, { script }: Outcome) {
  const acts = path.steps.map(actOf);
  await using server = await scriptedServer(...script.scripts);
  await server.listen(!isNextRefused(acts));
  const clock = createSimulatedClock();
  const actor = createActor(ircBot, { input: inputFor(server.port), clock: clockOf(createRuntime({ clock })) });
  const anonymous = (text: string): string => text.replace(`127.0.0.1:${server.port}`, "SERVER");
  const told: Told[] = [];
  actor.on("*", (event) => told.push(event.type === "Lost" ? { ...event, why: anonymous(event.why) } : event));
  actor.start();
  await followPath(actor, path, {
    keyOf,
    comesByItself: (at) => forms[at - 1] === "WithNext" || isEndOfAttempt(acts[at]),
    bringAbout: async (step, at) => {
      const act = actOf(step);
      const serverStep = script.steps.get(at);
      serverStep?.gate.open();
      if (act === "quit") actor.send(others.quit);
      if (act === "backOff") await server.listen(!isNextRefused(acts.slice(at)));
      const milliseconds = waits[act];
      if (milliseconds === undefined) return;
      if (serverStep !== undefined)
        await until(() => server.requests.length === serverStep.requestCount, "The bot does not say it all");
      await waitFor(milliseconds, clock, actor);
    },
  });
  await expectNothingOpen(clock, server);
  const { output, context } = actor.getSnapshot();
  const { requests } = server;
  // When the bot is kept outside it is also time to ask whether anybody is there: it may ask before it gives up.
  const isKeptOutside = path.steps.some((step) => actOf(step) === "keptOutside");
  const unasked = isKeptOutside ? server.unasked.replace(PING, "") : server.unasked;
  const end = output?.ok === false ? err(anonymous(output.error)) : output;
  return { told, end, inside: context.inside, requests, unasked };
}

const kinds = ["Nothing", ...new Set(runs.flatMap(({ forms }) => forms.filter((form) => form !== undefined)))];

describe("ircBot, on every way through it and in every step", () => {
  test("has ways on which everything happens, and all of them end", () => {
    const acts = new Set<string>([...Object.keys(others), ...Object.keys(lines)]);
    expect(new Set(paths.flatMap(({ steps }) => steps.map(actOf)))).toEqual(acts);
    // A way that the machine no longer has is not run: only here it is missed.
    expect(countOfEnds(paths)).toEqual({ '"done"': 396, '"failed"': 84 });
    expect(kinds.length).toBeGreaterThan(8);
  });

  test.each(kinds)(
    "ends as it should or is back in its rooms, and leaves nothing open, where the server does: %s",
    async (kind) => {
      const ofKind = runs.filter(({ forms }) => (forms.find((form) => form !== undefined) ?? "Nothing") === kind);
      for (const run of ofKind) {
        const outcome = outcomeOf(run);
        const { told, end, script } = outcome;
        expect({ run: run.name, ...(await play(run, outcome)) }).toEqual({
          run: run.name,
          told,
          end,
          inside: [],
          requests: script.requests,
          unasked: script.unanswered,
        });
      }
    },
  );
});
