// The chat bot as a machine: what it does when time passes, when its server dies, and how it may end.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { call, createRuntime, err, ok } from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { actorSubject, clockOf } from "tankard/xstate";
import { createActor, type InspectionEvent, type Snapshot, toPromise } from "xstate";
import type { IrcBotOptions } from "../../examples/irc-machine/context.ts";
import type { Told } from "../../examples/irc-machine/events.ts";
import { ircBot } from "../../examples/irc-machine/machine.ts";
import { hasHeard, type IrcPeer, type IrcStub, ircStub, letIn } from "../support/irc-peer.ts";
import { eventually } from "../support/other-program.ts";
import { closedPort } from "../support/peer.ts";
import { normalised, runExample, startExample } from "../support/run-example.ts";

const SECOND = 1_000;
const HALF_A_MINUTE = 30 * SECOND;

describe("ircBot registers", () => {
  test("with its nick, and joins its rooms when it is welcome", async () => {
    await using server = await ircStub();
    await using started = botAt(server, { rooms: ["#tavern", "#cellar"] });
    const connection = await server.accept();
    await connection.line(/^NICK barkeep$/);
    await connection.line(/^USER barkeep 0 \* :/);
    expect(started.bot.getSnapshot().value).toEqual({ online: { session: "registering", watch: "hearing" } });
    connection.write(":server 001 barkeep :Welcome\r\n");
    await connection.line(/^JOIN #tavern$/);
    await connection.line(/^JOIN #cellar$/);
    expect(started.told).toEqual([]);
    connection.write(":barkeep!b@host JOIN #tavern\r\n:barkeep!b@host JOIN #cellar\r\n");
    await hasHeard(connection);
    expect(started.told).toEqual([
      { type: "Came", nick: "barkeep", room: "#tavern" },
      { type: "Came", nick: "barkeep", room: "#cellar" },
    ]);
  });

  test("with its password first", async () => {
    await using server = await ircStub();
    await using _started = botAt(server, { password: "secret" });
    const connection = await server.accept();
    await connection.line(/^USER /);
    expect(connection.lines.slice(0, 2)).toEqual(["PASS secret", "NICK barkeep"]);
  });

  test("under the fourth nick where three are in use, and not under a fifth", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await server.accept();
    for (const nick of ["barkeep", "barkeep_", "barkeep__", "barkeep___"]) {
      await connection.line(new RegExp(`^NICK ${nick}$`));
      connection.write(`:server 433 * ${nick} :Nickname is already in use\r\n`);
    }
    expect(await started.end).toEqual(
      err(`The server ${started.address} has no nick for the bot: all up to barkeep___ are in use.`),
    );
  });

  test("under the nick that the server gives it", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await server.accept();
    await connection.line(/^USER /);
    connection.write(":server 001 bark :Welcome\r\n:bark!b@host JOIN #tavern\r\n");
    await hasHeard(connection);
    expect(started.told).toEqual([{ type: "Came", nick: "bark", room: "#tavern" }]);
  });
});

