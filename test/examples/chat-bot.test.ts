import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, jest, test } from "@jest/globals";
import { caFile } from "../support/certificates.ts";
import { ircClient, ircStub, type IrcPeer, type IrcStub } from "../support/irc-peer.ts";
import { closedPort } from "../support/peer.ts";
import { normalised, runExample, startExample, startExampleOnTerminal } from "../support/run-example.ts";
import { findProgram } from "../support/find-program.ts";

jest.setTimeout(60_000);

const CONVERSATION = `A chat server listens on 127.0.0.1:PORT.

     barkeep  -> comes in
         joe  -> comes in
     barkeep  Welcome, joe! Say !help to see what I can do.
         joe  hello
     barkeep  Good to see you, joe.
         joe  !help
     barkeep  I know !help, !time, !roll (try !roll 2d6) and !quit.
         joe  !time
     barkeep  It is TIME UTC.
         joe  !roll 2d6
     barkeep  joe rolls 2d6: A + B = C
         joe  <- leaves: Thank you, that was fun
`;

describe("chat-bot without arguments", () => {
  test("talks with its visitor and ends, where there is no terminal", async () => {
    const { code, stdout, stderr } = await runExample("chat-bot");
    expect(normalised(stdout)).toBe(`${CONVERSATION}     barkeep  <- leaves: It is closing time\n`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("ends quietly when nobody reads its transcript any more", async () => {
    await using example = startExample("chat-bot");
    await example.printed(/comes in/);
    example.stopReading();
    expect(await example.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("takes another nick and channel, also without the # that a shell would take for a comment", async () => {
    const { code, stdout } = await runExample("chat-bot", "--once", "--nick", "joe", "--channel", "cellar");
    expect(stdout).toContain("        mike  -> comes in\n         joe  Welcome, mike!");
    expect(code).toBe(0);
  });

  test("ends with exit code 1 and a sentence if its own server refuses the nick", async () => {
    const ended = await runExample("chat-bot", "--nick", "a-nick-of-17-chars");
    expect(normalised(ended.stderr)).toBe("The server 127.0.0.1:PORT turned the bot away: Erroneous nickname.\n");
    expect(ended.code).toBe(1);
  });
});

const describeOnTerminal = findProgram("script") === undefined ? describe.skip : describe;

describeOnTerminal("chat-bot on a terminal", () => {
  test("tells how to join, is joined, and leaves in order at Ctrl-C", async () => {
    await using example = startExampleOnTerminal("chat-bot");
    const [, port = ""] = await example.printed(/nc 127\.0\.0\.1 (\d+)/);
    await example.printed(/Ctrl-C ends the chat/);

    // As the invitation says: nc ends its lines with a line feed alone.
    await using ann = await ircClient(Number(port));
    ann.write("NICK ann\nUSER ann 0 * :Ann\nJOIN #tavern\nPRIVMSG #tavern :hello\n");
    await ann.line(/^:barkeep!\S+ PRIVMSG #tavern :Good to see you, ann\.$/);
    await example.printed(/ann.* hello/);

    example.type("\x03");
    await ann.line(/^:barkeep!\S+ QUIT :I am called away$/);
    await ann.line(/^ERROR :Closing link: the server is closing$/);
    await ann.closed;
    const { code, stdout } = await example.ended;
    expect(code).toBe(0);
    expect(stdout).toContain("\x1b["); // in colour
  });

  test("ends by itself with --once", async () => {
    await using example = startExampleOnTerminal("chat-bot", "--once");
    const { code, stdout } = await example.ended;
    expect(stdout).toContain("It is closing time");
    expect(stdout).not.toContain("Come in yourself");
    expect(code).toBe(0);
  });
});

describe("chat-bot at a server", () => {
  test("says who it is, joins, answers PING, greets who comes, and answers", async () => {
    await using server = await ircStub();
    await using example = botAt(server);
    const bot = await welcomed(server);

    bot.write("PING :are you there\r\n");
    await bot.line(/^PONG :are you there$/);
    bot.write(":joe!j@host JOIN #tavern\r\n");
    await bot.line(/^PRIVMSG #tavern :Welcome, joe!/);
    bot.write(":joe!j@host PRIVMSG #tavern :!roll 2d6\r\n:joe!j@host PRIVMSG #tavern :!help\r\n");
    await bot.line(/^PRIVMSG #tavern :joe rolls 2d6: \d \+ \d = \d+$/);
    await bot.line(/^PRIVMSG #tavern :I know /);
    bot.write(":joe!j@host PRIVMSG tankard :hello\r\n");
    await bot.line(/^PRIVMSG joe :Good to see you, joe\.$/);
    bot.write(":joe!j@host PRIVMSG #tavern :!quit\r\n");
    await bot.line(/^QUIT :joe sent me home$/);
    bot.socket.end("ERROR :Closing link\r\n");

    expect((await example.ended).code).toBe(0);
  });

  test("hears the same when the bytes come one by one", async () => {
    await using server = await ircStub();
    await using example = botAt(server);
    const bot = await welcomed(server);
    bot.socket.setNoDelay(true);
    for (const byte of Buffer.from(":joe!j@host PRIVMSG #tavern :hellö 🍺\r\n:joe!j@host PRIVMSG #tavern :hello\r\n")) {
      bot.write(Uint8Array.of(byte));
      await new Promise(setImmediate); // a segment each
    }
    await bot.line(/^PRIVMSG #tavern :Good to see you/);
    expect((await example.printed(/^ *joe .*$/m))[0]).toBe("         joe  hellö 🍺");
  });

  test("prints nothing that would steer the terminal", async () => {
    await using server = await ircStub();
    await using example = botAt(server);
    const bot = await welcomed(server);
    bot.write(":joe!j@host PRIVMSG #tavern :\x1b[2J\x1b]0;title\x07red\r\n");
    expect((await example.printed(/^ *joe .*$/m))[0]).toBe("         joe  [2J]0;titlered");
  });

  test.each(["SIGINT", "SIGTERM"] as const)("says QUIT at %s, and ends with exit code 0", async (signal) => {
    await using server = await ircStub();
    await using example = botAt(server);
    const bot = await welcomed(server);
    await example.printed(/comes in/);
    example.signal(signal);
    await bot.line(/^QUIT :I am called away$/);
    bot.socket.end();
    expect(await example.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("tries another nick where its own is in use", async () => {
    await using server = await ircStub();
    await using example = botAt(server);
    const bot = await server.accept();
    await bot.line(/^NICK tankard$/);
    bot.write(":server 433 * tankard :Nickname is already in use\r\n");
    await bot.line(/^NICK tankard_$/);
    bot.write(":server 001 tankard_ :Welcome\r\n");
    await bot.line(/^JOIN #tavern$/);
    bot.write(":tankard_!t@host JOIN #tavern\r\n");
    expect((await example.printed(/^.*comes in$/m))[0]).toBe("    tankard_  -> comes in");
  });
});

const describeOnLinux = process.platform === "linux" ? describe : describe.skip; // for its way with a full backlog

describeOnLinux("chat-bot at a server that does not answer", () => {
  test("gives up at SIGINT", async () => {
    await using server = await busyServer();
    await using example = startExample("chat-bot", "--host", "127.0.0.1", "--port", `${server.port}`);
    await example.printed(/Joining/);
    example.signal("SIGINT");
    expect(await example.ended).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("chat-bot fails with one sentence and exit code 1", () => {
  test("where nobody listens", async () => {
    const port = await closedPort();
    expect(await runExample("chat-bot", "--host", "127.0.0.1", "--port", `${port}`)).toEqual({
      code: 1,
      stdout: `Joining #tavern at 127.0.0.1:${port} as barkeep.\n\n`,
      stderr: `Cannot connect to 127.0.0.1:${port}: connection refused.\n`,
    });
  });

  test("where the name is no host", async () => {
    expect(await runExample("chat-bot", "--host", "tavern.invalid")).toEqual({
      code: 1,
      stdout: "Joining #tavern at tavern.invalid:6667 as barkeep.\n\n",
      stderr: "Cannot connect to tavern.invalid:6667: host name not found.\n",
    });
  });

  test("where the server does not speak TLS", async () => {
    await using server = await ircStub();
    const { port } = server;
    await using example = startExample("chat-bot", "--host", "127.0.0.1", "--port", `${port}`, "--tls", "--ca", caFile);
    const bot = await server.accept();
    bot.write(":server NOTICE * :Looking up your host\r\n");
    expect(await example.ended).toEqual({
      code: 1,
      stdout: `Joining #tavern at 127.0.0.1:${port} over TLS as barkeep.\n\n`,
      stderr: expect.stringMatching(
        /^Cannot connect to 127\.0\.0\.1:\d+: TLS handshake failed: the peer does not speak TLS [^\n]*\.\n$/,
      ),
    });
  });

  test.each(["destroy", "resetAndDestroy"] as const)("when the server disappears (%s)", async (way) => {
    await using server = await ircStub();
    await using example = botAt(server);
    const bot = await server.accept();
    await bot.line(/^USER /);
    bot.socket[way]();
    expect(await example.ended).toMatchObject({
      code: 1,
      stderr: `The server 127.0.0.1:${server.port} went away.\n`,
    });
  });
});

describe("chat-bot at a server that disappears", () => {
  test.each(["destroy", "resetAndDestroy"] as const)("says so, and comes back (%s)", async (way) => {
    await using server = await ircStub();
    await using example = botAt(server);
    const bot = await welcomed(server);
    await example.printed(/comes in/);
    const back = welcomed(server);
    bot.socket[way]();
    await example.printed(/ {14}The server 127\.0\.0\.1:\d+ went away\. Again in 1 s\.\n/);
    await back;
    await example.printed(/Again in 1 s\.\n *tankard {2}-> comes in/);
    example.signal("SIGKILL");
    expect((await example.ended).stderr).toBe("");
  });

  test("leaves at SIGTERM where it waits for the next attempt", async () => {
    await using server = await ircStub();
    await using example = botAt(server);
    const bot = await welcomed(server);
    await example.printed(/comes in/);
    bot.socket.destroy();
    await example.printed(/Again in 1 s/);
    example.signal("SIGTERM");
    expect(await example.ended).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("chat-bot and its arguments", () => {
  test("refuses a wrong one with one sentence and exit code 2", async () => {
    expect(await runExample("chat-bot", "--host", "127.0.0.1", "--port", "irc")).toEqual({
      code: 2,
      stdout: "",
      stderr: '--port must be a number from 1 to 65535, not "irc".\n',
    });
  });

  test("says which file holds no certificate, and calls nobody", async () => {
    const { code, stderr } = await runExample("chat-bot", "--host", "127.0.0.1", "--tls", "--ca", "/dev/null");
    expect({ code, stderr }).toEqual({ code: 2, stderr: "Cannot use /dev/null: it holds no certificate in PEM.\n" });
  });

  test("says with --help what there is", async () => {
    const { code, stdout, stderr } = await runExample("chat-bot", "--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const option of ["--host", "--port", "--tls", "--ca", "--nick", "--channel", "--once", "--help"]) {
      expect(stdout).toContain(option);
    }
  });
});

function botAt(server: IrcStub) {
  return startExample("chat-bot", "--host", "127.0.0.1", "--port", `${server.port}`, "--nick", "tankard");
}

async function welcomed(server: IrcStub): Promise<IrcPeer> {
  const bot = await server.accept();
  await bot.line(/^NICK tankard$/);
  await bot.line(/^USER tankard 0 \* :/);
  bot.write(":server 001 tankard :Welcome\r\n");
  await bot.line(/^JOIN #tavern$/);
  bot.write(":tankard!t@host JOIN #tavern\r\n:server 366 tankard #tavern :End of names\r\n");
  return bot;
}

/** A server that accepts nobody, and has as many waiting as it has places. */
async function busyServer(): Promise<{ readonly port: number } & AsyncDisposable> {
  const program = `const server = require("node:net").createServer().listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
    require("node:fs").writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  const waiting = Array.from({ length: 4 }, () => connect(Number(port), "127.0.0.1").on("error", () => undefined));
  await once(waiting[0] as Socket, "connect");
  return {
    port: Number(port),
    [Symbol.asyncDispose]: async () => {
      for (const socket of waiting) socket.destroy();
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}
