import { inspect } from "node:util";
import type { Pieces } from "../framing/framing.ts";
import { deferred } from "../process/deferred.ts";
import type { Owner } from "../process/owner.ts";
import type { RuntimeEngine } from "../process/runtime.ts";
import { afterPoll } from "../process/scheduler.ts";
import { err, ok, type Result } from "../result.ts";
import { Closing } from "./closing.ts";
import { Departure } from "./departure.ts";
import { type LastError, reasonFromCode, type SocketError } from "./error.ts";
import { beginLending, type Holding } from "./lending.ts";
import { LastWords, type Words } from "./last-words.ts";
import type { OwnedSocket } from "./message.ts";
import type { ChangeableOptions, ResolvedSocketOptions, SocketOptions } from "./options.ts";
import { Owned } from "./owned.ts";
import { type Ending, plainEnd, ReceiveQueue, type Receiving } from "./receive-queue.ts";
import { SendQueue, type SendResult, writeTo } from "./send-queue.ts";
import type { Address } from "./address.ts";
import { nobody, type NodeSocket, type Transport, type TransportEvents } from "./transport.ts";

/** A stream that another protocol is to be spoken over. */
export interface LentStream {
  readonly raw: NodeSocket;
  /** Of a unix socket. */
  readonly path: string | undefined;
}

/** What every send gives that succeeds at once: one promise for all of them, as it says the same of each. */
const accepted: Promise<SendResult> = Promise.resolve(ok());
const nothing = Buffer.alloc(0);
/** As in inet, whose count of packets has 16 bits. */
const mostPackets = 32_767;

/**
 * A socket as a state machine, in the states of inet's driver:
 *
 * - `open`: bytes and the end behind them are handed to a `receive` that waits or to the owner that has armed it;
 * - `dead`: how it ended has been said to a `receive` or a `send`, and arming says it once more, as `SocketClosed`;
 * - `gone`: everything says `Closed`.
 *
 * The transport reads ahead until the stash is full, armed or not, and reports an end when it meets it; what nobody
 * has asked for stays in the stash, the end behind it. So a socket is read lazily, and never told about unasked.
 */
export class SocketEngine extends Owned implements TransportEvents, Receiving {
  readonly id: number;
  readonly runtime: RuntimeEngine;
  #transport: Transport;
  #options: ResolvedSocketOptions;
  isArmed = false;
  /** Whether what the kernel had when it was armed may still be unread. */
  #isPollDue = false;
  isLent = false;
  /** Most packets are asked for before they come: a socket that gets no others has none. */
  #receives: ReceiveQueue | undefined;
  /** Most sockets send once a turn, and nothing of it has to wait: they have none. */
  #sends: SendQueue | undefined;
  /** The scheduler's turn of the last send, while there is no queue. */
  #sentIn = 0;

  #phase: "open" | "dead" | "gone" = "open";
  /** Most open sockets have none. */
  #closing: Closing | undefined;

  /** Whether the program waits for it. */
  #isHolding = false;
  #receivedBytes = 0;
  #receivedCount = 0;
  #sentCount = 0;

  /** `head` are bytes that were read before. */
  constructor(
    transport: Transport,
    options: ResolvedSocketOptions,
    runtime: RuntimeEngine,
    owner: Owner | undefined,
    head?: Uint8Array,
  ) {
    super();
    this.id = runtime.nextId();
    this.runtime = runtime;
    this.#transport = transport;
    this.#options = options;
    if (options.reuseBuffers) beginLending();
    transport.events = this;
    if (options.packet !== "raw") this.#receives = new ReceiveQueue(this, options);
    if (head !== undefined && head.length > 0) this.#ownReceives.put(Buffer.from(head));
    if (transport.isDestroyed || transport.hasEnded)
      this.#ownReceives.end({ ...plainEnd, isWhole: transport.hasEnded });
    this.ref();
    if (owner !== undefined && !this.goTo(owner)) void this.close();
  }

  // ── reading ──

  /** `byteSize` 0 takes whatever comes; a negative time waits for ever. */
  receive(byteSize: number, milliseconds: number): Promise<Result<Buffer, SocketError>> {
    if (this.#takePoll()) return this.#receiveAfterPoll(byteSize, milliseconds);
    const now = this.#receiveNow(byteSize);
    if (now !== undefined) return this.runtime.scheduler.answer(now);
    return this.#ownReceives.wait(byteSize, milliseconds, this.runtime.alarms);
  }

  /** Says whether what the kernel had when it was armed has still to come; once. */
  #takePoll(): boolean {
    const isDue = this.isArmed && this.#isPollDue;
    this.#isPollDue = false;
    return isDue;
  }

