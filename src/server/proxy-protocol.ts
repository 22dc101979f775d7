import { err, ok, type Result } from "../result.ts";
import type { SocketError } from "../tcp/error.ts";
import type { Socket } from "../tcp/message.ts";
import { receiveExact } from "../tcp/socket.ts";

/** Whom a proxy connects for. */
export interface ProxiedPeer {
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** What was read in place of a header, or why nothing more could be read. */
type NoHeader = SocketError | "Malformed";

/** Twelve bytes that no other protocol begins with. */
const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
/** The longest header of version 1, its end of line included. */
const longestLine = 107;
/** More than any address needs, and little enough for a peer that is no proxy. */
const longestBody = 2_048;

/**
 * @internal Reads the PROXY protocol's header, version 1 or 2, and not a byte more. Without a peer where the proxy speaks
 * for itself (`LOCAL`, as for a health check) or does not say (`UNKNOWN`).
 *
 * Source: haproxy's proxy-protocol.txt.
 */
export async function readProxyHeader(
  socket: Socket,
  msLeft: () => number,
): Promise<Result<ProxiedPeer | undefined, NoHeader>> {
  const read = (byteSize: number): Promise<Result<Buffer, SocketError>> => receiveExact(socket, byteSize, msLeft());
  const start = await read(signature.length);
  if (!start.ok) return start;
  return start.value.equals(signature) ? readBinary(read) : readLine(start.value, read);
}

type Read = (byteSize: number) => Promise<Result<Buffer, SocketError>>;

/** Version 1: `PROXY TCP4 192.0.2.1 198.51.100.2 56324 443`, and the end of the line. */
async function readLine(start: Buffer, read: Read): Promise<Result<ProxiedPeer | undefined, NoHeader>> {
  let line = start.toString("latin1");
  if (!line.startsWith("PROXY ")) return err("Malformed");
  while (!line.endsWith("\r\n")) {
    if (line.length >= longestLine) return err("Malformed");
    const byte = await read(1); // one at a time: what follows the header is the connection's
    if (!byte.ok) return byte;
    line += byte.value.toString("latin1");
  }
  const [, family, remoteAddress = "", , remotePort = "", , ...rest] = line.slice(0, -2).split(" ");
  if (family === "UNKNOWN") return ok(undefined);
  const isAddress = family === "TCP4" ? /^[\d.]+$/ : /^[\da-f:.]+$/i;
  if (
    (family !== "TCP4" && family !== "TCP6") ||
    rest.length > 0 ||
    !isAddress.test(remoteAddress) ||
    !isPort(remotePort)
  )
    return err("Malformed");
  return ok({ remoteAddress, remotePort: Number(remotePort) });
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

/** Version 2: two bytes of what it is, the length of the rest, and the rest. */
async function readBinary(read: Read): Promise<Result<ProxiedPeer | undefined, NoHeader>> {
  const head = await read(4);
  if (!head.ok) return head;
  const [kind = 0, family = 0] = head.value;
  const bodySize = head.value.readUInt16BE(2);
  if (kind >> 4 !== 2 || (kind & 15) > 1 || bodySize > longestBody) return err("Malformed");
  const body = bodySize === 0 ? ok(Buffer.alloc(0)) : await read(bodySize);
  if (!body.ok) return body;
  const isLocal = (kind & 15) === 0;
  return isLocal ? ok(undefined) : addressIn(body.value, family >> 4);
}

/** Behind the addresses come extensions, which say nothing of the peer. */
function addressIn(body: Buffer, family: number): Result<ProxiedPeer | undefined, NoHeader> {
  switch (family) {
    case 1:
      if (body.length < 12) return err("Malformed");
      return ok({ remoteAddress: body.subarray(0, 4).join("."), remotePort: body.readUInt16BE(8) });
    case 2:
      if (body.length < 36) return err("Malformed");
      return ok({ remoteAddress: ipv6(body.subarray(0, 16)), remotePort: body.readUInt16BE(32) });
    default:
      return ok(undefined); // a unix socket, or one that it does not say
  }
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  // The longest run of zeros is left out, as everybody writes it.
  const runs = [...groups.join(":").matchAll(/(?:^|:)0(?::0)+(?::|$)/g)].map(([run]) => run);
  const longest = runs.sort((one, other) => other.length - one.length)[0];
  return longest === undefined ? groups.join(":") : groups.join(":").replace(longest, "::");
}
