import { type Selector, withEntry } from "../process/selector.ts";
import { describeError, type SocketError } from "../tcp/error.ts";

/** What a `send` command may be told apart by. */
export type SendId = string | number;

/** What a `send` command asked for has been accepted: it leaves in order, unless the connection fails. */
export interface Sent {
  readonly type: "Sent";
  /** The command's. */
  readonly id: SendId | undefined;
}

/** Nothing of what a `send` command asked for leaves. */
export interface SendFailed {
  readonly type: "SendFailed";
  readonly id: SendId | undefined;
  readonly error: SocketError;
}

/** What has become of a `send` command: told once for each, until the actor is over. */
export type SendResult = Sent | SendFailed;

/**
 * Waits for what becomes of the `send` commands of a `fromTcpSocket` actor, which nobody hears of otherwise: each
 * becomes an event of the machine by `mapper`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- anything but undefined: a mapper that forgets a case does not compile
export function selectSendResults<M, const N extends {}>(
  selector: Selector<M>,
  mapper: (result: SendResult) => N,
): Selector<M | N> {
  return withEntry(selector, "lane", "sent", mapper as (message: unknown) => N);
}

/**
 * The error of an actor that could not send, where no selector waits for that: `Enobufs` where too much waits already,
 * `Timeout` after `sendTimeout`, `Emsgsize` where the header of `packet` cannot say how much it is. The stream would go on
 * with a hole.
 */
export class SendFailure extends Error {
  readonly error: SocketError;

  /** @internal */
  constructor(error: SocketError) {
    super(`cannot send: ${describeError(error)}`);
    this.name = "SendFailure";
    this.error = error;
  }
}
