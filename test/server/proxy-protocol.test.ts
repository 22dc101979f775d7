import { describe, expect, test } from "@jest/globals";
import { continueWith } from "tankard/otp";
import { type ConnectionHandler, withReply } from "tankard/server";
import { until, within } from "../support/peer.ts";
import { serve } from "../support/served.ts";
import { turns } from "../support/turns.ts";

/** Answers each packet with whom it takes the peer for. */
const who: ConnectionHandler<undefined, never> = {
  init: () => ({ state: undefined }),
  onPacket: (state, data, { remoteAddress, remotePort }) =>
    withReply(continueWith(state), `${remoteAddress} ${remotePort} says ${data.toString()}`),
};

const signature = "0d0a0d0a000d0a515549540a";
const ipv4 = "c0000201" + "c6336402" + "dc04" + "01bb";
const ipv6 = "20010db8000000000000000000000001" + "20010db8000000000000000000000002" + "dc04" + "01bb";

describe("proxyProtocol", () => {
  test.each([
    ["version 1 over IPv4", Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), "192.0.2.1 56324"],
    ["version 1 over IPv6", Buffer.from("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"), "2001:db8::1 56324"],
    ["version 2 over IPv4", Buffer.from(`${signature}2111000c${ipv4}`, "hex"), "192.0.2.1 56324"],
    ["version 2 over IPv6", Buffer.from(`${signature}21210024${ipv6}`, "hex"), "2001:db8::1 56324"],
    ["version 2 with extensions", Buffer.from(`${signature}21110010${ipv4}04000100`, "hex"), "192.0.2.1 56324"],
  ])(
    "takes the peer's address from a header of %s, and what follows for the connection's",
    async (_name, header, peer) => {
      await using served = await serve(who, { proxyProtocol: true });
      const whole = await served.peer();
      await whole.send(Buffer.concat([header, Buffer.from("hello")]));
      const answer = `${peer} says hello`;
      expect((await whole.receive(answer.length)).toString()).toBe(answer);

      const inPieces = await served.peer();
      for (const byte of header) await inPieces.send(Buffer.of(byte));
      await inPieces.send("hello");
      expect((await inPieces.receive(answer.length)).toString()).toBe(answer);
      expect(served.events("ConnectionOpened")).toMatchObject([
        { connection: { remotePort: 56_324 } },
        { connection: { remotePort: 56_324 } },
      ]);
    },
  );

  test.each([
    ["version 1 that does not know", Buffer.from("PROXY UNKNOWN\r\n")],
    ["version 2 that speaks for itself", Buffer.from(`${signature}20000000`, "hex")],
    ["version 2 for a unix socket", Buffer.from(`${signature}213100d8${"00".repeat(216)}`, "hex")],
  ])("leaves the address that connected behind a header of %s", async (_name, header) => {
    await using served = await serve(who, { proxyProtocol: true });
    const peer = await served.peer();
    await peer.send(Buffer.concat([header, Buffer.from("hello")]));
    const answer = `127.0.0.1 ${peer.raw.localPort ?? 0} says hello`;
    expect((await peer.receive(answer.length)).toString()).toBe(answer);
  });

  test.each([
    ["no header", "GET / HTTP/1.1\r\n\r\n"],
    ["a line without an end", `PROXY TCP4 ${"1".repeat(200)}`],
    ["another family", "PROXY TCP5 192.0.2.1 198.51.100.2 56324 443\r\n"],
    ["a port that is none", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n"],
    ["an address that is none", "PROXY TCP4 example.org 198.51.100.2 56324 443\r\n"],
    ["too many words", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 more\r\n"],
    ["a version that is none", Buffer.from(`${signature}3111000c${ipv4}`, "hex")],
    ["a body that is too short", Buffer.from(`${signature}21110004c0000201`, "hex")],
    ["a body that is too long", Buffer.from(`${signature}2111ffff`, "hex")],
  ])("resets a connection that begins with %s", async (_name, start) => {
    await using served = await serve(who, { proxyProtocol: true });
    const peer = await served.peer();
    await peer.send(start);
    expect((await peer.readToEnd()).how).toBe("Rst");
    const text = "Cannot read the header of the PROXY protocol: Malformed";
    expect(served.events("ConnectionRefused")).toMatchObject([
      { why: "InitFailed", reason: { reason: { message: text } } },
    ]);
  });

  test("resets a connection whose header does not come within handshakeTimeoutMs", async () => {
    await using served = await serve(who, { proxyProtocol: true, handshakeTimeoutMs: 100 });
    const peer = await served.peer();
    await peer.send("PROXY TCP4 ");
    await turns(10);
    await served.clock.advance(100);
    await until(() => served.events("ConnectionRefused").length === 1, "it is not refused");
    expect((await peer.readToEnd()).how).toBe("Rst");
  });

  test("holds up no server that is to stop", async () => {
    await using served = await serve(who, { proxyProtocol: true });
    const peer = await served.peer();
    await peer.send("PROXY TCP4 ");
    await until(() => served.server.info().open === 1, "it has no place");
    await within(served.server.stop(), "It does not stop");
    await peer.readToEnd();
    expect(served.events("ConnectionRefused")).toMatchObject([{ why: "Draining" }]);
  });

  test("counts the proxy for maxPerAddress, and lets it go", async () => {
    await using served = await serve(who, { proxyProtocol: true, maxPerAddress: 1 });
    const peer = await served.peer();
    await peer.send("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
    await until(() => served.events("ConnectionOpened").length === 1, "it is not served");
    await served.refusedPeer();
    peer.close();
    await served.isServing(0);
    const next = await served.peer();
    await next.send("PROXY UNKNOWN\r\nhello");
    expect((await next.receive(9)).toString()).toBe("127.0.0.1");
  });
});
