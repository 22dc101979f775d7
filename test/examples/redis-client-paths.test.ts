// Every way through the Redis client's machine, over real sockets, and in each step whatever a server may do instead.

import { describe, expect, jest, test } from "@jest/globals";
import { createRuntime, err, ok, type Subject } from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { clockOf } from "tankard/xstate";
import { createActor, type EventFromLogic, type SnapshotFrom } from "xstate";
import { type CommandResult, redisMachine, type RedisOptions } from "../../examples/redis-client/machine.ts";
import { encodeCommand } from "tankard/framing";
import { expectNothingOpen, followPath, isEndOfAttempt, isNextRefused, waitFor } from "../support/follow-path.ts";
import { countOfEnds, type PathRun, pathsToEnds, type PathStep, runsInForms } from "../support/machine-paths.ts";
import { until } from "../support/peer.ts";
import { cuts, type Fault, scriptedServer } from "../support/scripted-server.ts";
import { ScriptWriter } from "../support/script-writer.ts";

jest.setTimeout(60_000);

const FIRST_BACK_OFF_MS = 1_000;
const DRAIN_WITHIN_MS = 5_000;
const RANDOM = 0.5;

function inputFor(port: number): RedisOptions {
  return {
    host: "127.0.0.1",
    port,
    timeout: Infinity, // simulated time may run away from the network's
    firstBackOffMs: FIRST_BACK_OFF_MS,
    drainWithinMs: DRAIN_WITHIN_MS,
    random: () => RANDOM,
  };
}

type Snapshot = SnapshotFrom<typeof redisMachine>;
type Event = EventFromLogic<typeof redisMachine>;
type Step = PathStep<typeof redisMachine>;

interface Command {
  readonly bytes: Buffer;
  /** What the server answers. */
  readonly wire: string;
  readonly result: CommandResult;
}

/** In the order in which they are given. */
const commands: readonly Command[] = [
  {
    bytes: encodeCommand("LRANGE", "a", 0, 1),
    wire: "*2\r\n$4\r\na\r\n\0\r\n:1\r\n",
    result: ok([Buffer.from("a\r\n\0"), 1]),
  },
  { bytes: encodeCommand("INCR", "b"), wire: "-ERR no\r\n", result: err({ type: "ErrorReply", text: "ERR no" }) },
];
const quit: Command = { bytes: encodeCommand("QUIT"), wire: "+OK\r\n", result: ok("OK") };

// ── the ways ──

/** What comes from outside, in short. What the server does and what time does are the machine's own events. */
type Act = "command" | "close" | "Connected" | "reply" | "lost" | "refused" | "drainDeadline" | "backOff";

/** Who gives the command, and wants its result, is put in when it happens. */
const events: Record<Exclude<Act, "reply">, Event> = {
  command: { type: "command" } as Event,
  close: { type: "close" },
  Connected: { type: "Connected" },
  lost: { type: "xstate.done.actor.tcp", output: { reason: "Closed" }, actorId: "tcp" } as never,
  refused: { type: "xstate.error.actor.tcp", error: "refused", actorId: "tcp" } as never,
  drainDeadline: { type: "xstate.after.drainDeadline.redis.session.draining" } as never,
  backOff: { type: "xstate.after.backOff.redis.waiting" } as never,
};

function actOf({ event }: Step): Act {
  const known = Object.entries(events).find(([, { type }]) => type === event.type);
  return (known?.[0] ?? "reply") as Act;
}

function eventsAt(snapshot: Snapshot, past: readonly Event[]): Event[] {
  if (snapshot.status !== "active") return [];
  const given = past.filter(({ type }) => type === "command").length;
  const command = commands[given];
  const { failures, inFlight } = snapshot.context;
  const asked = command === undefined ? [] : [{ ...events.command, bytes: command.bytes } as Event];
  // Which command it is the answer to: that the machine does not mix them up is to be seen over the sockets.
  const answer = inFlight.length === 0 ? [] : [packet(wireOf(inFlight[0]?.bytes))];
  if (snapshot.matches("waiting")) return [...asked, events.close, events.backOff];
  if (snapshot.matches({ session: "draining" })) return [...asked, ...answer, events.lost, events.drainDeadline];
  if (snapshot.matches({ session: "online" }))
    return [...asked, ...answer, events.close, ...(failures < 1 ? [events.lost] : [])];
  if (failures > 0) return [events.Connected];
  return [...asked, events.close, events.Connected, events.refused];
}

