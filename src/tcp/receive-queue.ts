import type { Alarms } from "../process/alarm.ts";
import { err, ok, type Result } from "../result.ts";
import type { SocketError } from "./error.ts";
import { Frames } from "./frames.ts";
import type { ResolvedSocketOptions } from "./options.ts";
import { noStash, Stash } from "./stash.ts";
import { noReceive, WaitingReceive } from "./waiting-receive.ts";

/** How the stream has ended, once everything before it has been taken. */
export interface Ending {
  /** Nothing where it was a plain end, or a reset that does not show. */
  readonly error: SocketError | undefined;
  /** Whether it is the peer's own end: all that the peer has sent stands before it. */
  readonly isWhole: boolean;
}

/** That of a stream which we have ended ourselves, or of which no more is known. */
export const plainEnd: Ending = { error: undefined, isWhole: false };

/** The socket whose queue it is. */
export interface Receiving {
  /** Whether the next packet goes to the owner. */
  isArmed: boolean;
  /** Whether what has come last is lent to who gets it. */
  isLent: boolean;
  /** Whether another protocol is about to begin: until then nothing is handed to anybody. */
  readonly isUpgrading: boolean;
  /** Whether both directions were shut down here. */
  readonly isShutDown: boolean;
  /** Something was taken or asked for: there may be room to read on. */
  readOn(): void;
  /** Gives the owner the packet that it has asked for. */
  deliver(data: Buffer): void;
  /** Tells the owner that the packets which were counted have come. */
  deliverPassive(): void;
  /** Tells the owner, who has asked, how the stream has ended. */
  tellEnd(ending: Ending): void;
  /** A receive hears how the stream has ended: as which error. */
  endReceive(ending: Ending): SocketError;
  /** The stream is over, as it can be cut no further; bytes of the peer's are thrown away, which it has to know. */
  cutOff(error: SocketError, text: string): void;
}

/** As in gen_tcp: more than this is not received at once. */
const mostExactBytes = 64 * 1024 * 1024;

/**
 * The reading side of a socket that is asked for more than the next packet, or later than it comes: what has come and nobody
 * has taken, how the stream has ended behind it, and the `receive` that waits for it, or the owner's count.
 */
export class ReceiveQueue {
  readonly #socket: Receiving;
  #options: ResolvedSocketOptions;
  /** Its own once something has to wait. */
  #stash = noStash;
  /** Cuts the stream into frames; nothing where it is raw. */
  #frames: Frames | undefined;
  #waiting = noReceive;
  #ending: Ending | undefined;
  /** The packets that go to the owner before the socket is passive again; 0 where it was armed for one. */
  packetsLeft = 0;
  #isCountingDown = false;

  constructor(socket: Receiving, options: ResolvedSocketOptions) {
    this.#socket = socket;
    this.#options = options;
    this.cutAnew(options);
  }

  // ── who asks ──