  get #ownReceives(): ReceiveQueue {
    return (this.#receives ??= new ReceiveQueue(this, this.#options));
  }

  /** What the kernel had belongs to who armed the socket, which is passive again then. */
  #receiveAfterPoll(byteSize: number, milliseconds: number): Promise<Result<Buffer, SocketError>> {
    return new Promise((resolve) => {
      afterPoll(() => {
        resolve(this.receive(byteSize, milliseconds));
      });
    });
  }

  #receiveNow(byteSize: number): Result<Buffer, SocketError> | undefined {
    if (this.#phase === "gone") return err("Closed");
    if (this.#phase === "dead") return err(this.#ownClosing.lastWords.toReceive());
    return this.#ownReceives.receiveNow(byteSize);
  }

  arm(): Result<undefined, "Closed"> {
    if (this.#isAllSaid) return err("Closed");
    this.#checkOwner();
    if (this.#receives !== undefined) this.#receives.packetsLeft = 0;
    this.#flow();
    return ok();
  }

  /** Adds `count` to the packets that are still to go to the owner, who hears when they are none. */
  setActive(count: number): Result<undefined, "Closed" | "Einval"> {
    if (this.#isAllSaid) return err("Closed");
    this.#checkOwner();
    const left = this.#ownReceives.packetsLeft + count;
    if (left > mostPackets || count < -mostPackets - 1) return err("Einval");
    if (left > 0) {
      this.#ownReceives.packetsLeft = left;
      this.#flow();
    } else {
      this.disarm();
      this.deliverPassive();
    }
    return ok();
  }

  /** Whether no message can ever follow. */
  get #isAllSaid(): boolean {
    return this.#phase === "gone" || this.#closing?.isEndTold === true;
  }

  #checkOwner(): void {
    if (this.owner !== undefined) return;
    throw new Error(
      "Cannot receive packets as messages from a socket without an owner: give connect an owner, or call controllingProcess",
    );
  }

  /** From now on the owner gets what comes: what is here already, before this returns. */
  #flow(): void {
    if (this.#phase === "dead") {
      this.tellEnd({ ...plainEnd, error: this.#ownClosing.lastWords.error });
      return;
    }
    this.isArmed = true;
    this.#receives?.hand();
    this.readOn();
    this.#awaitPoll();
  }

  /** Where it is still armed, something that the kernel has may come with the next poll. */
  #awaitPoll(): void {
    this.#isPollDue = this.isArmed;
    if (this.isArmed) this.owner?.awaitPoll?.();
  }

  disarm(): void {
    this.isArmed = false;
    if (this.#receives !== undefined) this.#receives.packetsLeft = 0;
  }

  /** What nobody has taken is cut anew; a receive for so many bytes exactly has no sense where there are frames. */
  setOptions(changed: ChangeableOptions & Pick<SocketOptions, "reuseBuffers">): Result<undefined, "Closed"> {
    if (this.#phase === "gone") return err("Closed");
    const { packet = this.#options.packet, packetSize = this.#options.packetSize } = changed;
    const { reuseBuffers = this.#options.reuseBuffers } = changed;
    if (reuseBuffers) beginLending();
    this.#options = { ...this.#options, packet, packetSize, reuseBuffers };
    this.#ownReceives.cutAnew(this.#options);
    this.#ownReceives.hand();
    this.readOn();
    return ok();
  }

  /** From now on the peer's end leaves our side open, whatever `exitOnClose` said. */
  stayOpenForSends(): void {
    this.#options = { ...this.#options, exitOnClose: false };
  }

  /** What somebody else is to end must not look whole where this end is closed before: then closing it is cutting it. */
  cutByClose(isCut: boolean): void {
    this.#ownClosing.isCutByClose = isCut;
  }

  // ── what its queue needs of it ──

  get isUpgrading(): boolean {
    return this.#closing?.upgrading !== undefined;
  }

  get isShutDown(): boolean {
    return this.#shut === "both";
  }

  deliver(data: Buffer): void {
    this.tell({ type: "Packet", socket: this.asOwned, data });
  }

  deliverPassive(): void {
    if (this.#phase !== "gone") this.tellPassive({ type: "TcpPassive", socket: this.asOwned });
  }

  cutOff(error: SocketError, text: string): void {
    this.#ownClosing.lastError = { reason: error, code: error.toUpperCase(), text };
    this.#transport.reset();
  }

  readOn(): void {
    if (this.#transport.isReading) return; // as it is most of the time
    if (!this.#isReadable || this.isUpgrading || !this.#hasRoom) return;
    this.#transport.read();
    if (this.#shut === "both" && this.#transport.isFinished) this.#endWhenQuiet();
  }

  get #isOpen(): boolean {
    return this.#phase === "open";
  }

  get #shut(): Closing["shut"] {
    return this.#closing === undefined ? "nothing" : this.#closing.shut;
  }

  /** Whether more may come. */
  get #isReadable(): boolean {
    return this.#isOpen && this.#ending === undefined;
  }

  get #ending(): Ending | undefined {
    return this.#receives?.ending;
  }

  get #hasRoom(): boolean {
    return this.#receives === undefined || this.#receives.hasRoom;
  }

  /** Whether a receive waits. */
  get #isAwaited(): boolean {
    return this.#receives?.isAwaited === true;
  }

  /** The owner hears how it ended; a peer's end closes our side too, unless `exitOnClose` says otherwise. */
  tellEnd(ending: Ending): void {
    this.disarm();
    if (this.#canStillSend(ending)) this.#ownClosing.isEndTold = true;
    else this.#go();
    if (ending.error !== undefined) this.tell({ type: "TcpError", socket: this.asOwned, error: ending.error });
    this.tell({ type: "SocketClosed", socket: this.asOwned });
  }

  endReceive(ending: Ending): SocketError {
    this.#ownClosing.hasReceivedAll = ending.isWhole;
    if (!this.#canStillSend(ending)) this.#die({ toSend: ending.error === undefined ? "Closed" : undefined });
    return ending.error ?? "Closed";
  }

  #canStillSend(ending: Ending): boolean {
    return (
      !this.#options.exitOnClose && ending.error === undefined && this.#shut === "nothing" && !this.#transport.hasFailed
    );
  }

  // ── what the transport tells ──

  bytes(data: Buffer): boolean {
    if (this.#phase !== "open") {
      this.#departure.dropBytes();
      return false;
    }
    this.#receivedBytes += data.length;
    this.#receivedCount++;
    if (this.#ending !== undefined) {
      this.#transport.reset(); // after our shutdown nobody will read this, and the peer has to know
      return false;
    }
    const { scheduler } = this.runtime;
    scheduler.enter();
    if (this.#isAwaited) scheduler.outlast();
    this.#take(data);
    scheduler.leave();
    return this.#isOpen && this.#hasRoom;
  }

  #take(data: Buffer): void {
    // Before anybody gets it, who may begin a relay or ask for more at once. Where a receive and the owner have both asked,
    // the one who does not get it has asked for more already, without having had anything to return.
    this.isLent = this.#options.reuseBuffers && !(this.isArmed && this.#isAwaited);
    // Most packets are asked for before they come, and are a packet as they are.
    const isForOwner = this.isArmed && !this.isUpgrading && this.#receives?.isInUse !== true;
    if (isForOwner && data.length <= this.#options.buffer) {
      this.readOn();
      this.isArmed = false; // before the message: the owner may ask again at once
      this.deliver(data);
    } else this.#ownReceives.push(data);
  }

  get holding(): Holding {
    if (!this.isLent || this.#receives?.isEmpty === false) return "kept";
    return this.isArmed || this.#isAwaited ? "returned" : "lent";
  }

  end(): void {
    if (!this.#isOpen) {
      this.#departure.hearEnd();
      return;
    }
    const code = this.#lookForReset();
    // A reset behind the peer's end is not how the stream has ended; who sends will hear of it.
    const isWhole = code === undefined || code === "EPIPE";
    this.#endWith({ error: isWhole ? undefined : this.#shownReset(code), isWhole });
  }

  failed(code: string, while_: "reading" | "writing"): void {
    const reason = this.#note(code);
    // A stream that has ended by a failure has nothing more to say, nor a look at one that has failed.
    if (!this.#isOpen || this.#ending?.error !== undefined || this.#ownClosing.isFailureKnown) return;
    // A record that is none is told to whoever reads, whatever is queued.
    const isQueueFirst = reason !== "Eproto" && this.#hasQueue && this.#receives?.hasNothingForOwner !== false;
    if (while_ === "writing" || isQueueFirst) this.#failQueue();
    else {
      this.#sends?.refuseAll(err("Closed"), err("Enotconn"));
      this.#endWith({ error: isReset(reason) ? this.#shownReset(code) : reason, isWhole: false });
    }
  }

  /**
   * A reset that came behind something else is not read: Node takes it for a plain end. Nothing can be read after
   * this, so it is looked for when all that came before it has been.
   */
  #lookForReset(): string | undefined {
    this.#transport.probe();
    const { failure } = this.#transport;
    if (failure !== undefined) {
      this.#ownClosing.isFailureKnown = true;
      this.#note(failure);
    }
    return failure;
  }

  #note(code: string): SocketError {
    const reason = reasonFromCode(code);
    this.#ownClosing.lastError = { reason, code };
    return reason;
  }

  written(): void {
    if (!this.#isOpen) return;
    this.#sends?.advance();
    const upgrading = this.#closing?.upgrading;
    if (upgrading !== undefined && !this.#hasQueue) upgrading(true);
  }

  finished(): void {
    if (!this.#isOpen) this.#departure.finishEnd();
    else if (this.#shut === "both") this.#finishShutdown();
  }

  /** Our end is out, behind the queue: there is nothing left to keep the program running for, nor to receive. */
  #finishShutdown(): void {
    this.unref();
    if (this.#ending !== undefined) return;
    if (this.isArmed) this.#endWith(plainEnd);
    else if (this.#hasRoom) {
      this.#transport.read();
      this.#endWhenQuiet();
    }
  }

  closed(): void {
    this.#closing?.stopUpgrading();
    this.#sends?.refuseAll(err("Closed"));
    this.#endWith(plainEnd);
    this.#letGo();
    this.#closing?.departure?.finish();
    this.#closing?.closed?.resolve();
  }

  #endWith(ending: Ending): void {
    if (!this.#isOpen) return;
    this.runtime.scheduler.enter();
    this.#ownReceives.end(ending);
    this.runtime.scheduler.leave();
  }

  /** inet hides that a connection was reset, unless it is asked to show it. */
  #shownReset(code: string | undefined): SocketError | undefined {
    return this.#options.showEconnreset && isReset(reasonFromCode(code)) ? "Econnreset" : undefined;
  }

  // ── writing ──

  send(pieces: Pieces): Promise<SendResult> {
    const result = this.sendNow(pieces);
    if (result instanceof Promise) return result;
    const { scheduler } = this.runtime;
    return result.ok && scheduler.charge() ? accepted : scheduler.answer(result);
  }

  /** As `send`, without a promise where it need not wait. */
  sendNow(body: Pieces): Promise<SendResult> | SendResult {
    const frames = this.#receives?.frames;
    const pieces = frames === undefined ? body : frames.encode(body);
    return pieces === undefined ? err("Emsgsize") : this.#sendPieces(pieces);
  }

  #sendPieces(pieces: Pieces): Promise<SendResult> | SendResult {
    if (this.#phase === "gone") return err("Closed");
    if (this.#phase === "dead") return err(this.#ownClosing.lastWords.toSend());
    if (this.isUpgrading) return err("Ealready");
    const shut = this.#shut;
    const mustWait = this.#mustWait;
    if (!mustWait && isEmpty(pieces)) {
      this.#sentCount++; // and it succeeds, as the kernel is not asked
      return ok();
    }
    if (shut !== "nothing" && this.#isSendWaiting) return this.#sendBehindOthers(pieces);
    if (shut === "writing") return err("Closed");
    if (shut === "both" || this.#transport.hasFailed) return err(this.#failSend());
    this.#sentCount++;
    if (mustWait) return this.#ownSends.wait(pieces);
    return this.#write(pieces) ? ok() : err(this.#failSend());
  }

  get #mustWait(): boolean {
    return this.#sends?.mustWait ?? this.#transport.queuedBytes > this.#options.highWatermark;
  }

  get #isSendWaiting(): boolean {
    return this.#sends?.isWaiting === true;
  }

  #write(pieces: Pieces): boolean {
    if (this.#sends !== undefined) return this.#sends.write(pieces);
    const { turn } = this.runtime.scheduler;
    if (turn === this.#sentIn) return this.#ownSends.write(pieces);
    this.#sentIn = turn;
    return writeTo(this.#transport, pieces);
  }

  get #ownSends(): SendQueue {
    return (this.#sends ??= new SendQueue(this.#transport, this.#options, this.runtime, this.#sentIn));
  }

  /** A send that comes too late meets the end only when those have left that wait. */
  async #sendBehindOthers(pieces: Pieces): Promise<SendResult> {
    const turn = await this.#ownSends.wait([]);
    return turn.ok ? this.#sendPieces(pieces) : turn;
  }

  /** Whoever sends is told; whoever waits in a receive too, and otherwise the next one. */
  #failSend(): SocketError {
    return this.#failWriting((error) => ({ toReceive: this.#isAwaited ? undefined : error }));
  }

  /** Nobody sends but the queue: unless a send waits, the next one has still to be told. */
  #failQueue(): void {
    this.runtime.scheduler.enter();
    this.#failWriting((error) => ({ toReceive: error, toSend: this.#isSendWaiting ? undefined : error }));
    this.runtime.scheduler.leave();
  }

  /** As in inet, a failure to write throws away what was not read; what had been accepted before still leaves. */
  #failWriting(wordsFor: (error: SocketError) => Words): SocketError {
    const { failure } = this.#transport;
    if (failure !== undefined) this.#note(failure);
    const error = this.#shownReset(failure ?? (this.#shut === "both" ? "EPIPE" : undefined));
    if (this.#hasUnread) this.#transport.reset();
    this.#receives?.clear();
    if (this.isArmed) this.tellEnd({ ...plainEnd, error });
    else this.#die(wordsFor(error ?? "Closed"));
    return error ?? "Closed";
  }

  // ── closing ──

  shutdown(): Promise<SendResult> {
    const now = this.#shutdownNow();
    if (now !== undefined) return Promise.resolve(now);
    return new Promise((resolve) => {
      this.#transport.read();
      this.#whenQuiet(() => {
        if (!this.#hasQueue && this.#transport.isReading) this.#endWith(plainEnd);
        resolve(this.#endTransport());
      });
    });
  }

  /** As in inet, a shutdown has its effect when the queue has left: until then receiving goes on. */
  get #hasQueue(): boolean {
    return this.#pendingBytes > 0;
  }

  get #pendingBytes(): number {
    return this.#sends?.pendingBytes ?? this.#transport.queuedBytes;
  }

  /** Ends our side behind all that is queued. */
  #endSends(): void {
    if (this.#sends === undefined) this.#transport.end();
    else this.#sends.end();
  }

  /** Our end behind what is queued, where there is still a connection to end. */
  #endTransport(): SendResult {
    const hasBeenReset = (this.#transport.failure ?? this.#lookForReset()) !== undefined;
    this.#endSends();
    if (this.#transport.isFinished) this.finished();
    return hasBeenReset ? err("Enotconn") : ok();
  }

  /** Nothing where what the kernel has must be read first. */
  #shutdownNow(): SendResult | undefined {
    if (this.#phase === "gone") return err("Closed");
    if (this.#phase === "dead" || this.#isOver) return err("Enotconn");
    if (this.isUpgrading) return err("Ealready");
    if (this.#shut === "both") return ok();
    this.#ownClosing.shut = "both";
    this.#departure.startLinger();
    if (this.isArmed && !this.#hasQueue) {
      this.tellEnd(plainEnd);
      return ok();
    }
    return !this.isArmed && this.#ending === undefined && this.#hasRoom ? undefined : this.#endTransport();
  }

  /** Whether the kernel has no connection left to shut down. */
  get #isOver(): boolean {
    return this.#transport.hasFailed || (this.#shut === "both" && this.#transport.hasEnded);
  }

  /**
   * After our shutdown, what the kernel had read before can still be received; what comes later is refused. Where the
   * one ends and the other begins is found by reading until a look at the socket brings nothing more.
   */
  #endWhenQuiet(): void {
    this.#whenQuiet(() => {
      if (this.#transport.isReading) this.#endWith(plainEnd); // otherwise there is more than has room
    });
  }

  #whenQuiet(then: () => void): void {
    const received = this.#receivedBytes;
    afterPoll(() => {
      const isReading = this.#isReadable && this.#transport.isReading;
      if (isReading && this.#receivedBytes > received) this.#whenQuiet(then);
      else then();
    });
  }

  shutdownWrite(): SendResult {
    if (this.#phase === "gone") return err("Closed");
    if (this.#phase === "dead" || this.#transport.hasFailed) return err("Enotconn");
    if (this.isUpgrading) return err("Ealready");
    if (this.#shut !== "nothing") return ok();
    this.#ownClosing.shut = "writing";
    this.#endSends();
    return ok();
  }

  /** Gone at once for everybody. Unread bytes make it a reset; otherwise what is queued leaves first. */
  close(): Promise<void> {
    this.owner?.dropClosed?.(this.asOwned);
    if (this.#phase !== "gone") {
      if (this.#hasUnread || this.#ownClosing.isCutByClose) this.#cut();
      else {
        if (this.#phase === "open") this.#sends?.acceptAll(err("Closed"));
        this.#go();
      }
    }
    if (this.#transport.isClosed) return Promise.resolve();
    return (this.#ownClosing.closed ??= deferred()).promise;
  }

  get #hasUnread(): boolean {
    return (this.#receives?.unreadSize ?? 0) + this.#transport.untoldBytes > 0;
  }

  abort(): void {
    if (this.#phase !== "gone") this.#cut();
    else if (!this.#transport.isDestroyed) this.#transport.reset(); // it was closed, and its queue is still leaving
  }

  #cut(): void {
    this.#transport.reset();
    this.#go();
  }

  #go(): void {
    const wasOpen = this.#isOpen;
    this.#phase = "gone";
    this.#closing?.gone?.resolve();
    this.disarm();
    this.leave();
    if (wasOpen) this.#leave();
  }

  /** What is left to say, once, to a `receive` and to a `send`. */
  #die(words: Words): void {
    this.#phase = "dead";
    this.#ownClosing.lastWords = new LastWords(words);
    this.#leave();
  }

  /** Nobody uses the connection any more: it ends once its queue has left, or the time for that is over. */
  #leave(): void {
    this.#receives?.clear();
    this.#closing?.upgrading?.(false);
    this.#sends?.refuseAll(err("Closed"), err(this.#phase === "dead" ? "Enotconn" : "Closed"));
    this.#receives?.refuse("Closed");
    if (!this.#transport.isDestroyed) this.#departure.leave();
  }

  get #ownClosing(): Closing {
    return (this.#closing ??= new Closing());
  }

  get #departure(): Departure {
    return (this.#ownClosing.departure ??= new Departure(this.#transport, this.runtime, this.#options.linger));
  }

  // ── upgrading ──

  /**
   * Lends the stream to who shall speak another protocol over it, once what is queued has left. Bytes that were read
   * and not taken go to that protocol or nowhere: they are never received as if they had come by it.
   * Until `finishUpgrade` nothing is sent or received, and the packet that the owner asks for waits.
   */
  async startUpgrade(unread: "HandOver" | "Discard"): Promise<Result<LentStream, SocketError>> {
    const refusal = this.#refuseUpgrade();
    if (refusal !== undefined) return err(refusal);
    this.#transport.stopReading();
    const isOpen = await new Promise<boolean>((settle) => {
      this.#ownClosing.upgrading = settle;
      if (!this.#hasQueue) settle(true);
    });
    if (!isOpen || this.#ending !== undefined) {
      this.#ownClosing.upgrading = undefined;
      this.#receives?.hand();
      return err("Closed");
    }
    const read = unread === "HandOver" ? (this.#receives?.takeAll() ?? nothing) : undefined;
    this.#receives?.clear();
    this.#receives?.cutAnew(this.#options);
    const { peername } = this.#transport;
    return ok({ raw: this.#transport.lend(read), path: peername?.port === 0 ? peername.address : undefined });
  }

  #refuseUpgrade(): SocketError | undefined {
    if (this.#phase === "gone") return "Closed";
    if (this.#phase === "dead" || this.#ending !== undefined || this.#transport.hasFailed) return "Enotconn";
    if (this.#shut !== "nothing") return "Enotconn";
    if (!this.#transport.canLend) return "Enotsup";
    if (this.isUpgrading || this.#isAwaited) return "Ealready";
    return this.isArmed ? "Einval" : undefined;
  }

  /** The other protocol speaks: from now on the stream is what `transport` makes of it. */
  finishUpgrade(transport: Transport): void {
    this.#transport.events = nobody;
    const closing = this.#ownClosing;
    closing.sentBytesBefore += this.#transport.writtenBytes;
    closing.departure = undefined;
    closing.upgrading = undefined;
    this.#transport = transport;
    this.#sends = undefined;
    transport.events = this;
    this.readOn();
  }

  /** The other protocol has not come about: the connection is over, and an owner that has asked hears that. */
  failUpgrade(): void {
    if (this.#hasQueue) this.#transport.reset();
    else this.#transport.destroy();
    this.#closing?.stopUpgrading();
    this.#sends?.refuseAll(err("Closed"));
    this.#endWith(plainEnd);
  }

  // ── owning ──

  /** Of its owner's end. */
  hear(): void {
    void this.close();
  }

  controllingProcess(
    owner: Owner,
    from: Owner | undefined,
  ): Result<OwnedSocket, "NotOwner" | "Closed" | "OwnerExited"> {
    if (this.#phase === "gone") return err("Closed");
    if (this.isWith(owner)) return ok(this.asOwned);
    if (from !== undefined && !this.isWith(from)) return err("NotOwner");
    return this.moveTo(owner) ? ok(this.asOwned) : err("OwnerExited");
  }

  ref(): void {
    if (this.#transport.isClosed) return;
    if (!this.#isHolding) this.runtime.activity.hold();
    this.#isHolding = true;
    this.#transport.ref();
  }

  unref(): void {
    this.#letGo();
    this.#transport.unref();
  }

  #letGo(): void {
    if (this.#isHolding) this.runtime.activity.release();
    this.#isHolding = false;
  }

  // ── looking ──

  /** Whether it is closed, whoever has closed it, or its end has been told. */
  get isGone(): boolean {
    return this.#phase === "gone";
  }

  /** Whether a receive has said the peer's own end: all that the peer has sent was received. */
  get hasReceivedAll(): boolean {
    return this.#closing?.hasReceivedAll === true;
  }

  /** Whether all that was sent has left, and our end behind it. */
  get hasSentAll(): boolean {
    return this.#transport.isFinished;
  }

  /** Whether the connection was reset, shown or not. */
  get wasReset(): boolean {
    return this.lastError?.reason === "Econnreset";
  }

  get lastError(): LastError | undefined {
    return this.#closing?.lastError;
  }

  get peername(): Result<Address, SocketError> {
    return this.#whileOpen(() => this.#transport.peername);
  }

  get sockname(): Result<Address, SocketError> {
    return this.#whileOpen(() => this.#transport.sockname);
  }

  get stat(): Result<Record<"recvOct" | "recvCnt" | "sendOct" | "sendCnt" | "sendPend", number>, SocketError> {
    return this.#whileOpen(() => ({
      recvOct: this.#receivedBytes,
      recvCnt: this.#receivedCount,
      sendOct: (this.#closing?.sentBytesBefore ?? 0) + this.#transport.writtenBytes,
      sendCnt: this.#sentCount,
      sendPend: this.#pendingBytes,
    }));
  }

  #whileOpen<T>(look: () => T | undefined): Result<T, SocketError> {
    if (this.#phase === "gone") return err("Closed");
    const seen = this.#phase === "dead" || this.#transport.isClosed ? undefined : look();
    return seen === undefined ? err("Enotconn") : { ok: true, value: seen };
  }

  /** Resolves when the socket is gone, whoever has closed it or been told its end. */
  get gone(): Promise<void> {
    if (this.#phase === "gone") return Promise.resolve();
    return (this.#ownClosing.gone ??= deferred()).promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  toJSON(): { readonly type: "Socket"; readonly id: number } {
    return { type: "Socket", id: this.id };
  }

  [inspect.custom](): string {
    return `Socket { id: ${String(this.id)}, phase: "${this.#phase}" }`;
  }
}

function isEmpty(pieces: Pieces): boolean {
  for (const { length } of pieces) if (length > 0) return false;
  return true;
}

/** The two faces of a reset: to who reads, and to who writes. */
function isReset(reason: SocketError): boolean {
  return reason === "Econnreset" || reason === "Epipe";
}
