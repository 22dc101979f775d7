import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { createRuntime, unwrap, type Runtime } from "tankard";
import { startServer, type Server } from "tankard/server";
import { createSimulatedClock } from "tankard/testing";
import { clientHandler } from "../../examples/chat/connection.ts";
import { startRegistry } from "../../examples/chat/registry.ts";
import { startChatServer } from "../../examples/chat/server.ts";
import { ircClient, ircMember, type IrcPeer } from "../support/irc-peer.ts";
import { peerServer, until } from "../support/peer.ts";
import { runExample, startExample } from "../support/run-example.ts";

jest.setTimeout(60_000);

const ANY_PORT = { host: "127.0.0.1", port: 0 };
const DRAIN_WITHIN_MS = 2_000;

interface Crash {
  readonly reason: unknown;
  readonly handled: boolean;
}

/** Resolves when the server has done what the client asked for until now, and the client has heard of it. */
async function isServed(client: IrcPeer): Promise<void> {
  client.write("PING served\r\n");
  await client.line(/ PONG \S+ :served$/);
}

describe("startChatServer", () => {
  let runtime: Runtime;
  let server: Server;
  let crashes: Crash[];

  beforeEach(async () => {
    crashes = [];
    runtime = createRuntime({ onCrash: ({ reason, handled }) => crashes.push({ reason, handled }) });
    server = unwrap(await startChatServer(ANY_PORT, runtime));
  });

  afterEach(async () => {
    await server.drain(DRAIN_WITHIN_MS);
    await runtime.stop();
    for (const { reason } of crashes) throw reason;
  });

  test.each(["NICK ann\r\nUSER ann 0 * :Ann\r\n", "USER ann 0 * :Ann\nNICK ann\n"])(
    "welcomes who says %j",
    async (introduction) => {
      await using ann = await ircClient(server.port);
      ann.write(introduction);
      expect(await ann.line(/ 001 /)).toBe(":tankard.example 001 ann :Welcome to the Tankard, ann");
    },
  );

  test("lets people into a channel, tells them who is there, and the others who came", async () => {
    await using ann = await ircMember(server.port, "ann", "#Cellar");
    await using ben = await ircMember(server.port, "ben", "#cellar");
    expect(ben.lines.slice(-3)).toEqual([
      ":ben!ben@tankard.example JOIN #Cellar",
      ":tankard.example 353 ben = #Cellar :ann ben",
      ":tankard.example 366 ben #Cellar :End of the list of names",
    ]);
    expect(await ann.line(/^:ben!/)).toBe(":ben!ben@tankard.example JOIN #Cellar");
  });

  test("brings what one says to the others in the channel, and not back", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#a");
    await using eve = await ircMember(server.port, "eve", "#elsewhere");
    ann.write("PRIVMSG #a :grüß dich 🍺\r\nPING mark\r\n");
    expect(await ben.line(/PRIVMSG/)).toBe(":ann!ann@tankard.example PRIVMSG #a :grüß dich 🍺");
    await ann.line(/PONG/);
    eve.write("PING mark\r\n");
    await eve.line(/PONG/);
    expect([...ann.lines, ...eve.lines].filter((line) => line.includes("PRIVMSG"))).toEqual([]);
  });

  test("brings what one says to another alone", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#b");
    ann.write("PRIVMSG BEN :psst\r\n");
    expect(await ben.line(/PRIVMSG/)).toBe(":ann!ann@tankard.example PRIVMSG BEN :psst");
  });

  test("tells those who share a channel of a new nick, once, and of who parts", async () => {
    await using ann = await ircMember(server.port, "ann", "#a,#b");
    await using ben = await ircMember(server.port, "ben", "#a,#b");
    ben.write("NICK benno\r\nPART #a\r\nPING mark\r\n");
    await ben.line(/PONG/);
    ann.write("PING mark\r\n");
    await ann.line(/PONG/);
    const news = [":ben!ben@tankard.example NICK benno", ":benno!benno@tankard.example PART #a"];
    expect(ben.lines.slice(-3, -1)).toEqual(news);
    expect(ann.lines.slice(-3, -1)).toEqual(news);
  });

  test.each([
    ["NICK 1ann", "432 ann 1ann :Erroneous nickname"],
    ["NICK a-nick-of-17-chars", "432 ann a-nick-of-17-chars :Erroneous nickname"],
    ["USER ann 0 * :Ann", "462 ann :You have said who you are already"],
    ["WHO #a", "421 ann WHO :Unknown command"],
    ["PRIVMSG ben", "461 ann PRIVMSG :Not enough parameters"],
    ["PRIVMSG ben :hello", "401 ann ben :No such nick"],
    ["PRIVMSG #b :hello", "403 ann #b :No such channel"],
    ["JOIN b", "403 ann b :No such channel"],
    [`JOIN #${"b".repeat(50)}`, `403 ann #${"b".repeat(50)} :No such channel`],
    ["JOIN #1,#2,#3,#4,#5,#6,#7,#8,#9,#10", "405 ann #10 :You are in too many channels"],
    ["PART #b", "403 ann #b :No such channel"],
  ])("answers to %j: %s", async (line, answer) => {
    await using ann = await ircMember(server.port, "ann", "#a");
    ann.write(`${line}\r\n`);
    expect(await ann.line(/ 4\d\d /)).toBe(`:tankard.example ${answer}`);
  });

  test("gives a nick to one at a time, whatever its case, and again when it is free", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using other = await ircClient(server.port);
    other.write("NICK ANN\r\nJOIN #a\r\n");
    expect(await other.line(/ 433 /)).toBe(":tankard.example 433 * ANN :Nickname is already in use");
    expect(await other.line(/ 451 /)).toBe(":tankard.example 451 * :You have not registered");
    ann.write("QUIT\r\n");
    await ann.closed;
    other.write("NICK ANN\r\nUSER ann 0 * :Ann\r\n");
    expect(await other.line(/ 001 /)).toContain("Welcome");
  });

  test("answers in order, however the lines were cut into packets", async () => {
    await using ann = await ircClient(server.port);
    ann.socket.setNoDelay(true);
    const bytes = Buffer.from("NICK ann\r\nUSER ann 0 * :Änn\r\nJOIN #a\r\nBOGUS\r\nPART #a\r\nPING :a b\r\n");
    for (let at = 0; at < bytes.length; at += 3) {
      ann.write(bytes.subarray(at, at + 3));
      await new Promise(setImmediate); // a segment each
    }
    await ann.line(/PONG/);
    expect(ann.lines.map((line) => line.replace(/^:\S+ /, ""))).toEqual([
      "001 ann :Welcome to the Tankard, ann",
      "422 ann :There is no message of the day",
      "JOIN #a",
      "353 ann = #a :ann",
      "366 ann #a :End of the list of names",
      "421 ann BOGUS :Unknown command",
      "PART #a",
      "PONG tankard.example :a b",
    ]);
  });

  test("answers thousands of lines that come at once", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    ann.write("PING mark\r\n".repeat(10_000) + "PING end\r\n");
    await ann.line(/PONG \S+ :end/);
    expect(ann.lines.filter((line) => line.endsWith(":mark"))).toHaveLength(10_000);
  });

  test("says goodbye to who says QUIT, and tells the others", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#a");
    ben.write("QUIT :off to bed\r\n");
    expect(await ben.line(/ERROR/)).toBe("ERROR :Closing link: off to bed");
    await ben.closed;
    expect(await ann.line(/QUIT/)).toBe(":ben!ben@tankard.example QUIT :off to bed");
  });

  test.each(["end", "destroy", "resetAndDestroy"] as const)(
    "tells the others when one disappears (%s)",
    async (way) => {
      await using ann = await ircMember(server.port, "ann", "#a");
      await using ben = await ircMember(server.port, "ben", "#a");
      ben.socket[way]();
      expect(await ann.line(/QUIT/)).toBe(":ben!ben@tankard.example QUIT :Connection closed");
    },
  );

  test("refuses to speak in, and to leave, a channel that the client is not in", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#b");
    ben.write("PRIVMSG #A :hello\r\nPART #A\r\n");
    expect(await ben.line(/ 4\d\d /)).toBe(":tankard.example 404 ben #A :Cannot send to channel");
    expect(await ben.line(/ 4\d\d /)).toBe(":tankard.example 442 ben #A :You are not in that channel");
    await isServed(ann);
    expect(ann.lines.filter((line) => line.includes("ben"))).toEqual([]);
  });

  test("says who is in a channel, in those that the client is in, and in one that is not there", async () => {
    await using ann = await ircMember(server.port, "ann", "#a,#b");
    await using ben = await ircMember(server.port, "ben", "#a");
    ben.write("NICK Benno\r\n");
    await ann.line(/NICK/);
    const begin = ann.lines.length;
    ann.write("NAMES #A\r\nNAMES\r\nNAMES #nowhere\r\n");
    await isServed(ann);
    expect(ann.lines.slice(begin, -1).map((line) => line.replace(/^:\S+ /, ""))).toEqual([
      "353 ann = #a :ann Benno",
      "366 ann #a :End of the list of names",
      "353 ann = #a :ann Benno",
      "366 ann #a :End of the list of names",
      "353 ann = #b :ann",
      "366 ann #b :End of the list of names",
      "366 ann #nowhere :End of the list of names",
    ]);
  });

  test("lets somebody write its own nick otherwise", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    ann.write("NICK Ann\r\n");
    expect(await ann.line(/NICK/)).toBe(":ann!ann@tankard.example NICK Ann");
  });

  test("forgets a channel when the last has left it", async () => {
    await using ann = await ircMember(server.port, "ann", "#Big");
    ann.write("PART #big\r\nJOIN #big\r\n");
    expect(await ann.line(/PART/)).toBe(":ann!ann@tankard.example PART #Big");
    expect(await ann.line(/JOIN/)).toBe(":ann!ann@tankard.example JOIN #big");
  });

  test("lets two talk on when the connection of a third is reset", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#a");
    await using eve = await ircMember(server.port, "eve", "#a");
    ann.write("PRIVMSG #a :one\r\n");
    await ben.line(/:one$/);
    eve.write("PRIVMSG #a :half a li"); // the rest never comes
    eve.socket.resetAndDestroy();
    await ann.line(/^:eve!\S+ QUIT/);
    await ben.line(/^:eve!\S+ QUIT/);
    ann.write("PRIVMSG #a :two\r\n");
    ben.write("PRIVMSG #a :three\r\n");
    expect(await ben.line(/PRIVMSG/)).toBe(":ann!ann@tankard.example PRIVMSG #a :two");
    expect(await ann.line(/PRIVMSG/)).toBe(":ben!ben@tankard.example PRIVMSG #a :three");
  });

  test.each([
    ["in one packet", [`PING ${"x".repeat(600)}\r\n`]],
    ["in many", [...Array.from({ length: 30 }, () => "x".repeat(9_999)), "\r\n"]],
  ])("refuses a line that is too long, once, and goes on behind it (%s)", async (_how, pieces) => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#a");
    ben.write("PRIVMSG #a :before\r\n");
    for (const piece of pieces) ben.write(piece);
    ben.write("PRIVMSG #a :behind\r\n");
    expect(await ben.line(/ 4\d\d /)).toBe(":tankard.example 417 ben :Input line was too long");
    await ann.line(/:before$/);
    await ann.line(/:behind$/);
    await isServed(ben);
    expect(ben.lines.filter((line) => line.includes(" 417 "))).toHaveLength(1);
  });

  test("cuts what is too long for a line when its sender stands before it", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#a");
    ben.write(`PRIVMSG #a :${"x".repeat(490)}\r\n`);
    expect(Buffer.byteLength(await ann.line(/PRIVMSG/))).toBe(510);
  });

  test("ends a connection that does not read, and hurts no other", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using slow = await ircMember(server.port, "slow", "#a");
    await using ben = await ircMember(server.port, "ben", "#a");
    slow.socket.pause();
    const line = `PRIVMSG #a :${"x".repeat(450)}\r\n`;
    while (!ben.lines.some((heard) => heard.startsWith(":slow!slow@tankard.example QUIT "))) {
      ann.write(`${line.repeat(500)}PING mark\r\n`);
      await ann.line(/PONG/);
    }
    ann.write("PRIVMSG #a :still there?\r\n");
    await ben.line(/still there/);
    slow.socket.resume(); // what was sent to it until then, and the end
    await slow.closed;
    expect(slow.lines.length).toBeLessThan(ben.lines.length);
  }, 60_000);

  test("lets go of a client that asks without end and never reads, and the others do not wait for it", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#a");
    await using flood = await ircMember(server.port, "flood", "#a");
    flood.socket.pause();
    const questions = "PING mark\r\nNAMES #a\r\n".repeat(2_000);
    for (let said = 0; !ben.lines.some((line) => line.startsWith(":flood!") && line.includes(" QUIT ")); said++) {
      if (flood.socket.writableLength < 1_000_000) flood.write(questions);
      ann.write(`PRIVMSG #a :${said}\r\n`);
      await ben.line(new RegExp(`^:ann!\\S+ PRIVMSG #a :${said}$`), 2_000);
    }
    expect(ben.lines).toContain(":flood!flood@tankard.example QUIT :you do not read");
  });

  test("resets whom it has no place for, until somebody goes", async () => {
    const guests = await Promise.all(Array.from({ length: 100 }, () => ircClient(server.port)));
    try {
      await until(() => server.info().open === 100, "100 are not served");
      const [error] = (await once(connect(server.port, "127.0.0.1").resume(), "error")) as [Error];
      expect(error).toMatchObject({ code: "ECONNRESET" });
      await guests.pop()?.[Symbol.asyncDispose]();
      await until(() => server.info().open === 99, "nobody has gone");
      await using next = await ircMember(server.port, "next", "#a");
      expect(next.lines).not.toEqual([]);
    } finally {
      for (const guest of guests) await guest[Symbol.asyncDispose]();
    }
  });

  test("says goodbye to everybody when it drains, and then nothing of it is left", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircClient(server.port);
    ben.socket.pause(); // it will not hear it
    await server.drain(DRAIN_WITHIN_MS);
    expect(await ann.line(/ERROR/)).toBe("ERROR :Closing link: the server is closing");
    await ann.closed;
    await runtime.idle();
  });

  test("says that it cannot listen, and then nothing of it is left", async () => {
    await using other = await peerServer();
    const alone = createRuntime();
    const started = await startChatServer({ host: "127.0.0.1", port: other.port }, alone);
    expect(started).toEqual({ ok: false, error: "Eaddrinuse" });
    await alone.idle();
  });
});