function packet(wire: string): Event {
  return { type: "Packet", data: Buffer.from(wire) } as unknown as Event;
}

function wireOf(bytes: Buffer | undefined): string {
  return [...commands, quit].find((command) => bytes?.equals(command.bytes) === true)?.wire ?? "";
}

function keyOf({ status, value, context: { queued, inFlight, failures } }: Snapshot): unknown {
  if (status === "done") return [value];
  const names = (all: typeof queued) => all.map(({ bytes }) => bytes.toString());
  return [value, names(queued), names(inFlight), failures];
}

const paths = pathsToEnds(redisMachine, {
  input: inputFor(0),
  events: eventsAt,
  key: (snapshot, past) => [keyOf(snapshot), past.filter(({ type }) => type === "command").length],
});

// ── what a server may do instead ──

/** More than one answer: to the command that is the first, to all of them, and to none. */
type Form = Extract<Fault, string> | keyof typeof nonsense | "AnswersFirstThenNonsense" | "AnswersTooMuch";

const nonsense = {
  NoReply: { wire: "HTTP/1.1 400 Bad Request\r\n", why: 'protocol error: a reply begins with "H"' },
  TooLong: { wire: "$1\r\nlong\r\n", why: "protocol error: a string is longer than it says" },
} as const;

function formsOf(step: Step, next: Step | undefined): readonly Form[] {
  switch (actOf(step)) {
    case "reply":
      return next !== undefined && actOf(next) === "reply" ? cuts : ["ByteByByte", "InTwo"];
    case "lost":
      return step.before.context.inFlight.length === 0
        ? ["Resets", "NoReply", "AnswersTooMuch"]
        : [
            "Resets",
            "ClosesHalfway",
            "ResetsHalfway",
            "NoReply",
            "TooLong",
            "AnswersFirstThenNonsense",
            "AnswersTooMuch",
          ];
    case "drainDeadline":
      return ["StallsHalfway"];
    default:
      return [];
  }
}

type Run = PathRun<typeof redisMachine, Form>;

const runs = runsInForms(paths, { nameOf: actOf, keyOf, formsOf });

// ── what becomes of it ──

/** What a way leads to, reckoned from what happens on it, and not as the machine is built. */
interface Outcome {
  /** What each command has come to, in the order in which it was known. */
  readonly results: readonly (readonly [command: number, result: CommandResult])[];
  readonly losses: readonly string[];
  readonly script: ScriptWriter;
}

function outcomeOf({ path, forms }: Run): Outcome {
  const results: [number, CommandResult][] = [];
  const losses: string[] = [];
  const script = new ScriptWriter();
  let given = 0;
  let queued: number[] = [];
  let inFlight: number[] = []; // that of QUIT is -1
  let where: "offline" | "online" | "leaving" = "offline";

  const tell = (command: number): void => {
    script.hear(commandAt(command).bytes.toString("latin1"));
    inFlight.push(command);
  };
  const settle = (command: number | undefined, result: CommandResult): void => {
    if (command !== undefined && command !== -1) results.push([command, result]);
  };
  const settleAll = (which: readonly number[], result: CommandResult): void => {
    for (const command of which) settle(command, result);
  };
  const reply = (): void => {
    const command = inFlight.shift();
    if (command !== undefined) settle(command, commandAt(command).result);
  };
  const lose = (why: string): void => {
    settleAll(inFlight, err({ type: "ConnectionLost", why }));
    losses.push(why);
    inFlight = [];
    where = "offline";
  };

  for (const [at, step] of path.steps.entries()) {
    const form = forms[at];
    const wire = inFlight.map((command) => commandAt(command).wire);
    const next = wire[0] ?? "";
    switch (actOf(step)) {
      case "command":
        if (where === "leaving") settle(given, err({ type: "Closed" }));
        else if (where === "online") tell(given);
        else queued.push(given);
        given += 1;
        break;
      case "close":
        if (where === "online") tell(-1);
        else settleAll(queued, err({ type: "Closed" }));
        where = "leaving";
        break;
      case "refused":
        losses.push("could not connect over IPv4 (connection refused: 127.0.0.1)");
        break;
      case "backOff":
        break;
      case "Connected":
        script.connected();
        where = "online";
        for (const command of queued) tell(command);
        queued = [];
        break;
      case "reply":
        script.answer(at, next, form as Fault | undefined);
        reply();
        break;
      case "drainDeadline":
        script.answer(at, next, (form as Fault | undefined) ?? "Stalls");
        settleAll(inFlight, err({ type: "ConnectionLost", why: "no answer before the client closed" }));
        break;
      case "lost":
        switch (form) {
          case "NoReply":
          case "TooLong":
            script.answer(at, next, { says: nonsense[form].wire });
            lose(nonsense[form].why);
            break;
          case "AnswersFirstThenNonsense":
            script.answer(at, next, { says: next + nonsense.NoReply.wire });
            reply();
            // Whoever has its last answer has left.
            if (where !== "leaving" || inFlight.length > 0) lose(nonsense.NoReply.why);
            break;
          case "AnswersTooMuch":
            script.answer(at, next, { says: [...wire, ":0\r\n"].join("") });
            for (const _ of wire) reply();
            if (where !== "leaving") lose("protocol error: a reply to no command");
            break;
          default:
            script.answer(at, next, form ?? "Closes");
            lose("connection closed");
        }
    }
  }
  return { results, losses, script };
}

