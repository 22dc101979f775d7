// The chat server with real clients of another kind.

import { describe, expect, jest, test } from "@jest/globals";
import { findProgram } from "../support/find-program.ts";
import { type Ii, startIi } from "../support/ii.ts";
import { ircMember } from "../support/irc-peer.ts";
import { temporaryFolder } from "../support/peer.ts";
import { startExample } from "../support/run-example.ts";

jest.setTimeout(60_000);

const ii = findProgram("ii");
const describeWithIi = ii === undefined ? describe.skip : describe;

describeWithIi("chat-server, with two ii", () => {
  test("lets them talk, and when one is killed the other talks on, to a third", async () => {
    await using folder = await temporaryFolder();
    await using server = startExample("chat-server", "--port", "0");
    const [, port = ""] = await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n/);
    const member = async (nick: string): Promise<Ii> => {
      const client = await startIi(ii ?? "", Number(port), nick, folder.path);
      await client.reads("", /Welcome to the Tankard/);
      await client.type("", "/j #tavern\n");
      await client.reads("#tavern", new RegExp(`${nick}.* has joined #tavern`));
      return client;
    };
    await using ann = await member("ann");
    await using ben = await member("ben");
    await ann.reads("#tavern", /ben.* has joined #tavern/);
    await ann.type("#tavern", "hello ben\n");
    await ben.reads("#tavern", /<ann> hello ben/);
    await ben.type("#tavern", "hello ann, grüß dich 🍺\n");
    await ann.reads("#tavern", /<ben> hello ann, grüß dich 🍺/);

    await ben.kill();
    await ann.reads("", /ben.* has quit/);
    await using eve = await ircMember(Number(port), "eve", "#tavern");
    expect(eve.lines.filter((line) => line.includes(" 353 "))).toEqual([":tankard.example 353 eve = #tavern :ann eve"]);
    await ann.type("#tavern", "hello eve\n");
    await eve.line(/^:ann!\S+ PRIVMSG #tavern :hello eve$/);
    eve.write("PRIVMSG #tavern :all is well\r\n");
    await ann.reads("#tavern", /<eve> all is well/);

    server.signal("SIGTERM");
    await eve.line(/^ERROR :Closing link: the server is closing$/);
    expect(await server.ended).toEqual({ code: 0, stdout: `listening on 127.0.0.1:${port}\n`, stderr: "" });
  });
});