describe("clientHandler", () => {
  test("gives a client a minute to say who it is", async () => {
    const clock = createSimulatedClock();
    const runtime = createRuntime({ clock });
    const server = unwrap(await startChatServer(ANY_PORT, runtime));
    await using ann = await ircMember(server.port, "ann", "#a");
    await using stranger = await ircClient(server.port);
    stranger.write("NICK stranger\r\nPING mark\r\n");
    await stranger.line(/PONG/);
    await clock.advance(59_999);
    expect(stranger.lines.filter((line) => line.startsWith("ERROR"))).toEqual([]);
    await clock.advance(1);
    expect(await stranger.line(/^ERROR/)).toBe("ERROR :Closing link: you did not say who you are");
    await stranger.closed;
    await isServed(ann); // who has said it stays
    await server.stop();
    await runtime.stop();
  });

  test("tells the others of one whose actor crashes, and its nick is free", async () => {
    const crashes: Crash[] = [];
    const runtime = createRuntime({ onCrash: ({ reason, handled }) => crashes.push({ reason, handled }) });
    const registry = unwrap(await startRegistry(runtime)).data;
    const handler = clientHandler({ registry, rooms: new Map() });
    const server = unwrap(
      await startServer(
        { ...ANY_PORT, onEvent: () => undefined },
        {
          ...handler,
          onPacket(client, data, connection, self) {
            if (data.includes("crash")) throw new Error("a bug");
            return handler.onPacket(client, data, connection, self);
          },
        },
        runtime,
      ),
    );
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#a");
    ben.write("crash\r\n");
    expect(await ann.line(/^:ben!/)).toBe(":ben!ben@tankard.example JOIN #a");
    expect(await ann.line(/^:ben!/)).toBe(":ben!ben@tankard.example QUIT :Connection lost");
    await ben.closed;
    await using next = await ircMember(server.port, "ben", "#a");
    expect(next.lines.at(-2)).toBe(":tankard.example 353 ben = #a :ann ben");
    expect(crashes).toEqual([{ reason: new Error("a bug"), handled: true }]);
    await server.stop();
    await runtime.stop();
  });
});

