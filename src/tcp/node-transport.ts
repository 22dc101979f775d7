import { Socket } from "node:net";
import type { Pieces } from "../framing/framing.ts";
import type { Address } from "./address.ts";
import { ownAfter, type OwnBuffer, readNext, releaseOwn, takeRead } from "./read-buffer.ts";
import { type KernelOptions, nobody, type Transport, type TransportEvents } from "./transport.ts";
import { areSmall, giveBack, takeWriteBuffer, type WriteBuffer } from "./write-buffer.ts";

const nothing = Buffer.alloc(0);
/** Who is called back when a write has left, or nobody. */
type Told = ((error?: Error | null) => void) | undefined;

/** Where a socket of Node's comes from. Most come from the same place, and share one. */
export interface Origin {
  /** As `Transport.isOurs`. */
  readonly isOurs: boolean;
  /** Of a unix socket. */
  readonly path: string | undefined;
  /** What it speaks over: the system's socket, where it is not that itself. */
  readonly under: Socket | undefined;
  /** Until something has come, whether the peer may have sent what is for the socket alone. */
  readonly awaitsWords: () => boolean;
}

/** Of the system's sockets over TCP that we made, or Node for us. */
export const ofTcp: Origin = { isOurs: true, path: undefined, under: undefined, awaitsWords: () => false };
/** Of accepted unix sockets, whose other end has no path. */
const ofUnnamed: Origin = { ...ofTcp, path: "" };

/**
 * What Node itself does at an end: it forbids writing, unless our side may stay open, as it always may here. Without it
 * a socket keeps one function for its end, and no array of two.
 */
const nodesOwnEnd = new Socket().listeners("end")[0] as (() => void) | undefined;

/** A stream of Node's that somebody else made. What was read of it already is the caller's to keep. */
export function adopt(raw: Socket, options: KernelOptions): Transport {
  return configured(raw, { ...ofTcp, isOurs: false, path: isUnix(raw) ? "" : undefined }, options);
}

/** As `adopt`, for one that a server of ours has accepted. */
export function accepted(raw: Socket, isUnixSocket: boolean, options: KernelOptions): Transport {
  return configured(raw, isUnixSocket ? ofUnnamed : ofTcp, options);
}

function configured(raw: Socket, origin: Origin, options: KernelOptions): NodeTransport {
  raw.setNoDelay(options.nodelay);
  raw.setKeepAlive(options.keepalive);
  return streamed(raw, origin);
}

/** A stream of Node's that speaks over one that a transport has lent. */
export function adoptOver(raw: Socket, origin: Omit<Origin, "isOurs">): Transport {
  return streamed(raw, { ...origin, isOurs: false });
}

function streamed(raw: Socket, origin: Origin): NodeTransport {
  raw.pause();
  raw.allowHalfOpen = true;
  const transport = new NodeTransport(raw, origin);
  raw.on("data", heardData);
  return transport;
}

/** Asks the system, whose answer Node keeps with the socket. */
function isUnix(raw: Socket): boolean {
  return raw.remoteAddress === undefined && raw.localAddress === undefined;
}

/** Whether it is one of Node's TLS, which has the same methods and refuses to reset. */
function isEncrypted(raw: Socket): boolean {
  return (raw as { readonly encrypted?: boolean }).encrypted === true;
}

// Where one speaks over another, they have to be closed from the top: Node's TLS uses memory that is freed otherwise, and
// that ends the program. So the one below is left to the one above, and a one above whose below has gone to Node.

function destroy(raw: Socket, under: Socket): void {
  if (raw === under || !under.destroyed) raw.destroy();
}

/** As `destroy`, where the one below goes with a reset. */
function destroyByReset(raw: Socket, under: Socket): void {
  under.destroy = () => {
    Reflect.deleteProperty(under, "destroy");
    return under.resetAndDestroy();
  };
  destroy(raw, under);
}

/** Whether it is what was read that has failed: of TLS, every record that is none. */
function isReading({ code = "", syscall }: NodeJS.ErrnoException): boolean {
  return syscall === "read" || code.startsWith("ERR_SSL_");
}

/** Where a socket of Node's has its transport: so one function listens to all sockets. */
const transportKey = Symbol("transport");

type Heard = Socket & { [transportKey]: NodeTransport };

function heardData(this: Socket, data: Buffer): void {
  transportOf(this).streamed(data);
}

function heardEnd(this: Socket): void {
  transportOf(this).ended();
}

function heardError(this: Socket, error: NodeJS.ErrnoException): void {
  transportOf(this).failed(error);
}

function heardFinish(this: Socket): void {
  transportOf(this).events.finished();
}

function heardClose(this: Socket): void {
  transportOf(this).closed();
}

/** @internal */
export function transportOf(raw: Socket): NodeTransport {
  return (raw as Heard)[transportKey];
}

