// The chat bot at a real IRC server, ngircd, with real clients beside it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { caFile, type CertificateName } from "../support/certificates.ts";
import { findProgram } from "../support/find-program.ts";
import { startIi } from "../support/ii.ts";
import { ircMember, type IrcPeer } from "../support/irc-peer.ts";
import { endProgram, eventually } from "../support/other-program.ts";
import { canConnect, closedPort } from "../support/peer.ts";
import { type RunningExample, startExample } from "../support/run-example.ts";
import { startStunnel } from "../support/stunnel.ts";

jest.setTimeout(60_000);

const ngircd = findProgram("ngircd");
const ii = findProgram("ii");
const stunnel = findProgram("stunnel4");
const describeWithNgircd = ngircd === undefined ? describe.skip : describe;
const describeWithBoth = ngircd === undefined || ii === undefined ? describe.skip : describe;

describeWithNgircd("chat-bot at ngircd", () => {
  test("greets who comes, answers, and goes when it is sent", async () => {
    await using server = await startNgircd();
    await using bot = botAt(server.port);
    await bot.printed(/barkeep {2}-> comes in/);
    await using ann = await memberThatAnswersPing(server.port, "ann");

    await ann.line(/^:barkeep!\S+ PRIVMSG #tavern :Welcome, ann!/);
    ann.write("PRIVMSG #tavern :!help\r\nPRIVMSG #tavern :!roll 2d6\r\n");
    await ann.line(/^:barkeep!\S+ PRIVMSG #tavern :I know /);
    await ann.line(/^:barkeep!\S+ PRIVMSG #tavern :ann rolls 2d6: \d \+ \d = \d+$/);
    ann.write("PRIVMSG barkeep :hello\r\n");
    await ann.line(/^:barkeep!\S+ PRIVMSG ann :Good to see you, ann\.$/);

    ann.write("PRIVMSG #tavern :!quit\r\n");
    expect(await ann.line(/^:barkeep!\S+ QUIT /)).toContain("ann sent me home");
    expect(await bot.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("answers the server's PING", async () => {
    await using server = await startNgircd();
    await using bot = botAt(server.port);
    await bot.printed(/barkeep {2}-> comes in/);
    await using ann = await memberThatAnswersPing(server.port, "ann");

    // ngircd pings whom it has not heard for five seconds and drops whom it has not heard five seconds later, no sooner
    // can it be asked to: when it has pinged this client three times, a bot that did not answer would be gone.
    for (let pings = 0; pings < 3; pings += 1) await ann.line(/^PING /, 10_000);
    ann.write("PRIVMSG #tavern :hello\r\n");
    expect(await ann.line(/^:barkeep!\S+ PRIVMSG #tavern :Good/)).toContain("Good to see you, ann.");
  }, 60_000);

  test.each(["SIGINT", "SIGTERM"] as const)("says QUIT at %s", async (signal) => {
    await using server = await startNgircd();
    await using ann = await memberThatAnswersPing(server.port, "ann");
    await using bot = botAt(server.port);
    await ann.line(/^:barkeep!\S+ JOIN/);
    await bot.printed(/barkeep {2}-> comes in/);
    bot.signal(signal);
    expect(await ann.line(/^:barkeep!\S+ QUIT /)).toContain("I am called away");
    expect(await bot.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("comes under another nick where its own is in use", async () => {
    await using server = await startNgircd();
    await using ann = await memberThatAnswersPing(server.port, "barkeep");
    await using bot = botAt(server.port);
    expect(await ann.line(/^:barkeep_!\S+ JOIN/)).toContain("#tavern");
    await bot.printed(/barkeep_ {2}-> comes in/);
  });

  test("is turned away where a password is needed", async () => {
    await using server = await startNgircd("Password = secret");
    await using bot = botAt(server.port);
    const { code, stderr } = await bot.ended;
    expect(stderr).toMatch(/^The server 127\.0\.0\.1:\d+ [^\n]*[Pp]assword[^\n]*\.\n$/);
    expect(code).toBe(1);
  });

  test("says that the server went away when it does, and is back when that is", async () => {
    await using server = await startNgircd();
    await using bot = botAt(server.port);
    await bot.printed(/barkeep {2}-> comes in/);
    await server.stop();
    await bot.printed(/ The server 127\.0\.0\.1:\d+ (?:went away|ended the connection: [^\n]+)\. Again in 1 s\.\n/);
    await using _restarted = await startNgircd("", server.port);
    await bot.printed(/Again in \d+ s\.\n *barkeep {2}-> comes in/);
    bot.signal("SIGTERM");
    expect(await bot.ended).toMatchObject({ code: 0, stderr: "" });
  });
});

const describeOverTls = ngircd === undefined || stunnel === undefined ? describe.skip : describe;

describeOverTls("the bots at ngircd behind stunnel", () => {
  test.each(["chat-bot", "irc-machine"])(
    "%s is in its channel over TLS, and again each time when both were killed and have started again",
    async (program) => {
      await using first = await startBoth();
      const { serverPort, port } = first;
      await using bot = botOverTls(program, port, caFile);
      await visit(bot, serverPort, 1);
      await first.kill();
      await bot.printed(/(?:went away|broke).* Again in \d s\./);

      await using second = await startBoth(serverPort, port);
      await visit(bot, serverPort, 2);
      await second.kill();
      await bot.printed(/(?:[^]*(?:went away|broke)[^]*Again in \d s\.){2}/);

      await using _third = await startBoth(serverPort, port);
      await visit(bot, serverPort, 3);
      bot.signal("SIGTERM");
      expect(await bot.ended).toMatchObject({ code: 0, stderr: "" });
    },
  );

  test.each<[string, string, CertificateName, string | undefined, string]>([
    [
      "chat-bot",
      "that nobody has signed whom it trusts",
      "localhost",
      undefined,
      "nobody who is trusted has signed it",
    ],
    ["chat-bot", "that another authority has signed", "unknown-ca", caFile, "nobody who is trusted has signed it"],
    ["chat-bot", "that is for another", "example-org", caFile, "it is for another host"],
    ["chat-bot", "that has expired", "expired", caFile, "it has expired"],
    ["irc-machine", "that another authority has signed", "unknown-ca", caFile, "nobody who is trusted has signed it"],
  ])("%s refuses a certificate %s, and says why", async (program, _what, certificate, trusted, why) => {
    await using server = await startNgircd();
    await using front = await startStunnel(stunnel ?? "", { to: server.port, certificate });
    await using bot = botOverTls(program, front.port, trusted);
    const { code, stderr } = await bot.ended;
    expect(stderr).toMatch(/^[^\n]*127\.0\.0\.1:\d+[^\n]*: the peer's certificate was rejected: [^\n]*\.\n$/);
    expect(stderr).toContain(why);
    expect(code).toBe(1);
  });
});

/** An ngircd and the stunnel in front of it. */
async function startBoth(givenServerPort?: number, givenPort?: number) {
  const server = await startNgircd("", givenServerPort);
  const front = await startStunnel(stunnel ?? "", { to: server.port, port: givenPort });
  return {
    serverPort: server.port,
    port: front.port,
    kill: async () => {
      await server.kill();
      await front.kill();
    },
    [Symbol.asyncDispose]: async () => {
      await front[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Somebody comes in, once the bot has come so many times, and is welcomed by it. */
async function visit(bot: RunningExample, serverPort: number, comings: number): Promise<void> {
  await bot.printed(new RegExp(`(?:[^]*barkeep {2}-> comes in){${comings}}`));
  await using ann = await memberThatAnswersPing(serverPort, "ann");
  await ann.line(/^:barkeep!\S+ PRIVMSG #tavern :Welcome, ann!/);
}

function botOverTls(program: string, port: number, trusted: string | undefined) {
  const ca = trusted === undefined ? [] : ["--ca", trusted];
  return startExample(program, "--host", "127.0.0.1", "--port", `${port}`, "--tls", ...ca);
}

describeWithNgircd("irc-machine at ngircd", () => {
  test("is back in its channel when the server was killed and has started again", async () => {
    await using server = await startNgircd();
    await using bot = botAt(server.port, "irc-machine");
    await bot.printed(/barkeep {2}-> comes in/);

    await server.kill();
    await bot.printed(/The server 127\.0\.0\.1:\d+ went away\. Again in 1 s\./);
    await bot.printed(/The server 127\.0\.0\.1:\d+ cannot be reached: connection refused\. Again in 2 s\./);
    await using _restarted = await startNgircd("", server.port);
    await bot.printed(/Again in 2 s\.\n(.*\n)* *barkeep {2}-> comes in/);

    await using ann = await memberThatAnswersPing(server.port, "ann");
    await ann.line(/^:barkeep!\S+ PRIVMSG #tavern :Welcome, ann!/);
    ann.write("PRIVMSG #tavern :!quit\r\n");
    expect(await ann.line(/^:barkeep!\S+ QUIT /)).toContain("ann sent me home");
    expect(await bot.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("is turned away for good where a password is needed", async () => {
    await using server = await startNgircd("Password = secret");
    await using bot = botAt(server.port, "irc-machine");
    const { code, stderr } = await bot.ended;
    expect(stderr).toMatch(/^The server 127\.0\.0\.1:\d+ [^\n]*[Pp]assword[^\n]*\.\n$/);
    expect(code).toBe(1);
  });
});

describeWithBoth("chat-bot at ngircd, beside ii", () => {
  test("talks with a person who uses a real client", async () => {
    await using server = await startNgircd();
    await using bot = botAt(server.port);
    await bot.printed(/barkeep {2}-> comes in/);
    await using joe = await startIi(ii ?? "", server.port, "joe", server.folder);

    await joe.type("", "/j #tavern\n");
    await joe.reads("#tavern", /<barkeep> Welcome, joe! Say !help/);
    await joe.type("#tavern", "hello\n!time\n");
    await joe.reads("#tavern", /<barkeep> Good to see you, joe\./);
    await joe.reads("#tavern", /<barkeep> It is \d\d:\d\d:\d\d UTC\./);
    await joe.type("#tavern", "!quit\n");
    expect(await bot.ended).toMatchObject({ code: 0, stderr: "" });
  });
});

function botAt(port: number, program = "chat-bot") {
  return startExample(program, "--host", "127.0.0.1", "--port", `${port}`);
}

async function memberThatAnswersPing(port: number, nick: string): Promise<IrcPeer> {
  const member = await ircMember(port, nick, "#tavern");
  let answered = 0;
  member.socket.on("data", () => {
    for (; answered < member.lines.length; answered += 1) {
      const line = member.lines[answered] ?? "";
      if (line.startsWith("PING ")) member.write(`PONG ${line.slice("PING ".length)}\r\n`);
    }
  });
  return member;
}

interface Ngircd extends AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  stop(): Promise<void>;
  /** Ends it with SIGKILL: it can say nothing more. */
  kill(): Promise<void>;
}

/** Starts an ngircd of our own, with a line more in its global settings where one is given. */
async function startNgircd(setting = "", givenPort?: number): Promise<Ngircd> {
  const folder = await mkdtemp(join(tmpdir(), "ngircd-"));
  await chmod(folder, 0o755); // it may give up root for nobody
  const port = givenPort ?? (await closedPort());
  const user = process.getuid?.() === 0 ? "ServerUID = nobody\nServerGID = nogroup" : "";
  const config = `[Global]
Name = irc.example
Info = A server for a test
Listen = 127.0.0.1
Ports = ${port}
${user}
${setting}
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 16
MaxPenaltyTime = 0
PingTimeout = 5
PongTimeout = 5
[Options]
DNS = no
Ident = no
PAM = no
`;
  const file = join(folder, "ngircd.conf");
  await writeFile(file, config);
  const child = spawn(ngircd ?? "", ["-n", "-f", file], { stdio: "ignore" });
  const stop = () => endProgram(child);
  await eventually(() => canConnect(port));
  return {
    port,
    folder,
    stop,
    kill: async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