describe("ircBot in its rooms", () => {
  test("answers as the other bot does, and tells what happens, in order", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    connection.write(
      ":ann!a@host JOIN #tavern\r\n:ann!a@host PRIVMSG #tavern :hello\r\n:ann!a@host PART #tavern :bye\r\n",
    );
    connection.write(":ben!b@host JOIN #cellar\r\n:ben!b@host PRIVMSG barkeep :hi\r\n:dan!d@host QUIT :off\r\n");
    connection.write(":eve!e@host KICK #tavern cat :scat\r\n:barkeep!b@host NICK keeper\r\n");
    connection.write(":joe!j@host PRIVMSG #tavern :hello\r\n");
    await connection.line(/^PRIVMSG #tavern :Welcome, ann! Say !help/);
    await connection.line(/^PRIVMSG #tavern :Good to see you, ann\.$/);
    await connection.line(/^PRIVMSG ben :Good to see you, ben\.$/);
    await connection.line(/^PRIVMSG #tavern :Good to see you, joe\.$/);
    const room = "#tavern";
    expect(started.told).toEqual([
      { type: "Came", nick: "barkeep", room },
      { type: "Came", nick: "ann", room },
      { type: "Said", nick: "barkeep", room, text: "Welcome, ann! Say !help to see what I can do." },
      { type: "Said", nick: "ann", room, text: "hello" },
      { type: "Said", nick: "barkeep", room, text: "Good to see you, ann." },
      { type: "Left", nick: "ann", room, why: "bye" },
      { type: "Left", nick: "dan", why: "off" },
      { type: "Left", nick: "cat", room, why: "thrown out by eve" },
      { type: "Said", nick: "joe", room, text: "hello" },
      { type: "Said", nick: "keeper", room, text: "Good to see you, joe." },
    ]);
  });

  test("hears the same when the bytes come one by one", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    connection.socket.setNoDelay(true);
    for (const byte of Buffer.from(":joe!j@host PRIVMSG #tavern :hellö 🍺\r\n:joe!j@host PRIVMSG #tavern :hello\r\n")) {
      connection.write(Uint8Array.of(byte));
      await new Promise(setImmediate); // a segment each
    }
    await connection.line(/^PRIVMSG #tavern :Good to see you, joe\.$/);
    expect(started.told).toContainEqual({ type: "Said", nick: "joe", room: "#tavern", text: "hellö 🍺" });
  });

  test("asks for the next packet only when it has dealt with the last", async () => {
    await using server = await ircStub();
    const asked: string[] = [];
    await using started = botAt(server, {}, (event) => {
      if (event.type !== "@xstate.event") return;
      const { type } = event.event as { readonly type: string };
      if (["tcp.packet", "receiveNextPacketAsMessage"].includes(type)) asked.push(type);
    });
    const connection = await letIn(server);
    connection.write(":a!a@a PRIVMSG #tavern :1\r\n:a!a@a PRIVMSG #tavern :2\r\n");
    await hasHeard(connection);
    expect(started.bot.getSnapshot().context.heard).toBe(2);
    expect(asked.length).toBeGreaterThan(3);
    asked.forEach((type, n) => {
      expect(type).toBe(n % 2 === 0 ? "receiveNextPacketAsMessage" : "tcp.packet");
    });
  });

  test("says what it is asked to where it is, and tells what it could not say", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    started.bot.send({ type: "say", room: "#tavern", text: "too early" });
    const connection = await letIn(server);
    started.bot.send({ type: "say", room: "#tavern", text: "last orders" });
    started.bot.send({ type: "say", room: "#cellar", text: "anybody?" });
    await connection.line(/^PRIVMSG #tavern :last orders$/);
    expect(started.told).toEqual([
      { type: "Unsaid", room: "#tavern", text: "too early" },
      { type: "Came", nick: "barkeep", room: "#tavern" },
      { type: "Said", nick: "barkeep", room: "#tavern", text: "last orders" },
      { type: "Unsaid", room: "#cellar", text: "anybody?" },
    ]);
  });

  test("answers what processes call", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    connection.write(":joe!j@host PRIVMSG #tavern :hello\r\n");
    await connection.line(/^PRIVMSG/);
    const stats = call(actorSubject(started.bot), SECOND, (reply) => ({ type: "stats", reply }));
    expect(await stats).toEqual(ok({ nick: "barkeep", inside: ["#tavern"], connections: 1, heard: 1 }));
  });

  test("goes on without a room that is closed to it", async () => {
    await using server = await ircStub();
    await using started = botAt(server, { rooms: ["#tavern", "#cellar"] });
    const connection = await server.accept();
    await connection.line(/^USER /);
    connection.write(":server 001 barkeep :Welcome\r\n:server 473 barkeep #cellar :Invite only\r\n");
    connection.write(":barkeep!b@host JOIN #tavern\r\n");
    await hasHeard(connection);
    expect(started.bot.getSnapshot().context).toMatchObject({ rooms: ["#tavern"], inside: ["#tavern"] });
  });
});

describe("ircBot leaves", () => {
  test.each([
    [
      "when it is asked to",
      (started: Started) => {
        started.bot.send({ type: "quit", why: "bye" });
      },
      /^QUIT bye$/,
    ],
    [
      "when somebody sends it",
      (_: Started, connection: IrcPeer) => {
        connection.write(":joe!j@host PRIVMSG #tavern :!quit\r\n");
      },
      /^QUIT :joe sent me home$/,
    ],
  ])("with QUIT %s, and reads until the server has closed", async (_, ask, quit) => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    ask(started, connection);
    await connection.line(quit);
    connection.socket.end("ERROR :Closing link\r\n");
    expect(await started.end).toEqual(ok());
    expect(started.told.at(-1)).toMatchObject({ type: "Left", nick: "barkeep" });
  });

  test("before anything else that comes in the same packet", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    const lines = ["PRIVMSG #tavern :!quit", "PRIVMSG #tavern :hello", "KICK #tavern barkeep :out"];
    connection.write(lines.map((line) => `:joe!j@host ${line}\r\n`).join(""));
    await connection.line(/^QUIT :joe sent me home$/);
    connection.socket.end();
    expect(await started.end).toEqual(ok());
    expect(connection.lines).not.toContain("PRIVMSG #tavern :Good to see you, joe.");
    expect(started.told.slice(1)).toEqual([
      { type: "Said", nick: "joe", room: "#tavern", text: "!quit" },
      { type: "Left", nick: "barkeep", why: "joe sent me home" },
    ]);
  });

  test("after two seconds where the server does not answer QUIT", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    started.bot.send({ type: "quit", why: "bye" });
    await connection.line(/^QUIT bye$/);
    await started.clock.advance(1_999);
    expect(started.bot.getSnapshot().status).toBe("active");
    await started.clock.advance(1);
    expect(await started.end).toEqual(ok());
    await connection.closed;
  });

  test("in order where the server answers QUIT with what is no IRC", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    started.bot.send({ type: "quit", why: "bye" });
    await connection.line(/^QUIT bye$/);
    connection.write("x".repeat(600));
    expect(await started.end).toEqual(ok());
    await connection.closed;
  });

  test("at once where it has no connection", async () => {
    await using started = botAt({ port: await closedPort() });
    await started.lost(1);
    started.bot.send({ type: "quit", why: "bye" });
    expect(await started.end).toEqual(ok());
  });
});

