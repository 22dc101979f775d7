import type { Socket as NodeSocket } from "node:net";
import type { Pieces } from "../framing/framing.ts";
import type { Address } from "./address.ts";
import type { Holding } from "./lending.ts";

export type { Socket as NodeSocket } from "node:net";

/** What a transport tells the one who listens to it. After `closed` it says nothing more. */
export interface TransportEvents {
  /** Bytes have come, the listener's to keep. Says whether to go on reading. */
  bytes(data: Buffer): boolean;
  /** Whose the memory is of the bytes that were told last. */
  readonly holding: Holding;
  /** The peer has ended its side; there is nothing more to read. */
  end(): void;
  /** The connection has failed, and with which of Node's codes; `closed` follows. */
  failed(code: string, while_: "reading" | "writing"): void;
  /** Some of what was queued has left. */
  written(): void;
  /** Everything queued has left, and the end of our side behind it. */
  finished(): void;
  /** The descriptor is closed. */
  closed(): void;
}

/** An established stream of bytes, as the socket's state machine sees it: it knows nothing of Node. */
export interface Transport {
  /** Who is told of what happens. Nothing is read before somebody listens and reads. */
  events: TransportEvents;
  readonly isReading: boolean;
  /** Whether nobody but the kernel sees what is written: then its memory may be used again as soon as it has left. */
  readonly isOurs: boolean;
  /** Bytes that were written and that the kernel has not taken. */
  readonly queuedBytes: number;
  readonly writtenBytes: number;
  /** Whether a write or read has failed, also where the event is still to come. */
  readonly hasFailed: boolean;
  /** Node's code for that failure. */
  readonly failure: string | undefined;
  /** Whether the peer's end has been read. */
  readonly hasEnded: boolean;
  /** Whether our end is out, behind everything that was queued. */
  readonly isFinished: boolean;
  /** Whether our end has to be written before the descriptor is closed: the peer would take it for a cut otherwise. */
  readonly mustEnd: boolean;
  /** Whether the peer's end, too, has to come before that: it may have sent what is not for the listener. */
  readonly awaitsEnd: boolean;
  /** Bytes that were read and not told, because the listener had stopped. */
  readonly untoldBytes: number;
  /** Whether it was destroyed or reset; the descriptor is closed, or will be in a moment. */
  readonly isDestroyed: boolean;
  readonly isClosed: boolean;
  /** Absent where the kernel has no connection any more. */
  readonly peername: Address | undefined;
  readonly sockname: Address | undefined;
  read(): void;
  stopReading(): void;
  /** With one system call, or none until `uncork`. Where something of it has to wait, `written` is called when it has left. */
  write(pieces: Pieces): void;
  /** Keeps what is written until `uncork`, which sends all of it with one system call; `first` is what is written next. */
  cork(first: Pieces): void;
  uncork(): void;
  /**
   * Asks the kernel whether the connection was reset, which `failure` says then: where a reset comes together with data,
   * Node reads a plain end. Says false where it cannot be asked.
   */
  probe(): boolean;
  /** Ends our side once everything queued has left. */
  end(): void;
  /** Closes the descriptor now; what is queued is lost. */
  destroy(): void;
  /** As `destroy`, and tells the peer by a reset, where the kind of connection has one. */
  reset(): void;
  ref(): void;
  unref(): void;
  /** Whether it can be lent. */
  readonly canLend: boolean;
  /**
   * Gives Node's socket to who shall speak another protocol over it, for whom `unread` come before what is still to
   * be read; without, what was read and not told is nobody's. This transport tells no more than `closed` from now on,
   * counts no more than was written until then, and must neither read nor write.
   */
  lend(unread: Buffer | undefined): NodeSocket;
}

/** The socket options that belong to the kernel. */
export interface KernelOptions {
  readonly nodelay: boolean;
  readonly keepalive: boolean;
}

/** @internal Whoever has not begun to listen. */
export const nobody: TransportEvents = {
  bytes: () => false,
  holding: "kept",
  end: () => undefined,
  failed: () => undefined,
  written: () => undefined,
  finished: () => undefined,
  closed: () => undefined,
};
