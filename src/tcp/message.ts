import type { SocketError } from "./error.ts";

declare const hasOwner: unique symbol;

/**
 * A connection. Read it with `receive`, write to it with `send`; `await using` closes it at the end of the block.
 * Opaque: its state is in `tankard`, its JSON is its type and number.
 */
export interface Socket extends AsyncDisposable {
  readonly id: number;
  /** Whether it can deliver messages; no such property exists. */
  readonly [hasOwner]: boolean;
  toJSON(): { readonly type: "Socket"; readonly id: number };
}

/** A socket with an owner: the only kind that can deliver packets as messages. */
export interface OwnedSocket extends Socket {
  readonly [hasOwner]: true;
}

/**
 * Bytes that had been asked for with `receiveNextPacketAsMessage`: what has arrived, up to `buffer`, or, with a `packet`
 * other than `raw`, one frame. Source: `mug.Packet`.
 */
export interface Packet {
  readonly type: "Packet";
  readonly socket: OwnedSocket;
  readonly data: Buffer;
}

/** The stream has ended: nothing follows. Told once, to an owner that asked. Source: `mug.SocketClosed`. */
export interface SocketClosed {
  readonly type: "SocketClosed";
  readonly socket: OwnedSocket;
}

/** The stream has failed. `SocketClosed` follows directly. Source: `mug.TcpError`. */
export interface TcpError {
  readonly type: "TcpError";
  readonly socket: OwnedSocket;
  readonly error: SocketError;
}

/**
 * The packets that `setActive` has counted have come, or were taken away: the socket is passive again. It comes behind
 * the last of them. No `TcpMessage`: only `selectTcpPassive` and `selectOther` take it. Source: `tcp_passive`.
 */
export interface TcpPassive {
  readonly type: "TcpPassive";
  readonly socket: OwnedSocket;
}

/** What a socket says to its owner. Each is an XState event as it stands. Source: `mug.TcpMessage`. */
export type TcpMessage = Packet | SocketClosed | TcpError;
