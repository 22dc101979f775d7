// How the bot's evening may end, and what it does when time passes. What it says and prints: chat-bot.test.ts.

import { describe, expect, test } from "@jest/globals";
import { createRuntime, err, ok, type OwnSubject } from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { chatBot, type BotEvent } from "../../examples/chat/bot.ts";
import { eventually } from "../support/other-program.ts";
import { hasHeard, type IrcStub, ircStub, letIn } from "../support/irc-peer.ts";

const HALF_A_MINUTE = 30_000;

describe("chatBot", () => {
  test("pings a server every half minute, and stays while it answers", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const { clock, bot } = started;
    const connection = await letIn(server);
    for (let periods = 0; periods < 10; periods += 1) {
      await clock.advance(HALF_A_MINUTE);
      await connection.line(/^PING are-you-there$/);
      connection.write(":server PONG server :are-you-there\r\n");
      await hasHeard(connection);
    }
    expect(bot.isAlive).toBe(true);
  });

  test("gives up a server that does not answer two PINGs", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const { clock, bot } = started;
    await letIn(server);
    await clock.advance(2 * HALF_A_MINUTE);
    expect(bot.isAlive).toBe(true);
    await clock.advance(HALF_A_MINUTE);
    expect(await bot.result).toEqual(err(`The server 127.0.0.1:${server.port} has fallen silent.`));
  });

  test("gives up a server that does not let it in within half a minute", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const { clock, bot } = started;
    const connection = await server.accept();
    await connection.line(/^USER /);
    await clock.advance(HALF_A_MINUTE);
    const sentence = `The server 127.0.0.1:${server.port} kept the bot waiting outside #tavern for too long.`;
    expect(await bot.result).toEqual(err(sentence));
    await connection.closed;
  });

  test("waits two seconds for a server that does not answer QUIT", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const { clock, bot } = started;
    const connection = await letIn(server);
    bot.subject.send({ type: "Leave", why: "bye" });
    await connection.line(/^QUIT bye$/);
    await clock.advance(1_999);
    expect(bot.isAlive).toBe(true);
    await clock.advance(1);
    expect(await bot.result).toEqual(ok());
  });

  test.each([
    [":server 464 * :Password incorrect.\r\n", "turned the bot away: Password incorrect."],
    [":server 465 * :You are banned\r\n", "turned the bot away: You are banned."],
    [":server 432 * barkeep :Erroneous nickname\r\n", "turned the bot away: Erroneous nickname."],
    ["ERROR :Too many connections\r\n", "ended the connection: Too many connections."],
    [`:server ${"x".repeat(600)}`, "sent a line that is too long for IRC."],
    ["", "went away."],
  ])("says how it was refused when the server says %j and closes", async (words, sentence) => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await server.accept();
    await connection.line(/^USER /);
    connection.socket.end(words);
    expect(await started.bot.result).toEqual(err(`The server 127.0.0.1:${server.port} ${sentence}`));
  });

  test("tries three other nicks where its own is in use", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await server.accept();
    for (const nick of ["barkeep", "barkeep_", "barkeep__", "barkeep___"]) {
      await connection.line(new RegExp(`^NICK ${nick}$`));
      connection.write(`:server 433 * ${nick} :Nickname is already in use\r\n`);
    }
    const sentence = `The server 127.0.0.1:${server.port} has no nick for the bot: all up to barkeep___ are in use.`;
    expect(await started.bot.result).toEqual(err(sentence));
  });

  test.each(["403", "405", "471", "473", "474", "475", "476"])(
    "says why where its channel is closed to it (%s)",
    async (numeric) => {
      await using server = await ircStub();
      await using started = botAt(server);
      const connection = await server.accept();
      await connection.line(/^USER /);
      connection.write(`:server 001 barkeep :Welcome\r\n:server ${numeric} barkeep #tavern :Not now\r\n`);
      const sentence = `The server 127.0.0.1:${server.port} did not let the bot into #tavern: Not now.`;
      expect(await started.bot.result).toEqual(err(sentence));
    },
  );

  test("says who threw it out", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    connection.write(":ann!a@host KICK #tavern Barkeep :no bots\r\n");
    expect(await started.bot.result).toEqual(err("ann threw the bot out of #tavern."));
  });

  test("tells who comes, speaks and goes, in order, and nothing of other channels", async () => {
    await using server = await ircStub();
    await using started = botAt(server);
    const connection = await letIn(server);
    connection.write(
      ":ann!a@host JOIN #Tavern\r\n:ann!a@host PRIVMSG #tavern :well\r\n:ann!a@host PART #tavern :bye\r\n",
    );
    connection.write(":ben!b@host JOIN #cellar\r\n:ben!b@host PRIVMSG #cellar :well\r\n:ben!b@host PART #cellar\r\n");
    connection.write(":eve!e@host KICK #tavern cat :scat\r\n:barkeep!b@host NICK keeper\r\n:dan!d@host QUIT\r\n");
    connection.write(":joe!j@host PRIVMSG #tavern :hello\r\n");
    await hasHeard(connection);
    expect(started.told).toEqual([
      { type: "Came", nick: "barkeep" },
      { type: "Came", nick: "ann" },
      { type: "Said", nick: "barkeep", text: "Welcome, ann! Say !help to see what I can do." },
      { type: "Said", nick: "ann", text: "well" },
      { type: "Left", nick: "ann", why: "bye" },
      { type: "Left", nick: "cat", why: "thrown out by eve" },
      { type: "Left", nick: "dan", why: "" },
      { type: "Said", nick: "joe", text: "hello" },
      { type: "Said", nick: "keeper", text: "Good to see you, joe." },
    ]);
  });
});