/** A socket of Node's, by `onread` where we made it and by its `data` events where we did not. */
export class NodeTransport implements Transport {
  events: TransportEvents = nobody;
  isReading = false;
  readonly #raw: Socket;
  readonly #origin: Origin;
  /** Where the next read goes, while much comes at a time by `onread`. */
  #ownBuffer: OwnBuffer | undefined;
  /** Whether it was closed with nothing queued: then our end goes out, though Node does not say so any more. */
  #hasLeft = false;
  /** What was written before it was lent: Node counts all that goes through its socket. */
  #lentAt: number | undefined;
  #isCorked = false;
  #boundTellWritten: Told;
  /** From `cork` on, until the kernel has taken all that was gathered in it. */
  #gathered: WriteBuffer | undefined;

  constructor(raw: Socket, origin: Origin) {
    this.#raw = raw;
    this.#origin = origin;
    (raw as Heard)[transportKey] = this;
    if (nodesOwnEnd !== undefined) raw.removeListener("end", nodesOwnEnd);
    raw.on("end", heardEnd);
    raw.on("error", heardError);
    raw.on("close", heardClose);
    if (raw.writableEnded) raw.on("finish", heardFinish); // whoever had it has ended our side
  }

  get isOurs(): boolean {
    return this.#origin.isOurs;
  }

