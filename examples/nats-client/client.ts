// A NATS client in the hands of who publishes and subscribes.

import { call, err, type Host, ok, type ReplySubject, type Result, type Subject } from "tankard";
import { type Started, startActorWithInit, type StartError } from "tankard/otp";
import { type Command, init, type NatsOptions, onMessage } from "./actor.ts";
import { checkPattern, checkSubject, type Publication } from "./commands.ts";
import { encodeHeaders, type Headers } from "./headers.ts";
import type { Answer, NatsFailure, NatsMessage, Published } from "./messages.ts";

/** A subscription, for who wants to end it. */
export interface Subscription {
  readonly sid: string;
}

/** What may go with a message. */
export interface PublishOptions {
  readonly headers?: Headers | undefined;
  /** Where an answer is wanted. */
  readonly replyTo?: string | undefined;
}

/** What is asked of it is done in the order of the calls. Text is sent as UTF-8. */
export interface NatsClient extends AsyncDisposable {
  /**
   * Resolves when the message is on its way; while there is no connection it waits for one. Bytes are not copied.
   *
   * @throws TypeError or RangeError for what is no subject, or a header of more than one line
   */
  publish(subject: string, payload: string | Uint8Array, options?: PublishOptions): Promise<Published>;
  /**
   * Lets the messages of a subject come to the mailbox of `to`, on this connection and on every later one, until
   * `unsubscribe` or until the process ends. Of those that subscribe with the same `queue`, one gets each message. They
   * come as fast as the server sends them: who may be slower bounds the mailbox.
   *
   * @throws TypeError or RangeError for what is no subject; Error behind `drain` and `close`
   */
  subscribe(subject: string, to: Subject<NatsMessage>, options?: { readonly queue?: string }): Subscription;
  /** Ends it: now, though what is on its way from the server may not have come, or when so many messages have come in all. */
  unsubscribe(subscription: Subscription, options?: { readonly afterMessages?: number }): void;
  /**
   * Publishes, and waits for one answer. Where nobody subscribes to the subject it is `NoResponders` at once, otherwise
   * `CallTimeout` after `withinMs` milliseconds. While there is no connection it waits for one, then it is sent even where
   * its time is over.
   *
   * @throws as `publish`, and RangeError for a negative time
   */
  request(
    subject: string,
    payload: string | Uint8Array,
    withinMs: number,
    options?: Pick<PublishOptions, "headers">,
  ): Promise<Answer>;
  /** Resolves when the server has seen all that was asked for before. */
  flush(withinMs: number): Promise<Published>;
  /**
   * Ends all subscriptions, for good, and resolves when every message that was on its way is in its mailbox. There is
   * time to answer them then: publishing ends with `close`.
   */
  drain(withinMs: number): Promise<Published>;
  /** Ends the client. Where there is a connection, what was published gets to the server, if that takes 1 s at most. */
  close(): Promise<void>;
}

const CLOSE_WITHIN_MS = 1_000;

/** Starts a client: an actor, linked to its starter where that is a process. It connects now, and again whenever it has to. */
export async function startNatsClient(
  options: NatsOptions,
  host?: Host,
): Promise<Result<Started<NatsClient>, StartError>> {
  const started = await startActorWithInit({ init: (self) => init(options, self), onMessage }, host);
  if (!started.ok) return started;
  const { process, data } = started.value;
  return ok({ process, data: clientOf(data) });
}

function clientOf(commands: Subject<Command>): NatsClient {
  let subscriptions = 0;
  let isEnding = false;
  let closing: Promise<unknown> | undefined;

  const ask = async <T>(
    commandFor: (reply: Subject<Result<T, NatsFailure>>) => Command,
  ): Promise<Result<T, NatsFailure>> => {
    const asked = await call(commands, Infinity, (reply: ReplySubject & Subject<Result<T, NatsFailure>>) =>
      commandFor(reply),
    );
    return asked.ok ? asked.value : err({ type: "Closed" });
  };

  const close = async (): Promise<void> => {
    isEnding = true;
    closing ??= ask((reply) => ({ type: "Close", withinMs: CLOSE_WITHIN_MS, reply }));
    await closing;
  };

  return {
    publish(subject, payload, options) {
      const publication = publicationOf("publish", subject, payload, options);
      return ask((reply) => ({ type: "Publish", publication, reply }));
    },
    subscribe(subject, to, { queue } = {}) {
      checkPattern("subscribe", subject);
      if (queue !== undefined) checkPattern("subscribe with a queue", queue);
      if (isEnding) throw new Error("Cannot subscribe: the client has been drained or closed");
      const sid = `${++subscriptions}`;
      commands.send({ type: "Subscribe", sid, subject, queue, to });
      return { sid };
    },
    unsubscribe({ sid }, { afterMessages = 0 } = {}) {
      if (!Number.isInteger(afterMessages) || afterMessages < 0)
        throw new RangeError(`Cannot unsubscribe: afterMessages must be a whole number, received ${afterMessages}`);
      commands.send({ type: "Unsubscribe", sid, afterMessages });
    },
    request(subject, payload, withinMs, options) {
      checkTime("request", withinMs);
      const publication = publicationOf("request", subject, payload, options);
      return ask((reply) => ({ type: "Request", publication, withinMs, reply }));
    },
    flush(withinMs) {
      checkTime("flush", withinMs);
      return ask((reply) => ({ type: "Flush", withinMs, reply }));
    },
    drain(withinMs) {
      checkTime("drain", withinMs);
      isEnding = true;
      return ask<NatsMessage>((reply) => ({ type: "Drain", withinMs, reply })).then((drained) =>
        drained.ok ? ok() : drained,
      );
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function publicationOf(
  action: string,
  subject: string,
  payload: string | Uint8Array,
  { headers = [], replyTo }: PublishOptions = {},
): Publication {
  checkSubject(action, subject);
  if (replyTo !== undefined) checkSubject(action, replyTo);
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  return { subject, payload: bytes, headerBlock: encodeHeaders(headers), replyTo };
}

function checkTime(action: string, withinMs: number): void {
  if (!(withinMs >= 0 && (withinMs < 2 ** 32 || withinMs === Infinity)))
    throw new RangeError(`Cannot ${action}: withinMs must be from 0 to 2^32 - 1, received ${withinMs}`);
}