describe("ircBot loses its server", () => {
  test.each(["destroy", "resetAndDestroy"] as const)("and is back in its rooms a second later (%s)", async (way) => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    connection.socket[way]();
    await started.lost(1);
    expect(started.told.at(-1)).toMatchObject({ type: "Lost", retryInMs: SECOND });
    expect(started.bot.getSnapshot().value).toBe("offline");
    expect(started.bot.getSnapshot().context.inside).toEqual([]);

    const returned = letIn(server);
    await started.clock.advance(SECOND);
    const again = await returned;
    again.write(":joe!j@host PRIVMSG #tavern :hello\r\n");
    await again.line(/^PRIVMSG #tavern :Good to see you, joe\.$/);
    expect(started.bot.getSnapshot().context).toMatchObject({ inside: ["#tavern"], connections: 2 });
  });

  test("says its last words as the reason", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    connection.socket.end("ERROR :The server goes down.\r\n");
    await started.lost(1);
    const why = `The server ${started.address} ended the connection: The server goes down.`;
    expect(started.told.at(-1)).toEqual({ type: "Lost", why, retryInMs: SECOND });
  });

  test("and tries after twice the time each time, at most a minute; a connection that lasts makes that forgotten", async () => {
    const port = await closedPort();
    await using started = botAt({ port });
    const waits = [1, 2, 4, 8, 16, 32, 60, 60];
    for (const [failed, seconds] of waits.entries()) {
      await started.lost(failed + 1);
      const why = `The server 127.0.0.1:${port} cannot be reached: connection refused.`;
      expect(started.told.at(-1)).toEqual({ type: "Lost", why, retryInMs: seconds * SECOND });
      await started.clock.advance(seconds * SECOND);
    }
    await started.lost(waits.length + 1);

    await using server = await ircStub(port);
    const returned = letIn(server);
    await started.clock.advance(60 * SECOND);
    const connection = await returned;
    await staysFor(started, connection, 2);
    connection.socket.destroy();
    await started.lost(waits.length + 2);
    expect(started.told.at(-1)).toMatchObject({ retryInMs: SECOND });
  });

  test("and comes under its own nick again, which had been in use before", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await server.accept();
    await connection.line(/^NICK barkeep$/);
    connection.write(":server 433 * barkeep :In use\r\n");
    await connection.line(/^NICK barkeep_$/);
    connection.write(":server 001 barkeep_ :Welcome\r\n:barkeep_!b@host JOIN #tavern\r\n");
    await hasHeard(connection);
    connection.socket.destroy();
    await started.lost(1);
    const returned = letIn(server);
    await started.clock.advance(SECOND);
    expect((await returned).lines).toContain("NICK barkeep");
  });

  test("which has fallen silent: it does not answer PING within half a minute", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    await staysFor(started, connection, 3);
    await started.clock.advance(HALF_A_MINUTE);
    await connection.line(/^PING are-you-there$/);
    expect(started.bot.getSnapshot().value).toEqual({ online: { session: { chatting: "inside" }, watch: "asking" } });
    await started.clock.advance(HALF_A_MINUTE);
    const why = `The server ${started.address} has fallen silent.`;
    expect(started.told.at(-1)).toEqual({ type: "Lost", why, retryInMs: SECOND });
    await connection.closed; // a dead peer's socket is not kept
  });

  test.each([
    ["did not welcome the bot in time", ""],
    ["kept the bot waiting outside", ":server 001 barkeep :Welcome\r\n"],
  ])("which %s", async (what, words) => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await server.accept();
    await connection.line(/^USER /);
    connection.write(words);
    await hasHeard(connection);
    await started.clock.advance(HALF_A_MINUTE - 1);
    expect(started.told).toEqual([]);
    connection.write(":server NOTICE barkeep :Wait\r\n"); // so that it is not silent
    await hasHeard(connection);
    await started.clock.advance(1);
    const why = `The server ${started.address} ${what}.`;
    expect(started.told).toEqual([{ type: "Lost", why, retryInMs: SECOND }]);
  });
});