  /** Without waiting; nothing where it has to. `byteSize` 0 takes whatever has come. */
  receiveNow(byteSize: number): Result<Buffer, SocketError> | undefined {
    if (this.#socket.isArmed) return err("Einval");
    if (this.#waiting.isThere || this.#socket.isUpgrading) return err("Ealready");
    if (byteSize > 0 && this.#frames !== undefined) return err("Einval");
    if (byteSize > mostExactBytes) return err("Enomem");
    const data = this.#take(byteSize);
    if (data !== undefined) return ok(data);
    return this.#ending === undefined ? undefined : err(this.#socket.endReceive(this.#ending));
  }

  /** Waits where `receiveNow` has given nothing; for ever where the time is negative. */
  wait(byteSize: number, milliseconds: number, alarms: Alarms): Promise<Result<Buffer, SocketError>> {
    if (this.#waiting === noReceive) this.#waiting = this.#newWaiting();
    const received = this.#waiting.start(byteSize, milliseconds, alarms);
    this.#socket.readOn();
    return received;
  }

  /**
   * As inet's driver: what an exact receive has waited for is kept together, for who asks next. An owner that has armed the
   * socket meanwhile has asked.
   */
  #newWaiting(): WaitingReceive {
    return new WaitingReceive((byteSize) => {
      if (byteSize > 0) this.#stash.setApart();
      this.hand();
    });
  }

  get isAwaited(): boolean {
    return this.#waiting.isThere;
  }

  /** Whoever waits does so no longer, nor will anybody after this. */
  refuse(error: SocketError): void {
    this.#waiting.take()(err(error));
    this.#waiting.dispose();
  }

  // ── what comes ──

  push(data: Buffer): void {
    if (this.#handOver(data)) return;
    this.put(data);
    this.hand();
  }

  /** As `push`, for nobody yet. */
  put(data: Buffer): void {
    this.#ownStash.push(data);
  }

  /** The stream has ended behind all that has come. */
  end(ending: Ending): void {
    this.#ending ??= ending;
    this.hand();
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /**
   * Gives what has just come to a receive that waits for it, past the stash: most packets are a packet as they are. Says
   * false where `hand` has to decide.
   */
  #handOver(data: Buffer): boolean {
    if (!this.#waiting.isThere || this.#waiting.byteSize > 0) return false;
    if (this.#stash.size > 0 || this.#frames !== undefined || this.#socket.isUpgrading) return false;
    if (data.length > this.#options.buffer) return false;
    this.#socket.readOn();
    this.#waiting.take()(ok(data));
    return true;
  }

  /** Gives what has come to whoever asked: to a receive that waits first, then to the owner. */
  hand(): void {
    if (this.#stash.size === 0 && this.#ending === undefined) return; // nothing has come
    if (this.#socket.isUpgrading) return;
    if (this.#waiting.isThere) this.#handToWaiting();
    if (!this.#socket.isArmed || this.#waiting.isThere) return;
    if (this.packetsLeft > 0) {
      this.#countDown();
      return;
    }
    const data = this.#take(0);
    if (data === undefined && this.#ending === undefined) return;
    this.#socket.isArmed = false; // before the message: the owner may ask again at once
    if (data !== undefined) this.#socket.deliver(data);
    else if (this.#ending !== undefined) this.#socket.tellEnd(this.#ending);
  }

  /** As `hand`, for an owner that wants more than one. What it asks for while it is told comes behind that. */
  #countDown(): void {
    if (this.#isCountingDown) return;
    this.#isCountingDown = true;
    this.#socket.isLent = false; // several wait beside each other
    while (this.packetsLeft > 0) {
      const data = this.#take(0);
      if (data === undefined) break;
      const isLast = --this.packetsLeft === 0;
      if (isLast) this.#socket.isArmed = false;
      this.#socket.deliver(data);
      if (isLast) this.#socket.deliverPassive();
    }
    this.#isCountingDown = false;
    if (this.packetsLeft > 0 && this.#ending !== undefined) this.#socket.tellEnd(this.#ending);
  }

  #handToWaiting(): void {
    const data = this.#take(this.#waiting.byteSize);
    if (data === undefined && this.#ending === undefined) return;
    const settle = this.#waiting.take(); // before the end: that settles whoever still waits
    if (data !== undefined) settle(ok(data));
    else if (this.#ending !== undefined) settle(err(this.#socket.endReceive(this.#ending)));
  }

  // ── what is taken ──

  #take(byteSize: number): Buffer | undefined {
    if (this.#frames !== undefined) return this.#takeFrame(this.#frames);
    if (byteSize > 0) return this.#stash.size >= byteSize ? this.#taken(this.#stash.take(byteSize)) : undefined;
    return this.#taken(this.#stash.takePacket(this.#options.buffer));
  }

  /** Where no frame can follow, what is left is none: then that is how the stream has ended. */
  #takeFrame(frames: Frames): Buffer | undefined {
    const frame = frames.take();
    if (frame !== undefined) return this.#taken(frame);
    if (frames.failure !== undefined) this.#cutOff(frames.failure.error, frames.failure.reason);
    else if (this.#endsInsideFrame) this.#cutOff("Ebadmsg", "the stream ends inside a frame");
    return undefined;
  }

  /** Whether the peer has left a frame open: our own shutdown is no fault of its. */
  get #endsInsideFrame(): boolean {
    const hasPlainEnd = this.#ending !== undefined && this.#ending.error === undefined;
    return hasPlainEnd && this.#stash.size > 0 && !this.#socket.isShutDown;
  }

  #cutOff(error: SocketError, text: string): void {
    this.#ending = { error, isWhole: false };
    this.#stash.clear();
    this.#socket.cutOff(error, text);
  }

  #taken(data: Buffer | undefined): Buffer | undefined {
    if (data !== undefined) this.#socket.readOn();
    return data;
  }

  /** All that has come, for who goes on with the stream. */
  takeAll(): Buffer {
    return this.#stash.take(this.#stash.size);
  }

  clear(): void {
    this.#stash.clear();
  }

  // ── how it is cut ──

  /** From the first byte on that nobody has taken. A receive for so many bytes exactly has no sense where there are frames. */
  cutAnew(options: ResolvedSocketOptions): void {
    const { packet, packetSize } = options;
    this.#options = options;
    this.#frames = packet === "raw" ? undefined : new Frames(packet, packetSize, this.#ownStash);
    if (this.#frames !== undefined && this.#waiting.byteSize > 0) this.#waiting.take()(err("Einval"));
  }

  get frames(): Frames | undefined {
    return this.#frames;
  }

  get #ownStash(): Stash {
    if (this.#stash === noStash) this.#stash = new Stash();
    return this.#stash;
  }

  // ── how much it is ──

  /** Whether the transport is to read on. */
  get hasRoom(): boolean {
    const { size } = this.#stash;
    return (
      size < this.#options.readAhead ||
      size < this.#waiting.byteSize ||
      (this.#frames !== undefined && (this.#socket.isArmed || this.#waiting.isThere)) // a frame that is asked for has its own bound
    );
  }

  /** Whether all that has come was taken. */
  get isEmpty(): boolean {
    return this.#stash.size === 0;
  }

  /** Whether even what an armed socket gets has to go through here. */
  get isInUse(): boolean {
    return this.#stash.size > 0 || this.#frames !== undefined || this.#waiting.isThere || this.packetsLeft > 0;
  }

  get hasNothingForOwner(): boolean {
    return this.#stash.size === 0 || this.#waiting.isThere;
  }

  /** As the kernel sees it: what a `receiveExact` waits with, or has waited with, is read. */
  get unreadSize(): number {
    return this.#waiting.byteSize > 0 ? 0 : this.#stash.unreadSize;
  }
}
