import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createRuntime, unwrap, type OwnSubject, type Runtime } from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { chatRoom, type RoomMessage, type ToClient } from "../../examples/chat/room.ts";
import { startChatServer, type ChatServer } from "../../examples/chat/server.ts";
import { ircClient, ircMember } from "../support/irc-peer.ts";

interface Crash {
  readonly reason: unknown;
  readonly handled: boolean;
}

describe("startChatServer", () => {
  let runtime: Runtime;
  let server: ChatServer;
  let crashes: Crash[];

  beforeEach(async () => {
    crashes = [];
    runtime = createRuntime({ onCrash: ({ reason, handled }) => crashes.push({ reason, handled }) });
    server = unwrap(await startChatServer(runtime));
  });

  afterEach(async () => {
    await server.close();
    await runtime.stop();
    for (const { reason, handled } of crashes) if (!handled) throw reason;
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
    ["PRIVMSG ben :hello", "401 ann ben :No such nick, or no channel that you are in"],
    ["PRIVMSG #b :hello", "401 ann #b :No such nick, or no channel that you are in"],
    ["JOIN b", "403 ann b :No such channel"],
    [`JOIN #${"b".repeat(50)}`, `403 ann #${"b".repeat(50)} :No such channel`],
    ["JOIN #1,#2,#3,#4,#5,#6,#7,#8,#9,#10", "405 ann #10 :You are in too many channels"],
    ["PART #b", "442 ann #b :You are not in that channel"],
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

  test.each([
    ["a line without an end", "x".repeat(100_000)],
    ["a line that is too long", `PING ${"x".repeat(600)}\r\n`],
  ])("ends a connection that sends %s, after it has obeyed what came before", async (_what, flood) => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircMember(server.port, "ben", "#a");
    ben.write(`PRIVMSG #a :last words\r\n${flood}`);
    expect(await ben.line(/^ERROR/)).toBe("ERROR :Closing link: a line is too long");
    await ben.closed;
    await ann.line(/PRIVMSG #a :last words/);
    await ann.line(/^:ben!\S+ QUIT/);
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

  test("turns away whom it has no place for", async () => {
    const guests = await Promise.all(Array.from({ length: 100 }, () => ircClient(server.port)));
    try {
      await using late = await ircClient(server.port);
      expect(await late.line(/ERROR/)).toBe("ERROR :Closing link: the server is full");
      await late.closed;
    } finally {
      for (const guest of guests) await guest[Symbol.asyncDispose]();
    }
  });

  test("says goodbye to everybody when it closes, and then nothing of it is left", async () => {
    await using ann = await ircMember(server.port, "ann", "#a");
    await using ben = await ircClient(server.port);
    ben.socket.pause(); // it will not hear it
    await server.close();
    expect(await ann.line(/ERROR/)).toBe("ERROR :Closing link: the server is closing");
    await ann.closed;
    await runtime.idle();
  });
});

describe("a connection", () => {
  test("has a minute to say who it is", async () => {
    const clock = createSimulatedClock();
    const runtime = createRuntime({ clock });
    const server = unwrap(await startChatServer(runtime));
    await using ann = await ircMember(server.port, "ann", "#a");
    await using stranger = await ircClient(server.port);
    stranger.write("NICK stranger\r\nPING mark\r\n");
    await stranger.line(/PONG/);
    await clock.advance(59_999);
    expect(stranger.lines.filter((line) => line.startsWith("ERROR"))).toEqual([]);
    await clock.advance(1);
    expect(await stranger.line(/^ERROR/)).toBe("ERROR :Closing link: you did not say who you are");
    await stranger.closed;
    ann.write("PING mark\r\n");
    await ann.line(/PONG/); // who has said it stays
    await server.close();
    await runtime.stop();
  });
});

describe("chatRoom", () => {
  test("outlives a client that crashes, and tells the others", async () => {
    const crashes: Crash[] = [];
    const runtime = createRuntime({ onCrash: ({ reason, handled }) => crashes.push({ reason, handled }) });
    const room = runtime.spawn(chatRoom);
    const joined = (nick: string, told: string[]) =>
      runtime.spawn(async (self, outbox: OwnSubject<ToClient | { readonly type: "Crash" }>) => {
        const client = self.process;
        const enter = <T extends RoomMessage>(message: T) => message;
        room.subject.send(enter({ type: "Arrive", client, outbox }));
        await self.call(room.subject, 1_000, (reply) => ({ type: "TakeNick", client, nick, reply }));
        await self.call(room.subject, 1_000, (reply) => ({ type: "Join", client, channel: "#a", reply }));
        for (;;) {
          const message = await self.receiveForever(outbox);
          if (message.type === "Crash") throw new Error("a bug");
          if (message.type === "Dismiss") return;
          told.push(message.line);
        }
      });
    const ann: string[] = [];
    const first = joined("ann", ann);
    const second = joined("ben", []);
    second.subject.send({ type: "Crash" });
    await second.exited;
    room.subject.send({ type: "Close" });
    await Promise.all([first.exited, room.exited]);
    expect(ann.at(-1)).toBe(":ben!ben@tankard.example QUIT :Connection lost\r\n");
    expect(crashes).toEqual([{ reason: new Error("a bug"), handled: true }]);
    await runtime.stop();
  });
});
