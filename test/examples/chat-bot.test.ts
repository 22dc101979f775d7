import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, jest, test } from "@jest/globals";
import { ircClient, ircStub, type IrcPeer, type IrcStub } from "../support/irc-peer.ts";
import { normalised, runExample, startExample, startExampleOnTerminal, type Ended } from "../support/run-example.ts";
import { findProgram } from "../support/find-program.ts";

jest.setTimeout(30_000);

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

  test("leaves a server that does not answer QUIT", async () => {
    await using server = await ircStub();
    await using example = botAt(server);
    const bot = await welcomed(server);
    await example.printed(/comes in/);
    example.signal("SIGINT");
    await bot.line(/^QUIT /);
    await bot.closed;
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

describe("chat-bot fails with one sentence and exit code 1", () => {
  test("where nobody listens", async () => {
    const port = await closedPort();
    const { code, stdout, stderr } = await runExample("chat-bot", "--host", "127.0.0.1", "--port", `${port}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(oneSentence(`Cannot connect to 127.0.0.1:${port}: `));
    expect(stderr.toLowerCase()).toContain("refused");
  });

  test("where the name is no host", async () => {
    const { code, stderr } = await runExample("chat-bot", "--host", "tavern.invalid");
    expect(code).toBe(1);
    expect(stderr).toMatch(oneSentence("Cannot connect to tavern.invalid:6667: "));
  });

  test("where every nick is in use: it tries three others", async () => {
    const nicks: string[] = [];
    const ended = await refusedBy(async (bot) => {
      for (let tried = 0; tried < 4; tried += 1) {
        const nick = (await bot.line(/^NICK /)).slice("NICK ".length);
        nicks.push(nick);
        bot.write(`:server 433 * ${nick} :Nickname is already in use\r\n`);
      }
    });
    expect(nicks).toEqual(["tankard", "tankard_", "tankard__", "tankard___"]);
    expect(ended).toBe("The server SERVER has no nick for the bot: all up to tankard___ are in use.\n");
  });

  test.each([
    [":server 464 * :Password incorrect.\r\n", "The server SERVER turned the bot away: Password incorrect.\n"],
    [":server 465 * :You are banned\r\n", "The server SERVER turned the bot away: You are banned.\n"],
    [":server 432 * tankard :Erroneous nickname\r\n", "The server SERVER turned the bot away: Erroneous nickname.\n"],
    ["ERROR :Too many connections\r\n", "The server SERVER ended the connection: Too many connections.\n"],
    [`:server ${"x".repeat(600)}`, "The server SERVER sent a line that is too long for IRC.\n"],
    ["", "The server SERVER went away.\n"],
  ])("where the server says %j before it closes", async (words, sentence) => {
    const ended = await refusedBy(async (bot) => {
      await bot.line(/^USER /);
      bot.socket.end(words);
    });
    expect(ended).toBe(sentence);
  });

  test("where the channel is closed to it", async () => {
    const ended = await refusedBy(async (bot) => {
      await bot.line(/^USER /);
      bot.write(":server 001 tankard :Welcome\r\n");
      await bot.line(/^JOIN /);
      bot.write(":server 474 tankard #tavern :Cannot join channel (+b)\r\n");
    });
    expect(ended).toBe("The server SERVER did not let the bot into #tavern: Cannot join channel (+b).\n");
  });

  test("when it is thrown out", async () => {
    const ended = await refusedBy(async (bot) => {
      await welcome(bot);
      bot.write(":ann!a@host KICK #tavern tankard :no bots\r\n");
    });
    expect(ended).toBe("ann threw the bot out of #tavern.\n");
  });

  test.each(["destroy", "resetAndDestroy", "end"] as const)("when the server disappears (%s)", async (way) => {
    const ended = await refusedBy(async (bot) => {
      await welcome(bot);
      bot.socket[way]();
    });
    expect(ended).toBe("The server SERVER went away.\n");
  });
});

describe("chat-bot refuses arguments with one sentence and exit code 2", () => {
  test.each([
    [["--port", "6667"], "--port is the port of a server, so it needs --host."],
    [["--host", "h", "--port", "0"], '--port must be a number from 1 to 65535, not "0".'],
    [["--host", "h", "--port", "65536"], '--port must be a number from 1 to 65535, not "65536".'],
    [["--host", "h", "--port", "1e3"], '--port must be a number from 1 to 65535, not "1e3".'],
    [["--host", ""], "--host needs the name or the address of a server."],
    [["--host", "h", "--once"], "--once is for the bot's own server, so it cannot go with --host."],
    [["--nick", "a b"], '--nick must be letters, digits and []\\`_^{|}-, and no digit or - first, not "a b".'],
    [["--channel", "a,b"], '--channel must be a name without spaces, commas and colons, not "a,b".'],
    [["--hots", "h"], "Unknown option '--hots' (--help tells what there is)."],
    [["--host"], "Option '--host <value>' argument missing (--help tells what there is)."],
    [["--host", "--once"], "Option '--host' argument is ambiguous (--help tells what there is)."],
    [["--once=yes"], "Option '--once' does not take an argument (--help tells what there is)."],
    [["tavern"], "Unexpected argument 'tavern' (--help tells what there is)."],
  ])("%j", async (args, sentence) => {
    expect(await runExample("chat-bot", ...args)).toEqual({ code: 2, stdout: "", stderr: `${sentence}\n` });
  });

  test("and says with --help what there is", async () => {
    const { code, stdout, stderr } = await runExample("chat-bot", "--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const option of ["--host", "--port", "--nick", "--channel", "--once", "--help"])
      expect(stdout).toContain(option);
  });
});

function botAt(server: IrcStub) {
  return startExample("chat-bot", "--host", "127.0.0.1", "--port", `${server.port}`, "--nick", "tankard");
}

async function welcomed(server: IrcStub): Promise<IrcPeer> {
  const bot = await server.accept();
  await welcome(bot);
  return bot;
}

async function welcome(bot: IrcPeer): Promise<void> {
  await bot.line(/^NICK tankard$/);
  await bot.line(/^USER tankard 0 \* :/);
  bot.write(":server 001 tankard :Welcome\r\n");
  await bot.line(/^JOIN #tavern$/);
  bot.write(":tankard!t@host JOIN #tavern\r\n:server 366 tankard #tavern :End of names\r\n");
}

/** What the bot says on stderr when `refuse` has dealt with it; its exit code is 1. */
async function refusedBy(refuse: (bot: IrcPeer) => Promise<void>): Promise<string> {
  await using server = await ircStub();
  await using example = botAt(server);
  await refuse(await server.accept());
  const { code, stderr }: Ended = await example.ended;
  expect(code).toBe(1);
  return stderr.replaceAll(`127.0.0.1:${server.port}`, "SERVER");
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** One line that begins so and has one full stop, at its end. */
function oneSentence(beginning: string): RegExp {
  const escaped = beginning.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped}[^\n]*[^.\n]\\.\n$`);
}
