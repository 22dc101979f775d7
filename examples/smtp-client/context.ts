// What the SMTP client is given and knows, and what follows from it: plain functions.

import type { TlsClientOptions, TlsConnectionOptions } from "tankard/tls";
import { type Capabilities, capabilitiesIn, noCapabilities } from "./capabilities.ts";
import { type Login, mechanismFor, type Mechanism, whyNoLogin } from "./login.ts";
import { whyUnsendable, type Mail } from "./message.ts";
import type { Outcome, Refusal, RefusedRecipient, Step } from "./outcome.ts";
import type { Reply } from "./replies.ts";

/** Milliseconds that each step may take. */
export type Patience = Readonly<Record<Step, number>>;

export interface SmtpClientInput {
  /** With `tls`, the server speaks it from the beginning. */
  readonly server: TlsConnectionOptions;
  /** Goes on in TLS by STARTTLS. Without it, no mail is sent; the certificate has to be for the server's `host`. */
  readonly startTls?: TlsClientOptions | undefined;
  readonly login?: Login | undefined;
  readonly mail: Mail;
  /** Who the client says it is: the name of its machine. */
  readonly clientName: string;
  /** Of the steps that are not given, what RFC 5321 (4.5.3.2) asks for. */
  readonly patience?: Partial<Patience>;
}

const MINUTE_MS = 60_000;

export const defaultPatience: Patience = {
  connect: MINUTE_MS, // name, attempts and all; each attempt has the time of the connection's options
  greeting: 5 * MINUTE_MS,
  ehlo: 5 * MINUTE_MS,
  helo: 5 * MINUTE_MS,
  startTls: 5 * MINUTE_MS,
  handshake: MINUTE_MS,
  authPlain: 5 * MINUTE_MS,
  authLogin: 5 * MINUTE_MS,
  user: 5 * MINUTE_MS,
  password: 5 * MINUTE_MS,
  mail: 5 * MINUTE_MS,
  rcpt: 5 * MINUTE_MS,
  data: 2 * MINUTE_MS,
  body: 10 * MINUTE_MS,
  quit: MINUTE_MS / 6, // the mail has its outcome already
};

/**
 * Plain data, the password too: who keeps a snapshot keeps that. A machine that is restored in the middle of a session
 * connects anew and begins from the greeting.
 */
export interface SmtpClientContext extends Omit<SmtpClientInput, "patience"> {
  readonly patience: Patience;
  readonly at: Step;
  /** What the server has said and no step has taken, as Latin-1. */
  readonly unread: string;
  readonly isSecured: boolean;
  /** What the server has said last that it can do. */
  readonly capabilities: Capabilities;
  /** How many recipients have had their answer. */
  readonly answered: number;
  readonly refused: readonly RefusedRecipient[];
  readonly outcome: Outcome | undefined;
}

export function initialContext(input: SmtpClientInput): SmtpClientContext {
  const { server, startTls, login, mail, clientName } = input;
  return {
    ...{ server, startTls, login, mail, clientName },
    patience: { ...defaultPatience, ...input.patience },
    at: "connect",
    ...beginning(input),
    outcome: unsendable(input),
  };
}

/** What is known when a connection begins. */
export function beginning({ server }: Pick<SmtpClientInput, "server">) {
  return { unread: "", isSecured: server.tls !== undefined, capabilities: noCapabilities, answered: 0, refused: [] };
}

/** What is known once the connection is secured: nothing that was said before, for anybody may have said it (RFC 3207, 4.2). */
export const secured = { unread: "", isSecured: true, capabilities: noCapabilities } as const;

export function learned({ text }: Reply): Pick<SmtpClientContext, "capabilities"> {
  return { capabilities: capabilitiesIn(text) };
}

export function tlsOptions({ server, startTls }: SmtpClientContext): TlsClientOptions {
  // How long it may take is the machine's patience.
  return { serverNameIndication: server.host, handshakeTimeout: Infinity, ...startTls };
}

export function needsTls({ startTls, isSecured }: SmtpClientContext): boolean {
  return startTls !== undefined && !isSecured;
}

export function isAbleTo({ login, capabilities }: SmtpClientContext, mechanism: Mechanism): boolean {
  return login !== undefined && mechanismFor(login, capabilities.mechanisms) === mechanism;
}

function unsendable({ mail, clientName, login, server, startTls }: SmtpClientInput): Outcome | undefined {
  const isTls = startTls !== undefined || server.tls !== undefined;
  const why = /^[!-~]+$/.test(clientName)
    ? (whyUnsendable(mail) ?? (login === undefined ? undefined : whyNoLogin(login, isTls)))
    : `The client's name must be of ASCII characters without spaces, not ${JSON.stringify(clientName)}.`;
  return why === undefined ? undefined : { type: "Unsendable", why };
}

export function refused({ at, refused }: SmtpClientContext, reply: Reply | Refusal): Outcome {
  return { type: "Refused", at, refused, ...refusalOf(reply) };
}

export function refusalOf({ code, text }: Reply | Refusal): Refusal {
  return { code, text, isTemporary: code < 500 };
}

/** Of the refusals of all recipients, the one that says most: that it may be tried again for somebody. */
export function worthTrying(refused: readonly RefusedRecipient[]): Refusal {
  return refused.find(({ isTemporary }) => isTemporary) ?? (refused[0] as Refusal);
}