describe("examples/chat-server.ts", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "serves until %s, says goodbye, and ends with exit code 0",
    async (signal) => {
      await using example = startExample("chat-server", "--port", "0");
      const [, port = ""] = await example.printed(/^listening on 127\.0\.0\.1:(\d+)\n/);
      await using ann = await ircMember(Number(port), "ann", "#a");
      await using ben = await ircMember(Number(port), "ben", "#a");
      ann.write("PRIVMSG #a :hello\r\n");
      await ben.line(/:hello$/);
      example.signal(signal);
      await ann.line(/^ERROR :Closing link: the server is closing$/);
      await ben.line(/^ERROR :Closing link: the server is closing$/);
      await Promise.all([ann.closed, ben.closed]);
      expect(await example.ended).toEqual({ code: 0, stdout: `listening on 127.0.0.1:${port}\n`, stderr: "" });
    },
  );

  test("ends in time though a client does not read its goodbye", async () => {
    await using example = startExample("chat-server", "--host", "localhost", "--port", "0");
    const [, port = ""] = await example.printed(/^listening on localhost:(\d+)\n/);
    await using ann = await ircClient(Number(port));
    ann.write("PING mark\r\n");
    await ann.line(/PONG/);
    ann.socket.pause();
    example.signal("SIGTERM");
    expect(await example.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("says how it is used, and why it cannot listen", async () => {
    const usage = { code: 2, stdout: "", stderr: "Usage: chat-server [--host HOST] [--port PORT]\n" };
    for (const args of [["--port", "irc"], ["--port", "99999"], ["--host", ""], ["--frobnicate"]]) {
      expect(await runExample("chat-server", ...args)).toEqual(usage);
    }
    await using server = await peerServer();
    const ended = await runExample("chat-server", "--port", `${server.port}`);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^Cannot listen on 127\.0\.0\.1:\d+: .*in use.*\.\n$/);
  });
});
