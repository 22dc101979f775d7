// What becomes of a mail.

import { describeError, type ConnectError, type SocketError } from "tankard";
import type { TlsError } from "tankard/tls";

/** What the client waits for when something happens: a connection, or the reply to a command. */
export type Step =
  | "connect"
  | "greeting"
  | "ehlo"
  | "helo"
  | "startTls"
  | "handshake"
  | "authPlain"
  | "authLogin"
  | "user"
  | "password"
  | "mail"
  | "rcpt"
  | "data"
  | "body"
  | "quit";

/** A server that does not want to: 4xx, and it may be tried again, or 5xx. */
export interface Refusal {
  readonly code: number;
  readonly text: string;
  readonly isTemporary: boolean;
}

export interface RefusedRecipient extends Refusal {
  readonly address: string;
}

export type Outcome =
  /** The server has taken the mail over, for all recipients but these. */
  | { readonly type: "Sent"; readonly text: string; readonly refused: readonly RefusedRecipient[] }
  /** It did not, as it says; at "rcpt", where it takes nobody's. */
  | ({ readonly type: "Refused"; readonly at: Step; readonly refused: readonly RefusedRecipient[] } & Refusal)
  | { readonly type: "ConnectFailed"; readonly error: ConnectError | TlsError }
  /** TLS is a must and the server does not offer STARTTLS, or refuses it: it was told of no mail. */
  | { readonly type: "NotSecured"; readonly refusal: Refusal | undefined }
  /** The server's certificate is not accepted, or there is another reason why there is no TLS: as above. */
  | { readonly type: "TlsFailed"; readonly error: TlsError | SocketError }
  /** The server offers no way to log in, or refuses who does: as above. */
  | { readonly type: "NotLoggedIn"; readonly refusal: Refusal | undefined }
  | { readonly type: "TimedOut"; readonly at: Step }
  | { readonly type: "ConnectionLost"; readonly at: Step; readonly reason: SocketError }
  /** The server says what nobody says there, or what is no SMTP at all. */
  | { readonly type: "ProtocolError"; readonly at: Step; readonly said: string }
  /** Nothing was sent, not even a greeting. */
  | { readonly type: "Unsendable"; readonly why: string };

/** The outcome in one sentence, and one more for each recipient that was refused. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.type) {
    case "Sent":
      return ["The server has taken the mail over.", ...outcome.refused.map(refusedRecipient)].join("\n");
    case "Refused":
      return [
        `The server refuses ${what(outcome.at)}: ${refusal(outcome)}`,
        ...outcome.refused.map(refusedRecipient),
      ].join("\n");
    case "ConnectFailed":
      return `Cannot connect: ${describeError(outcome.error)}.`;
    case "NotSecured":
      return outcome.refusal === undefined
        ? "The server does not offer STARTTLS, so it was told of no mail."
        : `The server refuses STARTTLS: ${refusal(outcome.refusal)}`;
    case "TlsFailed":
      return `Cannot speak TLS with the server: ${describeError(outcome.error)}.`;
    case "NotLoggedIn":
      return outcome.refusal === undefined
        ? "The server offers no way to log in that is known here."
        : `The server refuses the login: ${refusal(outcome.refusal)}`;
    case "TimedOut":
      return `The server did not answer ${what(outcome.at)} in time.`;
    case "ConnectionLost":
      return `The connection ended before the answer to ${what(outcome.at)}: ${describeError(outcome.reason)}.`;
    case "ProtocolError":
      return `The server answered ${what(outcome.at)} with ${JSON.stringify(outcome.said)}, which it must not.`;
    case "Unsendable":
      return outcome.why;
  }
}

function refusedRecipient(recipient: RefusedRecipient): string {
  return `It refuses ${recipient.address}: ${refusal(recipient)}`;
}

function refusal({ code, text, isTemporary }: Refusal): string {
  return `${code} ${text.replace(/\s+/g, " ").trim()}${isTemporary ? " (for now)" : ""}`;
}

const words = {
  connect: "the call",
  greeting: "the connection",
  handshake: "the TLS handshake",
  authPlain: "AUTH PLAIN",
  authLogin: "AUTH LOGIN",
  user: "the user's name",
  password: "the password",
  rcpt: "all recipients",
  body: "the text",
} as const;

function what(at: Step): string {
  return at in words ? words[at as keyof typeof words] : at.toUpperCase();
}
