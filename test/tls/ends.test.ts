// The two ends that a stream of TLS has, TLS's own and the connection's, where only one of them comes.

import { once } from "node:events";
import type { Socket as NodeSocket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, TLSSocket } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import { type ConnectionOptions, err, receive, receiveNextPacketAsMessage, unwrap } from "tankard";
import { newServerContext, upgrade } from "tankard/tls";
import { ca, credentials } from "../support/certificates.ts";
import { until, within } from "../support/peer.ts";
import {
  bytes,
  type Connected,
  connectedToPeer,
  nextMessage,
  socketClosed,
  soonMs,
  tcpError,
  unasked,
} from "../support/test-process.ts";

interface Secured extends Connected {
  /** Node's, of the other side. */
  readonly secured: TLSSocket;
}

const sides = ["client", "server"] as const;

/** A socket of ours that is that side, and a peer whose connection does not end where its TLS does. */
async function securedAs(
  side: (typeof sides)[number],
  options: Pick<ConnectionOptions, "packet"> = {},
): Promise<Secured> {
  const connected = await connectedToPeer(options);
  const { socket, peer } = connected;
  const wire = withoutEnd(peer.raw);
  const tls =
    side === "client" ? { ca, serverNameIndication: "localhost" } : newServerContext(credentials("localhost"));
  const upgrading = upgrade(socket, tls);
  const secured =
    side === "client"
      ? new TLSSocket(wire, { isServer: true, ...credentials("localhost") })
      : connectTls({ socket: wire, ca, servername: "localhost" });
  secured.on("error", () => undefined);
  await within(once(secured, side === "client" ? "secure" : "secureConnect"), "The peer's handshake does not end");
  unwrap(await upgrading);
  return { ...connected, secured };
}

/** `raw` for somebody who can read and write, and whose end it keeps to itself. */
function withoutEnd(raw: NodeSocket): Duplex {
  const wire = new Duplex({
    read: () => undefined,
    write: (data: Buffer, _encoding, written) => void raw.write(data, written),
  });
  raw.on("data", (data: Buffer) => wire.push(data));
  raw.on("end", () => wire.push(null));
  raw.resume();
  return wire;
}

const ends: readonly (readonly [string, (stream: Secured) => unknown])[] = [
  ["close_notify without FIN", ({ secured }) => secured.end()],
  ["FIN without close_notify", ({ peer }) => peer.halfClose()],
];
const cases = sides.flatMap((side) => ends.map(([name, end]) => [name, side, end] as const));

describe("half of an end", () => {
  test.each(cases)("%s, to a %s, is SocketClosed, once, and closes our side", async (_, side, end) => {
    await using stream = await securedAs(side);
    const { socket, self, secured, peer } = stream;
    secured.write("last words");
    expect(await receive(socket, soonMs)).toEqual(bytes("last words"));
    receiveNextPacketAsMessage(socket);
    await end(stream);
    expect(await nextMessage(self)).toEqual(socketClosed(socket));
    expect(receiveNextPacketAsMessage(socket)).toEqual(err("Closed"));
    expect(await unasked(self)).toEqual(err("Timeout"));
    expect((await peer.readToEnd()).how).toBe("Fin");
  });

  test.each(cases)("%s, to a %s, is an end between two frames, and Ebadmsg inside one", async (_, side, end) => {
    await using whole = await securedAs(side, { packet: 4 });
    whole.secured.write(Buffer.from("\0\0\0\x02ok"));
    expect(await receive(whole.socket, soonMs)).toEqual(bytes("ok"));
    await end(whole);
    expect(await receive(whole.socket, soonMs)).toEqual(err("Closed"));

    await using cut = await securedAs(side, { packet: 4 });
    const { socket, self, peer } = cut;
    cut.secured.write(Buffer.from("\0\0\0\x02ok\0\0\0\x02k"));
    expect(await receive(socket, soonMs)).toEqual(bytes("ok"));
    receiveNextPacketAsMessage(socket);
    await end(cut);
    expect(await nextMessage(self)).toEqual(tcpError(socket, "Ebadmsg"));
    expect(await nextMessage(self)).toEqual(socketClosed(socket));
    expect(await unasked(self)).toEqual(err("Timeout"));
    await until(() => peer.raw.readableEnded || peer.raw.errored !== null, "Our side does not close");
  });
});
