import type { TLSSocket } from "node:tls";
import { err, ok, type Result } from "../result.ts";
import type { Socket } from "../tcp/message.ts";
import type { SocketEngine } from "../tcp/socket-engine.ts";
import { engineOf } from "../tcp/socket.ts";
import type { PeerCertificate } from "../tcp/tls-error.ts";
import { plainCertificate } from "./certificate.ts";
import type { TlsSession } from "./session.ts";
import type { Plan } from "./upgrade.ts";

/** What is known of a socket that speaks TLS. */
interface Secured {
  readonly stream: TLSSocket;
  readonly peercert: PeerCertificate | undefined;
  /** The newest one that the server has given. */
  session: TlsSession | undefined;
}

const securedSockets = new WeakMap<SocketEngine, Secured>();

/** From now on the socket is known to speak TLS. A client says whose its sessions are. */
export function remember(engine: SocketEngine, stream: TLSSocket, sessions?: Plan["sessions"]): void {
  const certificate = stream.getPeerX509Certificate();
  const shown = certificate === undefined ? undefined : plainCertificate(certificate);
  const resumed = stream.isSessionReused() ? sessions?.resumed : undefined; // good for another time, if none follows
  const peercert = shown ?? resumed?.peercert;
  const secured: Secured = { stream, peercert, session: resumed };
  securedSockets.set(engine, secured);
  if (sessions === undefined) return;
  const keep = (ticket: Buffer | undefined): void => {
    if (ticket !== undefined) secured.session = { ticket, peercert, belongsTo: sessions.belongTo };
  };
  stream.on("session", keep);
  if (stream.getProtocol() === "TLSv1.2") keep(stream.getSession()); // it came with the handshake
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
  const stream = securedOf(socket)?.stream;
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
  const stream = securedOf(socket)?.stream;
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
 * The newest session that the server has given to this client, for the `session` of a later connection. Over TLS 1.3 it
 * comes with the first bytes of the server; a server may give none.
 *
 * @returns `NoSession` where none has come yet; `Enotsup` as `peercert`
 */
export function session(socket: Socket): Result<TlsSession, "NoSession" | NotTls> {
  const secured = securedOf(socket);
  if (secured === undefined) return err("Enotsup");
  return secured.session === undefined ? err("NoSession") : ok(secured.session);
}

function securedOf(socket: Socket): Secured | undefined {
  return securedSockets.get(engineOf(socket, "look at"));
}