describe("ircBot gives up", () => {
  test.each([
    [":server 464 * :Password incorrect.\r\n", "turned the bot away: Password incorrect."],
    [":server 465 * :You are banned\r\n", "turned the bot away: You are banned."],
    [":server 432 * barkeep :Erroneous nickname\r\n", "turned the bot away: Erroneous nickname."],
    ["ERROR :Access denied\r\n", "ended the connection: Access denied."],
    [`:server ${"x".repeat(600)}`, "sent a line that is too long for IRC."],
    [
      ":server 001 barkeep :Hi\r\n:server 475 barkeep #tavern :Key needed\r\n",
      "did not let the bot into #tavern: Key needed.",
    ],
    [
      ":server 001 barkeep :Hi\r\n:barkeep!b@host JOIN #tavern\r\n:ann!a@host KICK #tavern Barkeep :no bots\r\n",
      "let ann throw the bot out of #tavern.",
    ],
  ])("where the server says %j, and closes its socket", async (words, what) => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await server.accept();
    await connection.line(/^USER /);
    connection.write(words);
    expect(await started.end).toEqual(err(`The server ${started.address} ${what}`));
    await connection.closed;
  });

  test("where the host does not exist", async () => {
    await using started = botAt({ port: 6_667 }, { host: "tavern.invalid" });
    expect(await started.end).toEqual(err("The server tavern.invalid:6667 cannot be reached: host name not found."));
  });
});

