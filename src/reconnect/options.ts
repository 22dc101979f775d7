import { type Backoff, checkBackoff } from "../otp/backoff.ts";
import { checkChoice } from "../otp/supervision.ts";
import { checkDelay } from "../process/clock.ts";
import { checkOptionNames } from "../process/option-names.ts";
import type { Self } from "../process/self.ts";
import type { Subject } from "../process/subject.ts";
import { valueText } from "../process/value-text.ts";
import type { Result } from "../result.ts";
import type { OwnedSocket } from "../tcp/message.ts";
import { checkByteSize, checkMethods } from "../tcp/option-checks.ts";
import { type BytesTree, piecesOf } from "../tcp/socket.ts";
import { checkEither, type TlsConnectionOptions } from "../tls/connect.ts";
import type { ReconnectMessage } from "./messages.ts";

/** How a peer is found dead that says nothing. */
export interface Heartbeat {
  /** What is sent after `everyMs` milliseconds without a packet. The peer has to say something then. */
  readonly data: BytesTree;
  readonly everyMs: number;
  /** Milliseconds in which a packet has to come then; otherwise the connection is cut (`PeerSilent`). */
  readonly withinMs: number;
  /**
   * Whether the peer answers it in its turn among the calls: nobody gets that answer then. Has to be set where calls are
   * used. Otherwise any packet will do, and comes to who asks like others. Default false.
   */
  readonly isCall?: boolean | undefined;
}

/** Where a reconnecting connection connects to, and how patient it is. */
export interface ReconnectOptions {
  /**
   * Where to connect to. Of several, each attempt tries the next. One with `tls` speaks TLS, and resumes its session when
   * it comes back. `reuseBuffers` is false, whatever it says: what is answered is the caller's to keep.
   */
  readonly to: TlsConnectionOptions | readonly TlsConnectionOptions[];
  /** Gets the messages, in order. */
  readonly subscriber: Subject<ReconnectMessage>;
  /**
   * Runs on every new connection before anything else is sent: logs in, subscribes anew. It reads with `receive`. If it
   * gives an error, throws, or takes too long, that counts as a failed attempt. It has to read what answers it: what it
   * leaves unread is taken for the answer to the first call, or comes to who asks.
   */
  readonly handshake?: ((socket: OwnedSocket, self: Self) => PromiseLike<Result<unknown, unknown>>) | undefined;
  /** Milliseconds that `handshake` may take. Default 5000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Default: 100 milliseconds to 30 seconds. */
  readonly backoff?: Backoff | undefined;
  /** Milliseconds that a connection has to stand before failures count from 1 again. Default 10000. */
  readonly stableAfterMs?: number | undefined;
  /** Failures in a row after which it gives up. Default `Infinity`. */
  readonly maxAttempts?: number | undefined;
  /** Bytes that may wait while there is no connection. Default 1 MiB. */
  readonly queueLimit?: number | undefined;
  /** What is refused where more would wait: the new one, or the oldest. Default "dropNewest". */
  readonly overflow?: "dropNewest" | "dropOldest" | undefined;
  /**
   * Says of a packet that comes while calls wait whether it is the answer to the oldest of them; what is none comes to who
   * asks. Default: every packet is.
   */
  readonly isAnswer?: ((data: Buffer) => boolean) | undefined;
  /** Default: none. A peer whose packets nobody asks for is not taken for dead. */
  readonly heartbeat?: Heartbeat | undefined;
}

/** @internal */
export type ReconnectSettings = {
  readonly [Name in Exclude<keyof ReconnectOptions, "to" | "handshake" | "heartbeat">]-?: Exclude<
    ReconnectOptions[Name],
    undefined
  >;
} & Pick<ReconnectOptions, "handshake" | "heartbeat"> & {
    readonly to: readonly [TlsConnectionOptions, ...TlsConnectionOptions[]];
  };

const optionNames = Object.keys({
  to: true,
  subscriber: true,
  handshake: true,
  handshakeTimeoutMs: true,
  backoff: true,
  stableAfterMs: true,
  maxAttempts: true,
  queueLimit: true,
  overflow: true,
  isAnswer: true,
  heartbeat: true,
} satisfies Record<keyof ReconnectOptions, true>);

const action = "start a reconnecting connection";

/**
 * @internal
 * @throws TypeError or RangeError for options that no connection can have, before anything is tried
 */
export function checkReconnectOptions(options: ReconnectOptions): ReconnectSettings {
  checkOptionNames(action, options, optionNames);
  const { subscriber, handshake, heartbeat, isAnswer = () => true, overflow = "dropNewest" } = options;
  const { handshakeTimeoutMs = 5_000, stableAfterMs = 10_000, maxAttempts = Infinity } = options;
  const { backoff = { minMs: 100, maxMs: 30_000 }, queueLimit = 1_048_576 } = options;
  const [first, ...others]: readonly TlsConnectionOptions[] = Array.isArray(options.to)
    ? (options.to as readonly TlsConnectionOptions[])
    : [options.to as TlsConnectionOptions];
  if (first === undefined) throw new TypeError(`Cannot ${action}: to must name a host, received []`);
  for (const one of [first, ...others]) checkEither(one);
  checkMethods(action, "subscriber", subscriber, ["trySend"]);
  checkFunction("handshake", handshake);
  checkFunction("isAnswer", isAnswer);
  checkDelay(action, "handshakeTimeoutMs", handshakeTimeoutMs);
  checkDelay(action, "stableAfterMs", stableAfterMs);
  checkBackoff(action, backoff);
  checkByteSize(action, "queueLimit", queueLimit, 0);
  checkChoice(action, "overflow", overflow, ["dropNewest", "dropOldest"]);
  if (!(maxAttempts === Infinity || (Number.isInteger(maxAttempts) && maxAttempts >= 1))) {
    throw new RangeError(
      `Cannot ${action}: maxAttempts must be a whole number from 1, or Infinity, received ${valueText(maxAttempts)}`,
    );
  }
  if (heartbeat !== undefined) {
    checkDelay(action, "heartbeat.everyMs", heartbeat.everyMs);
    if (heartbeat.everyMs === 0) throw new RangeError(`Cannot ${action}: heartbeat.everyMs must be above 0`);
    checkDelay(action, "heartbeat.withinMs", heartbeat.withinMs);
    piecesOf(heartbeat.data);
  }
  const to = [{ ...first }, ...others.map((one) => ({ ...one }))] as const;
  const times = { handshakeTimeoutMs, stableAfterMs, maxAttempts, backoff };
  return { to, subscriber, handshake, heartbeat, isAnswer, overflow, queueLimit, ...times };
}

function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw new TypeError(`Cannot ${action}: ${name} must be a function, received ${valueText(value)}`);
}