  /** The system's socket. */
  get #system(): Socket {
    return this.#origin.under ?? this.#raw;
  }

  get queuedBytes(): number {
    return this.#raw.writableLength + this.#gatheredBytes;
  }

  get writtenBytes(): number {
    return (this.#lentAt ?? this.#raw.bytesWritten) + this.#gatheredBytes;
  }

  get #gatheredBytes(): number {
    return this.#gathered === undefined ? 0 : this.#gathered.size;
  }

  get hasFailed(): boolean {
    const raw = this.#raw;
    const { under } = this.#origin;
    return (
      raw.errored !== null || raw.destroyed || (under !== undefined && (under.errored !== null || under.destroyed))
    );
  }

  get failure(): string | undefined {
    const errored: NodeJS.ErrnoException | null = this.#raw.errored ?? this.#system.errored;
    return errored?.code;
  }

  get hasEnded(): boolean {
    return this.#raw.readableEnded;
  }

  get isFinished(): boolean {
    return this.#raw.writableFinished || this.#hasLeft;
  }

  get mustEnd(): boolean {
    return isEncrypted(this.#raw) && !this.isFinished && !this.hasFailed;
  }

  get awaitsEnd(): boolean {
    return this.#origin.awaitsWords() && this.#raw.bytesRead === 0 && !this.hasEnded && !this.hasFailed;
  }

  get untoldBytes(): number {
    return this.#raw.readableLength;
  }

  get isDestroyed(): boolean {
    return this.#raw.destroyed || this.#system.destroyed;
  }

  get isClosed(): boolean {
    return this.#raw.closed;
  }

  get peername(): Address | undefined {
    return this.#address(this.#raw.remoteAddress, this.#raw.remotePort);
  }

  get sockname(): Address | undefined {
    return this.#address(this.#raw.localAddress, this.#raw.localPort);
  }

  #address(address: string | undefined, port: number | undefined): Address | undefined {
    const { path } = this.#origin;
    if (path !== undefined) return { address: path, port: 0 };
    return address === undefined || port === undefined ? undefined : { address, port };
  }

  /** What `onread` has read. Node goes on reading unless this says false. */
  received(size: number, buffer: Uint8Array): boolean {
    this.isReading = this.events.bytes(takeRead(size, buffer, this.#ownBuffer));
    this.#ownBuffer = ownAfter(this.#ownBuffer, size, buffer, this.isReading, this.events);
    readNext(this.#ownBuffer, buffer);
    return this.isReading;
  }

  streamed(data: Buffer): void {
    if (!this.events.bytes(data)) this.stopReading();
  }

  ended(): void {
    this.isReading = false;
    this.events.end();
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#tellRest();
    this.events.failed(error.code ?? "", isReading(error) ? "reading" : "writing");
  }

  closed(): void {
    this.#tellRest();
    this.isReading = false;
    releaseOwn(this.#ownBuffer);
    this.#ownBuffer = undefined;
    if (this.#gathered !== undefined) giveBack(this.#gathered);
    this.#gathered = undefined;
    this.events.closed();
  }

  /** What Node had read of a paused stream when it failed: it came before, so it is told before. */
  #tellRest(): void {
    if (this.#raw.readableLength === 0) return;
    const rest = this.#raw.read() as Buffer | null;
    if (rest !== null) this.events.bytes(rest);
  }

  read(): void {
    if (this.isReading || this.#raw.readableEnded) return;
    this.isReading = true;
    this.#raw.resume();
  }

  stopReading(): void {
    this.isReading = false;
    this.#raw.pause();
  }

  /** Node calls back in a tick of its own, which costs some 4 % of a round trip. */
  write(pieces: Pieces): void {
    const raw = this.#raw;
    const told = this.#isCorked || raw.writableLength > 0 || isEncrypted(raw) ? this.#wrote : undefined;
    const only = pieces.length === 1 ? pieces[0] : undefined;
    if (this.#isCorked) this.#gather(pieces, told);
    else if (only !== undefined) raw.write(only, told);
    else {
      this.cork(pieces);
      this.#gather(pieces, told);
      this.#uncork(told);
    }
    if (told === undefined && raw.writableLength > 0 && !this.hasFailed) raw.write(nothing, this.#wrote);
  }

  cork(first: Pieces): void {
    const raw = this.#raw;
    const mayGather = this.#gathered === undefined && raw.writableLength === 0 && this.isOurs;
    if (mayGather && areSmall(first)) this.#gathered = takeWriteBuffer();
    if (!this.#isGathering) raw.cork();
    this.#isCorked = true;
  }

  uncork(): void {
    this.#uncork(this.#wrote);
  }

  #uncork(told: Told): void {
    this.#isCorked = false;
    if (this.#isGathering) this.#writeGathered(told);
    else this.#raw.uncork();
    this.#reclaim();
  }

  get #isGathering(): boolean {
    return this.#gathered !== undefined && !this.#gathered.isLeaving;
  }

  /** What is too much to be copied, or comes behind such, is Node's to keep until `uncork`. */
  #gather(pieces: Pieces, told: Told): void {
    for (const piece of pieces) {
      if (this.#gathered?.add(piece) === true) continue;
      if (this.#isGathering) {
        this.#raw.cork();
        this.#writeGathered(told);
      }
      this.#raw.write(piece, told);
    }
  }

  #writeGathered(told: Told): void {
    const gathered = this.#gathered?.leave();
    if (gathered !== undefined && gathered.length > 0) this.#raw.write(gathered, told);
  }

  /** Once the kernel has taken what was gathered, others may gather there. */
  #reclaim(): void {
    const gathered = this.#gathered;
    if (gathered?.isLeaving !== true || this.#raw.writableLength > 0) return;
    this.#gathered = undefined;
    giveBack(gathered);
  }

  #tellWritten(error?: Error | null): void {
    if (error !== null && error !== undefined) return;
    this.#reclaim();
    this.events.written();
  }

  /** One function for all writes that are told of: over TLS, each is. Bound, as one that closes over `this` keeps more. */
  get #wrote(): Told {
    return (this.#boundTellWritten ??= this.#tellWritten.bind(this));
  }

  probe(): boolean {
    if (this.#origin.path !== undefined) return false; // a unix socket whose peer has closed says EPIPE, reset or not
    // To the system itself: what speaks over it would tell only later what the system says.
    if (this.queuedBytes === 0 && this.#raw.writable) this.#system.write(nothing, this.#wrote);
    return true;
  }

  end(): void {
    if (this.#isGathering) this.uncork();
    if (!this.#raw.writableEnded) this.#raw.on("finish", heardFinish);
    this.#raw.end();
  }

  destroy(): void {
    if (!this.hasFailed) this.#hasLeft = this.queuedBytes === 0;
    destroy(this.#raw, this.#system);
  }

  reset(): void {
    const raw = this.#raw;
    if (this.#origin.path !== undefined || isEncrypted(this.#system)) this.#raw.destroy();
    else if (raw.writableEnded && !raw.writableFinished && raw.writableLength === 0 && !raw.destroyed) {
      raw.once("finish", () => {
        this.#resetNow(); // the kernel refuses a reset in the middle of a shutdown
      });
    } else this.#resetNow();
  }

  #resetNow(): void {
    if (this.#raw === this.#system) this.#raw.resetAndDestroy();
    else destroyByReset(this.#raw, this.#system);
  }

  ref(): void {
    this.#raw.ref();
  }

  unref(): void {
    this.#raw.unref();
  }

  /** Not one that speaks TLS already, whose inside another could not read. */
  get canLend(): boolean {
    return !isEncrypted(this.#raw);
  }

  lend(unread: Buffer | undefined): Socket {
    const { events } = this;
    this.events = {
      ...nobody,
      closed: () => {
        events.closed();
      },
    };
    this.isReading = false;
    this.#raw.removeListener("data", heardData);
    this.#lentAt = this.#raw.bytesWritten;
    if (unread === undefined) this.#dropUntold();
    else if (unread.length > 0) this.#raw.unshift(unread);
    return this.#raw;
  }

  #dropUntold(): void {
    if (this.untoldBytes > 0) this.#raw.read();
  }
}
