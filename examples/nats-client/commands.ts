// What a client writes. Subjects are checked, since one with a blank or a line's end in it would be another command.

import type { BytesTree } from "tankard";
import { MOST_LINE_BYTES } from "./framing.ts";

export const PING = "PING\r\n";
export const PONG = "PONG\r\n";

/** What is published. */
export interface Publication {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** As `encodeHeaders` writes them; empty where there are none. */
  readonly headerBlock: Uint8Array;
  readonly replyTo: string | undefined;
}

export function connectCommand(parameters: object): string {
  return `CONNECT ${JSON.stringify(parameters)}\r\n`;
}

/** PUB, or HPUB where there are headers. */
export function publishCommand({ subject, payload, headerBlock, replyTo }: Publication): BytesTree {
  const to = replyTo === undefined ? subject : `${subject} ${replyTo}`;
  const { length: headerSize } = headerBlock;
  if (headerSize === 0) return [`PUB ${to} ${payload.length}\r\n`, payload, "\r\n"];
  return [`HPUB ${to} ${headerSize} ${headerSize + payload.length}\r\n`, headerBlock, payload, "\r\n"];
}

export function subscribeCommand(sid: string, subject: string, queue: string | undefined): string {
  return queue === undefined ? `SUB ${subject} ${sid}\r\n` : `SUB ${subject} ${queue} ${sid}\r\n`;
}

/** At once, or when `afterMessages` have come since it was subscribed. */
export function unsubscribeCommand(sid: string, afterMessages = 0): string {
  return afterMessages > 0 ? `UNSUB ${sid} ${afterMessages}\r\n` : `UNSUB ${sid}\r\n`;
}

/** So that a command with two of them is a control line. */
const MOST_SUBJECT_BYTES = MOST_LINE_BYTES / 4;

/** @throws TypeError or RangeError for what is no subject to publish to: names with full stops between them */
export function checkSubject(action: string, subject: string): void {
  checkPattern(action, subject);
  if (/(^|\.)[*>](\.|$)/.test(subject)) refuse(action, "a subject without wildcards", subject);
}

/** @throws TypeError or RangeError for what is no subject to subscribe to: `*` stands for a name, `>` for all at the end */
export function checkPattern(action: string, subject: string): void {
  if (!/^[^\s.\0]+(\.[^\s.\0]+)*$/.test(subject) || /(^|\.)>\./.test(subject)) refuse(action, "a subject", subject);
  if (Buffer.byteLength(subject) > MOST_SUBJECT_BYTES)
    throw new RangeError(`Cannot ${action}: a subject has ${MOST_SUBJECT_BYTES} bytes at most`);
}

function refuse(action: string, expected: string, received: string): never {
  throw new TypeError(`Cannot ${action}: expected ${expected}, received ${JSON.stringify(received)}`);
}