describe("chatBot that comes back", () => {
  const second = 1_000;

  test("is in its channel again after each loss, a second later or, where that fails, two, four, up to sixty", async () => {
    let server = await ircStub();
    const { port } = server;
    await using started = botAt(server, true);
    const { clock, told } = started;
    const lost = (why: string, seconds: number) => ({ type: "Lost", why, retryInMs: seconds * second });
    let connection = await letIn(server);
    for (let round = 0; round < 2; round += 1) {
      await server[Symbol.asyncDispose](); // and the connection with it
      await connection.closed;
      for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
        const why = seconds === 1 ? "The server SERVER went away." : "Cannot connect to SERVER: connection refused.";
        await eventually(() => Promise.resolve(told.at(-1)?.type === "Lost"));
        expect(told.splice(0).at(-1)).toEqual(lost(why.replace("SERVER", `127.0.0.1:${port}`), seconds));
        await clock.advance(seconds * second - 1);
        expect(told).toEqual([]);
        if (seconds === 60) break;
        await clock.advance(1);
      }
      server = await ircStub(port);
      const back = letIn(server);
      await clock.advance(1);
      connection = await back;
    }
    expect(told.at(-1)).toEqual({ type: "Came", nick: "barkeep" });
    await server[Symbol.asyncDispose]();
  });

  test("leaves a server that has fallen silent, and takes nothing that comes late from it for the next one's", async () => {
    await using server = await ircStub();
    await using started = botAt(server, true);
    const { clock, told } = started;
    const silent = await letIn(server);
    await clock.advance(3 * HALF_A_MINUTE);
    await silent.closed;
    expect(told.at(-1)).toMatchObject({ type: "Lost", why: expect.stringContaining("has fallen silent") });
    const back = letIn(server);
    await clock.advance(second);
    const connection = await back;
    for (let periods = 0; periods < 3; periods += 1) {
      await clock.advance(HALF_A_MINUTE);
      await hasHeard(connection); // it is the new connection that is watched now
    }
    expect(told.at(-1)).toEqual({ type: "Came", nick: "barkeep" });
  });

  test("leaves at once where it waits for the next attempt", async () => {
    await using server = await ircStub();
    await using started = botAt(server, true);
    const connection = await letIn(server);
    connection.socket.destroy();
    await eventually(() => Promise.resolve(started.told.at(-1)?.type === "Lost"));
    started.bot.subject.send({ type: "Leave", why: "bye" });
    expect(await started.bot.result).toEqual(ok());
  });

  test.each([
    ["ERROR :Too many connections\r\n", "ended the connection: Too many connections."],
    ["", "went away."],
  ])("does not where it never was in its channel: the server says %j", async (words, sentence) => {
    await using server = await ircStub();
    await using started = botAt(server, true);
    const connection = await server.accept();
    await connection.line(/^USER /);
    connection.socket.end(words);
    expect(await started.bot.result).toEqual(err(`The server 127.0.0.1:${server.port} ${sentence}`));
  });

  test("does not where it is thrown out", async () => {
    await using server = await ircStub();
    await using started = botAt(server, true);
    const connection = await letIn(server);
    connection.write(":ann!a@host KICK #tavern Barkeep :no bots\r\n");
    expect(await started.bot.result).toEqual(err("ann threw the bot out of #tavern."));
  });
});

/** A bot under a clock of the test's own, on its way to the server. */
function botAt(server: IrcStub, comesBack = false) {
  const clock = createSimulatedClock();
  const runtime = createRuntime({ clock });
  const told: BotEvent[] = [];
  const listener = runtime.spawn(async (self, events: OwnSubject<BotEvent>) => {
    for (;;) told.push(await self.receiveForever(events));
  });
  const { signal } = new AbortController();
  const where = { host: "127.0.0.1", port: server.port, nick: "barkeep", channel: "#tavern", comesBack };
  const bot = runtime.spawn(chatBot({ ...where, signal }, listener.subject));
  return { clock, bot, told, [Symbol.asyncDispose]: () => runtime.stop() };
}