describe("ircBot is kept", () => {
  test("as JSON, and comes back from it: it connects, registers and joins anew", async () => {
    await using server = await ircStub();
    await using started = botAt(server, { rooms: ["#tavern", "#cellar"] });
    const connection = await server.accept();
    await connection.line(/^USER /);
    connection.write(":server 001 barkeep :Welcome\r\n:server 473 barkeep #cellar :Invite only\r\n");
    connection.write(":barkeep!b@host JOIN #tavern\r\n:half a li");
    await hasHeard(connection, "ne\r\n");
    const kept = JSON.stringify(started.bot.getPersistedSnapshot());
    started.bot.stop();
    await connection.closed;

    const again = server.accept();
    await using restored = botAt(server, {}, undefined, JSON.parse(kept) as Snapshot<unknown>);
    const returned = await again;
    await returned.line(/^NICK barkeep$/);
    returned.write(":server 001 barkeep :Welcome\r\n");
    await returned.line(/^JOIN #tavern$/);
    returned.write(":barkeep!b@host JOIN #tavern\r\n");
    await hasHeard(returned);
    expect(restored.bot.getSnapshot().context).toMatchObject({ inside: ["#tavern"], connections: 2 });
    expect(returned.lines).not.toContain("JOIN #cellar");
  });
});

describe("examples/irc-machine.ts", () => {
  test("prints what its comment says, and ends", async () => {
    const { code, stdout, stderr } = await runExample("irc-machine");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(normalised(stdout)).toBe(normalised(promised()));
  }, 60_000);

  test("leaves in order at SIGTERM", async () => {
    await using server = await ircStub();
    await using example = startExample("irc-machine", "--host", "127.0.0.1", "--port", `${server.port}`);
    const connection = await letIn(server);
    await example.printed(/comes in/);
    example.signal("SIGTERM");
    await connection.line(/^QUIT :I am called away$/);
    connection.socket.end();
    expect(await example.ended).toMatchObject({ code: 0, stderr: "" });
  }, 60_000);

  test("ends with exit code 1 and a sentence where it is hopeless, and with 2 where it is asked for nonsense", async () => {
    expect(await runExample("irc-machine", "--host", "tavern.invalid")).toEqual({
      code: 1,
      stdout: "",
      stderr: "The server tavern.invalid:6667 cannot be reached: host name not found.\n",
    });
    expect(await runExample("irc-machine", "--port", "1")).toMatchObject({ code: 2, stdout: "" });
  }, 60_000);
});

/** The conversation in the first comment of the program. */
function promised(): string {
  const source = readFileSync(new URL("../../examples/irc-machine.ts", import.meta.url), "utf8");
  const lines = source.split("\n").filter((line) => line.startsWith("//   "));
  return `${lines.map((line) => line.slice("// ".length)).join("\n")}\n`;
}

type Started = ReturnType<typeof botAt>;

/** A bot under a clock of the test's own, on its way to the server. */
function botAt(
  { port }: Pick<IrcStub, "port">,
  options: Partial<IrcBotOptions> = {},
  inspect: (event: InspectionEvent) => void = () => undefined,
  snapshot?: Snapshot<unknown>,
) {
  const clock = createSimulatedClock();
  const runtime = createRuntime({ clock });
  const input = { host: "127.0.0.1", port, nick: "barkeep", rooms: ["#tavern"], ...options };
  const kept = snapshot === undefined ? {} : { snapshot };
  const bot = createActor(ircBot, { input, clock: clockOf(runtime), inspect, ...kept });
  const told: Told[] = [];
  bot.on("*", (event) => told.push(event));
  const end = toPromise(bot);
  bot.start();
  return {
    clock,
    bot,
    told,
    end,
    address: `${input.host}:${port}`,
    /** Resolves when so many connections have been lost. */
    lost: (count: number) =>
      eventually(() => Promise.resolve(told.filter(({ type }) => type === "Lost").length === count)),
    [Symbol.asyncDispose]: async () => {
      bot.stop();
      await runtime.stop();
    },
  };
}

/** Lets half a minute pass, several times, in which nobody says anything but the server, which answers PING. */
async function staysFor({ clock }: Started, connection: IrcPeer, times: number): Promise<void> {
  for (let left = times; left > 0; left--) {
    await clock.advance(HALF_A_MINUTE);
    await connection.line(/^PING are-you-there$/);
    connection.write(":server PONG server :are-you-there\r\n");
    await hasHeard(connection);
  }
}