function commandAt(command: number): Command {
  return commands[command] ?? quit;
}

/** Runs the machine on a way, and says what has become of it. */
async function play({ path, forms }: Run, { script }: Outcome) {
  const acts = path.steps.map(actOf);
  await using server = await scriptedServer(...script.scripts);
  await server.listen(!isNextRefused(acts));
  const clock = createSimulatedClock();
  const actor = createActor(redisMachine, { input: inputFor(server.port), clock: clockOf(createRuntime({ clock })) });
  const results: [number, CommandResult][] = [];
  const losses: string[] = [];
  let given = 0;
  actor.on("lost", ({ why }) => losses.push(why));
  actor.start();

  await followPath(actor, path, {
    keyOf,
    comesByItself: (at) => forms[at - 1] === "WithNext" || isEndOfAttempt(acts[at]),
    bringAbout: async (step, at) => {
      const act = actOf(step);
      const serverStep = script.steps.get(at);
      serverStep?.gate.open();
      if (act === "command") {
        const command = given++;
        const reply = { send: (result: CommandResult) => results.push([command, result]) };
        const { bytes } = commandAt(command);
        actor.send({ type: "command", bytes, reply: reply as unknown as Subject<CommandResult> });
      } else if (act === "close") actor.send({ type: "close" });
      else if (act === "backOff") {
        await server.listen(!isNextRefused(acts.slice(at)));
        await waitFor(RANDOM * FIRST_BACK_OFF_MS, clock, actor);
      } else if (act === "drainDeadline") {
        await until(() => server.requests.length === serverStep?.requestCount, "The client does not say it all");
        await waitFor(DRAIN_WITHIN_MS, clock, actor);
      }
    },
  });
  await expectNothingOpen(clock, server);
  const { requests, unasked } = server;
  return { results, requests, unasked, losses, state: actor.getSnapshot().value };
}

const kinds = ["Nothing", ...new Set(runs.flatMap(({ forms }) => forms.filter((form) => form !== undefined)))];

describe("redisMachine, on every way through it and in every step", () => {
  test("has ways on which everything happens, and all of them end", () => {
    expect(new Set(paths.flatMap(({ steps }) => steps.map(actOf)))).toEqual(new Set([...Object.keys(events), "reply"]));
    // A way that the machine no longer has is not run: only here it is missed.
    expect(countOfEnds(paths)).toEqual({ '"closed"': 556 });
    expect(kinds.length).toBeGreaterThan(10);
  });

  test.each(kinds)(
    "answers each command once, in order, and leaves nothing open where the server does: %s",
    async (kind) => {
      const ofKind = runs.filter(({ forms }) => (forms.find((form) => form !== undefined) ?? "Nothing") === kind);
      for (const run of ofKind) {
        const outcome = outcomeOf(run);
        const { results, losses, script } = outcome;
        expect({ run: run.name, ...(await play(run, outcome)) }).toEqual({
          run: run.name,
          results,
          requests: script.requests,
          unasked: script.unanswered,
          losses,
          state: "closed",
        });
      }
    },
  );
});
