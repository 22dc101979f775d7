import tls, { type SecureContext, type TLSSocket } from "node:tls";
import type { X509Certificate } from "node:crypto";
import { err, ok, type Result } from "../result.ts";
import type { PeerCertificate, TlsError } from "../tcp/tls-error.ts";
import { familyOf } from "../tcp/address.ts";
import type { NodeSocket } from "../tcp/transport.ts";
import { plainCertificate } from "./certificate.ts";
import { errorFromNode, handshakeFailure, rejection } from "./error.ts";
import { packSession, unpackSession } from "./session.ts";

/** What a client's handshake is made of. */
export interface ClientHandshake {
  readonly context: SecureContext;
  /** Whom to ask for and, unless `verifies` is false, to insist on. */
  readonly serverName: string | undefined;
  readonly verifies: boolean;
  readonly protocols: readonly string[] | undefined;
  readonly session: Uint8Array | undefined;
  /** Stands for all by whom certificates are judged. */
  readonly trust: Buffer;
}

/** What a server's handshake is made of. */
export interface ServerHandshake {
  readonly context: SecureContext;
  /** The certificate for the name that a client asks for; nothing where there is only one: to ask costs 85 µs. */
  readonly contextFor: ((serverName: string) => SecureContext) | undefined;
  /** Whether clients are asked for a certificate, which is verified then. */
  readonly verifies: boolean;
  readonly failsIfNoPeerCert: boolean;
  readonly protocols: readonly string[] | undefined;
}

/** A handshake under way. It ends once, never inside the call that began it. */
export interface Handshake {
  readonly secured: TLSSocket;
  /** Where it failed, the stream is closed. */
  readonly done: Promise<Result<undefined, TlsError>>;
  /** Gives up, and closes the stream. */
  fail(error: TlsError): void;
  /** Whom the peer has proven to be, or has only said. */
  readonly peercert: PeerCertificate | undefined;
  /** The newest session that a server has given, also after the handshake. */
  readonly session: Buffer | undefined;
  /** Whether a server's tickets, which it sends unasked, may still be on their way. */
  readonly awaitsTickets: boolean;
}

