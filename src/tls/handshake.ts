import tls, { type SecureContext, type TLSSocket } from "node:tls";
import { err, ok, type Result } from "../result.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import { familyOf, type NodeSocket } from "../tcp/transport.ts";
import { plainCertificate } from "./certificate.ts";
import { errorFromNode, handshakeFailure, rejection } from "./error.ts";
import type { TlsSession } from "./session.ts";

/** What a client's handshake is made of. */
export interface ClientHandshake {
  readonly context: SecureContext;
  /** Whom to ask for and, unless `verifies` is false, to insist on. */
  readonly serverName: string | undefined;
  readonly verifies: boolean;
  readonly protocols: readonly string[] | undefined;
  /** One that belongs to this server. */
  readonly session: TlsSession | undefined;
}

/** What a server's handshake is made of. */
export interface ServerHandshake {
  readonly context: SecureContext;
  /** The certificate for the name that a client asks for. */
  readonly contextFor: (serverName: string) => SecureContext;
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
}

/** Asks the server at the other end of `raw` for TLS. */
export function startClientHandshake(raw: NodeSocket, handshake: ClientHandshake): Handshake {
  const { context, serverName, verifies, protocols, session } = handshake;
  const isName = serverName !== undefined && familyOf(serverName) === undefined;
  const secured = tls.connect({
    socket: raw,
    secureContext: context,
    ...(isName ? { servername: withoutRootDot(serverName) } : {}),
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
    ...(session === undefined ? {} : { session: Buffer.from(session.ticket) }),
    // Who is trusted is decided in one place, below, where the certificate is at hand; nothing is sent or read before.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  return watch(secured, "secureConnect", () => {
    // The server has shown no certificate anew: the session is one of this name, and OpenSSL's word for it is kept in it.
    const host = secured.isSessionReused() ? undefined : (serverName ?? "");
    return verifies ? distrustOf(secured, chainError(secured), host) : undefined;
  });
}

/** Answers the client at the other end of `raw`. */
export function startServerHandshake(raw: NodeSocket, handshake: ServerHandshake): Handshake {
  const { context, contextFor, verifies, failsIfNoPeerCert, protocols } = handshake;
  const secured = new tls.TLSSocket(raw, {
    isServer: true,
    secureContext: context,
    SNICallback: (name, done) => {
      done(null, contextFor(name));
    },
    requestCert: verifies,
    rejectUnauthorized: verifies && failsIfNoPeerCert, // the one thing that OpenSSL itself refuses, with an alert
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
  });
  return watch(secured, "secure", () =>
    verifies && secured.getPeerX509Certificate() !== undefined ? distrustOf(secured, chainError(secured)) : undefined,
  );
}

/** Listens until the handshake has ended. An error that comes later is the next listener's, who is there by then. */
function watch(secured: TLSSocket, doneEvent: string, distrust: () => TlsError | undefined): Handshake {
  let fail: Handshake["fail"] = () => undefined;
  const done = new Promise<Result<undefined, TlsError>>((resolve) => {
    const settle = (result: Result<undefined, TlsError>): void => {
      secured.removeListener(doneEvent, onDone);
      secured.removeListener("end", onEnd);
      secured.removeListener("close", onEnd);
      if (!result.ok) secured.destroy();
      resolve(result);
    };
    const onDone = (): void => {
      const error = distrust();
      settle(error === undefined ? ok() : err(error));
    };
    const onEnd = (): void => {
      settle(err(handshakeFailure("Closed")));
    };
    fail = (error) => {
      settle(err(error));
    };
    secured.on(doneEvent, onDone);
    secured.on("end", onEnd);
    secured.on("close", onEnd);
    // Stays: what Node reports of a stream that nobody uses any more must not end the program.
    secured.on("error", (error: Error) => {
      settle(err(errorFromNode(error)));
    });
  });
  return { secured, done, fail };
}

/** Why the certificate is not to be trusted; `host` is whom it must be for, where that is to be seen. */
function distrustOf(secured: TLSSocket, code: string | undefined, host?: string): TlsError | undefined {
  const certificate = secured.getPeerX509Certificate();
  const peercert = certificate === undefined ? undefined : plainCertificate(certificate);
  if (code !== undefined) return rejection(code, peercert);
  if (host === undefined) return undefined;
  if (certificate === undefined) return handshakeFailure("NoPeerCertificate");
  const mismatch: NodeJS.ErrnoException | undefined = tls.checkServerIdentity(
    withoutRootDot(host),
    certificate.toLegacyObject(),
  );
  return mismatch === undefined ? undefined : rejection(mismatch.code ?? "HOSTNAME_MISMATCH", peercert);
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
