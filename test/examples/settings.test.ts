import { describe, expect, test } from "@jest/globals";
import { err, ok } from "tankard";
import { readSettings } from "../../examples/chat/settings.ts";

const DEFAULTS = { type: "Chat", address: undefined, nick: "barkeep", channel: "#tavern", isOnce: false };

describe("readSettings", () => {
  test.each([
    [[], DEFAULTS],
    [["--once"], { ...DEFAULTS, isOnce: true }],
    [["--nick", "joe", "--channel", "&cellar"], { ...DEFAULTS, nick: "joe", channel: "&cellar" }],
    [["--host", "::1"], { ...DEFAULTS, address: { host: "::1", port: 6667 } }],
    [["--host=irc.example", "--port=1"], { ...DEFAULTS, address: { host: "irc.example", port: 1 } }],
    [["--host", "h", "--tls"], { ...DEFAULTS, address: { host: "h", port: 6697 }, tls: { caFile: undefined } }],
    [
      ["--host", "h", "--tls", "--ca", "ca.pem", "--port", "1"],
      { ...DEFAULTS, address: { host: "h", port: 1 }, tls: { caFile: "ca.pem" } },
    ],
    [["--host", "h", "--help"], { type: "Help" }],
  ])("takes %j", (args, settings) => {
    expect(readSettings(args)).toEqual(ok(settings));
  });

  test("adds the # that a shell would have taken for a comment", () => {
    expect(readSettings(["--channel", "cellar"])).toEqual(ok({ ...DEFAULTS, channel: "#cellar" }));
  });

  test.each([
    [["--port", "6667"], "--port is the port of a server, so it needs --host."],
    [["--host", "h", "--port", "0"], '--port must be a number from 1 to 65535, not "0".'],
    [["--host", "h", "--port", "65536"], '--port must be a number from 1 to 65535, not "65536".'],
    [["--host", "h", "--port", "1e3"], '--port must be a number from 1 to 65535, not "1e3".'],
    [["--host", "h", "--port", ""], '--port must be a number from 1 to 65535, not "".'],
    [["--host", ""], "--host needs the name or the address of a server."],
    [["--host", "a b"], '--host must be a name or an address in ASCII characters without spaces, not "a b".'],
    [
      ["--host", "münchen.de"],
      '--host must be a name or an address in ASCII characters without spaces, not "münchen.de".',
    ],
    [["--host", "h", "--once"], "--once is for the bot's own server, so it cannot go with --host."],
    [["--tls"], "--tls is for a server that is there, so it needs --host."],
    [["--host", "h", "--ca", "ca.pem"], "--ca says whom TLS is to trust, so it needs --tls."],
    [["--nick", "a b"], '--nick must be letters, digits and []\\`_^{|}-, and no digit or - first, not "a b".'],
    [["--channel", "a,b"], '--channel must be a name without spaces, commas and colons, not "a,b".'],
    [["--channel", ""], '--channel must be a name without spaces, commas and colons, not "".'],
    [["--hots", "h"], "Unknown option '--hots' (--help tells what there is)."],
    [["--host"], "Option '--host <value>' argument missing (--help tells what there is)."],
    [["--host", "--once"], "Option '--host' argument is ambiguous (--help tells what there is)."],
    [["--once=yes"], "Option '--once' does not take an argument (--help tells what there is)."],
    [["tavern"], "Unexpected argument 'tavern' (--help tells what there is)."],
  ])("refuses %j", (args, sentence) => {
    expect(readSettings(args)).toEqual(err(sentence));
  });
});