/** Asks the server at the other end of `raw` for TLS. */
export function startClientHandshake(raw: NodeSocket, handshake: ClientHandshake): Handshake {
  const { context, serverName, verifies, protocols, trust } = handshake;
  const kept = handshake.session === undefined ? undefined : unpackSession(handshake.session, trust);
  const isName = serverName !== undefined && familyOf(serverName) === undefined;
  const secured = tls.connect({
    socket: raw,
    secureContext: context,
    ...(isName ? { servername: withoutRootDot(serverName) } : {}),
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
    ...(kept === undefined ? {} : { session: kept.bytes }),
    // Who is trusted is decided in one place, below, where the certificate is at hand; nothing is sent or read before.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  // Of a session that goes on, Node does not know whose it was.
  const certificateOf = (): X509Certificate | undefined =>
    secured.isSessionReused() ? kept?.certificate : secured.getPeerX509Certificate();
  const watched = new Watched(raw, secured, "secureConnect", certificateOf, (peer) =>
    verifies ? distrustOf(peer, chainError(secured), serverName ?? "") : undefined,
  );
  // From the beginning: TLS 1.2 gives it with the end of the handshake.
  secured.on("session", (bytes: Buffer) => {
    watched.session = packSession({ bytes, certificate: watched.certificate }, trust);
    watched.awaitsTickets = false;
  });
  // TLS 1.2 gives none anew where one goes on.
  secured.on("secureConnect", () => {
    watched.awaitsTickets = secured.getProtocol() === "TLSv1.3";
    if (secured.isSessionReused()) watched.session ??= handshake.session && Buffer.from(handshake.session);
  });
  return watched;
}

/** Answers the client at the other end of `raw`. */
export function startServerHandshake(raw: NodeSocket, handshake: ServerHandshake): Handshake {
  const { context, contextFor, verifies, failsIfNoPeerCert, protocols } = handshake;
  const secured = new tls.TLSSocket(raw, {
    isServer: true,
    secureContext: context,
    ...(contextFor === undefined ? {} : { SNICallback: answeredBy(contextFor) }),
    requestCert: verifies,
    rejectUnauthorized: verifies && failsIfNoPeerCert, // the one thing that OpenSSL itself refuses, with an alert
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
  });
  const certificateOf = (): X509Certificate | undefined => secured.getPeerX509Certificate();
  return new Watched(raw, secured, "secure", certificateOf, (peer) =>
    verifies && peer.certificate !== undefined ? distrustOf(peer, chainError(secured)) : undefined,
  );
}

/** As Node wants it: it asks by a function that it calls back. */
function answeredBy(contextFor: (serverName: string) => SecureContext) {
  return (serverName: string, done: (error: null, context: SecureContext) => void): void => {
    done(null, contextFor(serverName));
  };
}

/** What the peer has shown, twice. */
interface Peer {
  readonly certificate: X509Certificate | undefined;
  readonly peercert: PeerCertificate | undefined;
}

/** Listens until the handshake has ended. An error that comes later is the next listener's, who is there by then. */
class Watched implements Handshake {
  readonly secured: TLSSocket;
  readonly done: Promise<Result<undefined, TlsError>>;
  /** Asked for once: of a client, Node has it for the first who asks and for nobody after. */
  certificate: X509Certificate | undefined;
  peercert: PeerCertificate | undefined;
  session: Buffer | undefined;
  awaitsTickets = false;
  readonly #raw: NodeSocket;
  readonly #doneEvent: string;
  readonly #certificateOf: () => X509Certificate | undefined;
  readonly #distrust: (peer: Peer) => TlsError | undefined;
  #resolve: (result: Result<undefined, TlsError>) => void = () => undefined;

  constructor(
    raw: NodeSocket,
    secured: TLSSocket,
    doneEvent: string,
    certificateOf: () => X509Certificate | undefined,
    distrust: (peer: Peer) => TlsError | undefined,
  ) {
    this.#raw = raw;
    this.secured = secured;
    this.#doneEvent = doneEvent;
    this.#certificateOf = certificateOf;
    this.#distrust = distrust;
    this.done = new Promise((resolve) => (this.#resolve = resolve));
    secured.on(doneEvent, this.#onDone);
    secured.on("end", this.#onEnd);
    secured.on("close", this.#onEnd);
    raw.on("end", this.#onEnd); // what was read before the handshake began is not read again
    // On the server's side Node tells no error in mid-stream before this, which its own TLS server calls too.
    (secured as unknown as { _releaseControl?(): void })._releaseControl?.();
    // Stays: what Node reports of a stream that nobody uses any more must not end the program.
    secured.on("error", (error: Error) => {
      this.#settle(err(errorFromNode(error)));
    });
  }

  fail(error: TlsError): void {
    this.#settle(err(error));
  }

  readonly #onDone = (): void => {
    const error = this.#judge();
    this.#settle(error === undefined ? ok() : err(error));
  };

  readonly #onEnd = (): void => {
    this.#settle(err(handshakeFailure("Closed")));
  };

  /** Node throws where it cannot make sense of a certificate: the peer must not be able to end the program by one. */
  #judge(): TlsError | undefined {
    try {
      const certificate = this.#certificateOf();
      this.certificate = certificate;
      this.peercert = certificate === undefined ? undefined : plainCertificate(certificate);
      return this.#distrust({ certificate, peercert: this.peercert });
    } catch (error) {
      return rejection((error as NodeJS.ErrnoException).code ?? "UNSPECIFIED", this.peercert);
    }
  }

  #settle(result: Result<undefined, TlsError>): void {
    this.secured.removeListener(this.#doneEvent, this.#onDone);
    this.secured.removeListener("end", this.#onEnd);
    this.secured.removeListener("close", this.#onEnd);
    this.#raw.removeListener("end", this.#onEnd);
    if (!result.ok) this.secured.destroy();
    this.#resolve(result);
  }
}

/** Why the certificate is not to be trusted; `host` is whom it must be for. */
function distrustOf({ certificate, peercert }: Peer, code: string | undefined, host?: string): TlsError | undefined {
  if (code !== undefined) return rejection(code, peercert);
  if (certificate === undefined) return handshakeFailure("NoPeerCertificate");
  if (host === undefined) return undefined;
  const mismatch = mismatchOf(certificate, host);
  return mismatch === undefined ? undefined : rejection(mismatch, peercert);
}

/** By which code the certificate is for others than `host`. */
function mismatchOf(certificate: X509Certificate, host: string): string | undefined {
  // Node 22.23 takes an address of IPv6 for a name with a dot at its end, and refuses its certificate.
  if (familyOf(host) === 6) {
    const address = host.replace(/%.*/, ""); // where it is an address is nothing that a certificate says
    return certificate.checkIP(address) === undefined ? "ERR_TLS_CERT_ALTNAME_INVALID" : undefined;
  }
  const error: NodeJS.ErrnoException | undefined = tls.checkServerIdentity(
    withoutRootDot(host),
    certificate.toLegacyObject(),
  );
  return error === undefined ? undefined : (error.code ?? "HOSTNAME_MISMATCH");
}

/**
 * What OpenSSL says of the certificate and those behind it; nothing where they lead to an authority that is trusted. On
 * a server Node tells that to nobody but its own TLS server, so it is asked for where that asks for it; of a Node that
 * had it no more, nobody would be trusted.
 */
function chainError(secured: TLSSocket): string | undefined {
  const { ssl } = secured as unknown as { readonly ssl?: { verifyError?(): NodeJS.ErrnoException | null } };
  if (typeof ssl?.verifyError !== "function") return "UNSPECIFIED";
  const error = ssl.verifyError();
  return error === null ? undefined : (error.code ?? "UNSPECIFIED");
}

/** `example.org.` is the same host, and no certificate is for it by that name. */
function withoutRootDot(host: string): string {
  return host.endsWith(".") ? host.slice(0, -1) : host;
}
