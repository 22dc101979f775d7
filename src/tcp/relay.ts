import { err, ok, type Result } from "../result.ts";
import type { SocketError } from "./error.ts";
import type { Socket } from "./message.ts";
import type { SocketEngine } from "./socket-engine.ts";
import { engineOf } from "./socket.ts";

/** How one direction of a relay has gone. */
export interface RelayedDirection {
  /** The bytes that the one socket had received and the other has accepted. */
  readonly byteSize: number;
  /**
   * Ok where all that the peer had sent, up to its own end, has left to the other peer, the end behind it. Otherwise
   * why not; `Closed` where the other direction, or somebody who closed a socket, has ended this one.
   */
  readonly end: Result<undefined, SocketError>;
}

/** How each direction of a relay has ended. */
export interface RelayResult {
  readonly aToB: RelayedDirection;
  readonly bToA: RelayedDirection;
}

/**
 * Joins two sockets, as a proxy does: what one receives the other sends. Each direction takes the next packet when its
 * last one was accepted, so a slow reader slows the other side's writer down, and no more is in memory than what
 * `readAhead` and `highWatermark` allow, and two packets. Sockets that `connect` made read as with `reuseBuffers`. The end
 * of one side becomes the end of the other behind all that was sent, and the other direction goes on (whatever
 * `exitOnClose` says). Where a direction fails or a socket is closed meanwhile, also by its owner's end, both are reset:
 * neither peer sees a clean end behind a cut. From now on both are `raw`, whatever `packet` was; what nobody has taken
 * goes to the other side.
 *
 * Resolves, and never rejects, when both directions are over and both sockets closed. Both have to be passive: where one
 * is armed, both directions end by `Einval`.
 *
 * @throws TypeError for what is not a socket, or the same one twice
 */
export function relay(a: Socket, b: Socket): Promise<RelayResult> {
  const one = engineOf(a, "relay");
  const other = engineOf(b, "relay");
  if (one === other) throw new TypeError("Cannot relay: expected two sockets, received the same one twice");
  return join(one, other);
}

async function join(one: SocketEngine, other: SocketEngine): Promise<RelayResult> {
  const both = new Joint(one, other);
  const isRefused = one.isArmed || other.isArmed;
  if (!isRefused) for (const socket of [one, other]) socket.setOptions({ packet: "raw", reuseBuffers: true });
  const [there, back] = isRefused
    ? [both.fail(0, "Einval"), both.fail(0, "Einval")]
    : await Promise.all([both.carry(one, other), both.carry(other, one)]);
  await both.close();
  return { aToB: asItLeft(there, other), bToA: asItLeft(back, one) };
}

/** What was accepted may still have been cut on its way out. */
function asItLeft(direction: RelayedDirection, to: SocketEngine): RelayedDirection {
  if (!direction.end.ok || to.hasSentAll) return direction;
  return { ...direction, end: err(to.lastError?.reason ?? "Timeout") };
}

/** Two sockets that end together. */
class Joint {
  readonly #sockets: readonly [SocketEngine, SocketEngine];

  constructor(one: SocketEngine, other: SocketEngine) {
    this.#sockets = [one, other];
    for (const socket of this.#sockets) {
      socket.stayOpenForSends();
      socket.cutByClose(true);
    }
  }

  async carry(from: SocketEngine, to: SocketEngine): Promise<RelayedDirection> {
    for (let byteSize = 0; ;) {
      const received = await from.receive(0, Infinity);
      if (!received.ok && !from.hasReceivedAll) return this.fail(byteSize, reasonOf(from, received.error));
      const sent = received.ok ? await to.send([received.value]) : to.shutdownWrite();
      if (!sent.ok) return this.fail(byteSize, reasonOf(to, sent.error));
      if (!received.ok) return { byteSize, end: ok() };
      byteSize += received.value.length;
    }
  }

  fail(byteSize: number, reason: SocketError): RelayedDirection {
    for (const socket of this.#sockets) socket.abort();
    return { byteSize, end: err(reason) };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.cutByClose(false);
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }
}

/** The reason itself, where inet's rules hide it. */
function reasonOf(socket: SocketEngine, error: SocketError): SocketError {
  return error === "Closed" || error === "Enotconn" ? (socket.lastError?.reason ?? error) : error;
}
