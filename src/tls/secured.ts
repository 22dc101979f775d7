import { err, ok, type Result } from "../result.ts";
import type { Socket } from "../tcp/message.ts";
import type { SocketEngine } from "../tcp/socket-engine.ts";
import { engineOf } from "../tcp/socket.ts";
import type { PeerCertificate } from "../tcp/tls-error.ts";
import type { Handshake } from "./handshake.ts";

const securedSockets = new WeakMap<SocketEngine, Handshake>();

/** From now on the socket is known to speak TLS, by this handshake. */
export function remember(engine: SocketEngine, handshake: Handshake): void {
  securedSockets.set(engine, handshake);
}

/** A socket that speaks no TLS, or not yet. */
export type NotTls = "Enotsup";

/**
 * The certificate that the peer has proven itself with, also after the end; with `VerifyNone`, the one that it has shown.
 *
 * @returns `NoPeercert` where it has shown none, as most clients; `Enotsup` for a socket that does not speak TLS
 * Source: `ssl:peercert`.
 */
export function peercert(socket: Socket): Result<PeerCertificate, "NoPeercert" | NotTls> {
  const secured = securedOf(socket);
  if (secured === undefined) return err("Enotsup");
  return secured.peercert === undefined ? err("NoPeercert") : ok(secured.peercert);
}

/**
 * The application protocol that the two have agreed on by ALPN.
 *
 * @returns `ProtocolNotNegotiated` where one of them has not named any; `Enotsup` as `peercert`
 * Source: `ssl:negotiated_protocol`.
 */
export function negotiatedProtocol(socket: Socket): Result<string, "ProtocolNotNegotiated" | NotTls> {
  const stream = securedOf(socket)?.secured;
  if (stream === undefined) return err("Enotsup");
  const { alpnProtocol } = stream;
  return typeof alpnProtocol === "string" ? ok(alpnProtocol) : err("ProtocolNotNegotiated");
}

/** What the two have agreed on. */
export interface ConnectionInformation {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string;
  /** By its name in the standard, as `TLS_AES_256_GCM_SHA384`. */
  readonly selectedCipherSuite: string;
  /** The name that the client has asked for; not an address. */
  readonly sniHostname: string | undefined;
  /** Whether an earlier session went on. */
  readonly sessionResumption: boolean;
}

/**
 * What the two have agreed on.
 *
 * @returns `Closed` where the connection is over; `Enotsup` as `peercert`
 * Source: `ssl:connection_information`, of which it has these items.
 */
export function connectionInformation(socket: Socket): Result<ConnectionInformation, "Closed" | NotTls> {
  const stream = securedOf(socket)?.secured;
  if (stream === undefined) return err("Enotsup");
  const protocol = stream.destroyed ? null : stream.getProtocol();
  if (protocol === null) return err("Closed");
  const { servername } = stream as { readonly servername?: unknown };
  return ok({
    protocol,
    selectedCipherSuite: stream.getCipher().standardName,
    sniHostname: typeof servername === "string" ? servername : undefined,
    sessionResumption: stream.isSessionReused(),
  });
}

/**
 * The newest session that the server has given to this client, for `session` of a later connection to the same server.
 * Over TLS 1.3 it comes with the first bytes of the server. Who has it can read what is resumed with it: keep it as a key.
 *
 * @returns `NoSession` where none has come yet; `Enotsup` as `peercert`
 */
export function session(socket: Socket): Result<Buffer, "NoSession" | NotTls> {
  const secured = securedOf(socket);
  if (secured === undefined) return err("Enotsup");
  return secured.session === undefined ? err("NoSession") : ok(secured.session);
}

function securedOf(socket: Socket): Handshake | undefined {
  return securedSockets.get(engineOf(socket, "look at"));
}
