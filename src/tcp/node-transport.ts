import { Socket } from "node:net";
import type { Pieces } from "../framing/framing.ts";
import type { Address } from "./address.ts";
import { isEncrypted, NodeWriter } from "./node-writer.ts";
import { ownAfter, type OwnBuffer, readNext, releaseOwn, takeRead } from "./read-buffer.ts";
import { type KernelOptions, nobody, type Transport, type TransportEvents } from "./transport.ts";

const nothing = Buffer.alloc(0);

/** What a socket of Node's is to its transport. Most are the same, and share one. */
export interface Role {
  /** As `Transport.isOurs`. */
  readonly isOurs: boolean;
  /** Of a unix socket. */
  readonly path: string | undefined;
  /** What it speaks over: the system's socket, where it is not that itself. */
  readonly under: Socket | undefined;
  /** Until something has come, whether the peer may have sent what is for the socket alone. */
  readonly awaitsWords: () => boolean;
  /** What was written before it was lent: Node counts all that goes through its socket. */
  readonly lentAt?: number;
}

/** Of the system's sockets over TCP that we made, or Node for us. */
export const ofTcp: Role = { isOurs: true, path: undefined, under: undefined, awaitsWords: () => false };
/** Of accepted unix sockets, whose other end has no path. */
const ofUnnamed: Role = { ...ofTcp, path: "" };

/**
 * What Node itself does at an end: it forbids writing, unless our side may stay open, as it always may here. Without it
 * a socket keeps one function for its end, and no array of two.
 */
const nodesOwnEnd = new Socket().listeners("end").find(({ name }) => name === "onReadableStreamEnd") as
  (() => void) | undefined;

/** A stream of Node's that somebody else made. What was read of it already is the caller's to keep. */
export function adopt(raw: Socket, options: KernelOptions): Transport {
  return configured(raw, { ...ofTcp, isOurs: false, path: isUnix(raw) ? "" : undefined }, options);
}

/** As `adopt`, for one that a server of ours has accepted. */
export function adoptAccepted(raw: Socket, isUnixSocket: boolean, options: KernelOptions): Transport {
  return configured(raw, isUnixSocket ? ofUnnamed : ofTcp, options);
}

function configured(raw: Socket, role: Role, options: KernelOptions): NodeTransport {
  raw.setNoDelay(options.nodelay);
  raw.setKeepAlive(options.keepalive);
  return streamed(raw, role);
}

/** A stream of Node's that speaks over one that a transport has lent. */
export function adoptOver(raw: Socket, role: Omit<Role, "isOurs">): Transport {
  return streamed(raw, { ...role, isOurs: false });
}

function streamed(raw: Socket, role: Role): NodeTransport {
  raw.pause();
  raw.allowHalfOpen = true;
  const transport = new NodeTransport(raw, role);
  raw.on("data", heardData);
  return transport;
}

/** Asks the system, whose answer Node keeps with the socket. */
function isUnix(raw: Socket): boolean {
  return raw.remoteAddress === undefined && raw.localAddress === undefined;
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
  #role: Role;
  /** Where the next read goes, while much comes at a time by `onread`. */
  #ownBuffer: OwnBuffer | undefined;
  /** Whether it was closed with nothing queued: then our end goes out, though Node does not say so any more. */
  #hasLeft = false;
  /** Where one piece at a time, which the kernel takes, is not all: most open sockets have none. */
  #writer: NodeWriter | undefined;

  constructor(raw: Socket, role: Role) {
    this.#raw = raw;
    this.#role = role;
    (raw as Heard)[transportKey] = this;
    if (nodesOwnEnd !== undefined) raw.removeListener("end", nodesOwnEnd);
    raw.on("end", heardEnd);
    raw.on("error", heardError);
    raw.on("close", heardClose);
    if (raw.writableEnded) raw.on("finish", heardFinish); // whoever had it has ended our side
  }

  get isOurs(): boolean {
    return this.#role.isOurs;
  }

  /** The system's socket. */
  get #system(): Socket {
    return this.#role.under ?? this.#raw;
  }

  get queuedBytes(): number {
    return this.#raw.writableLength + this.#gatheredBytes;
  }

  get writtenBytes(): number {
    return (this.#role.lentAt ?? this.#raw.bytesWritten) + this.#gatheredBytes;
  }

  get #gatheredBytes(): number {
    return this.#writer === undefined ? 0 : this.#writer.gatheredBytes;
  }

  get hasFailed(): boolean {
    const raw = this.#raw;
    const { under } = this.#role;
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
    return this.#role.awaitsWords() && this.#raw.bytesRead === 0 && !this.hasEnded && !this.hasFailed;
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
    const { path } = this.#role;
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
    this.#writer?.dispose();
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

  write(pieces: Pieces): void {
    const raw = this.#raw;
    const only = pieces.length === 1 ? pieces[0] : undefined;
    if (this.#writer !== undefined) this.#writer.write(pieces);
    else if (only === undefined || raw.writableLength > 0 || isEncrypted(raw)) this.#ownWriter.write(pieces);
    else {
      raw.write(only);
      if (raw.writableLength > 0) this.#ownWriter.tellOfRest();
    }
  }

  cork(first: Pieces): void {
    this.#ownWriter.cork(first);
  }

  uncork(): void {
    this.#ownWriter.uncork();
  }

  get #ownWriter(): NodeWriter {
    return (this.#writer ??= new NodeWriter(this.#raw, this));
  }

  probe(): boolean {
    if (this.#role.path !== undefined) return false; // a unix socket whose peer has closed says EPIPE, reset or not
    // To the system itself: what speaks over it would tell only later what the system says.
    if (this.queuedBytes === 0 && this.#raw.writable) this.#system.write(nothing, this.#ownWriter.told);
    return true;
  }

  end(): void {
    this.#writer?.leave();
    if (!this.#raw.writableEnded) this.#raw.on("finish", heardFinish);
    this.#raw.end();
  }

  destroy(): void {
    if (!this.hasFailed) this.#hasLeft = this.queuedBytes === 0;
    destroy(this.#raw, this.#system);
  }

  reset(): void {
    const raw = this.#raw;
    if (this.#role.path !== undefined || isEncrypted(this.#system)) this.#raw.destroy();
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
    this.#role = { ...this.#role, lentAt: this.#raw.bytesWritten };
    if (unread === undefined) this.#dropUntold();
    else if (unread.length > 0) this.#raw.unshift(unread);
    return this.#raw;
  }

  #dropUntold(): void {
    if (this.untoldBytes > 0) this.#raw.read();
  }
}
