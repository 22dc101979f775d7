import net from "node:net";
import { ReadBuffer } from "./read-buffer.ts";

export type { Socket as NodeSocket } from "node:net";

/** What a transport tells the one who listens to it. After `closed` it says nothing more. */
export interface TransportEvents {
  /** Bytes have come, the listener's to keep. Says whether to go on reading. */
  bytes(data: Buffer): boolean;
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
  write(data: Uint8Array): void;
  /** Keeps what is written until `uncork`, which sends all of it with one system call. */
  cork(): void;
  uncork(): void;
  /** Asks the kernel whether the connection was reset: where a reset comes together with data, Node reads a plain end. */
  probe(): void;
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
  lend(unread: Buffer | undefined): net.Socket;
}

/** An IP address and port, or a unix socket's path and 0. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/** Where to connect to: one address. */
export type Destination =
  | {
      readonly address: string;
      readonly family: 4 | 6;
      readonly port: number;
      readonly localAddress: string | undefined;
      readonly localPort: number;
    }
  | { readonly path: string };

/** The socket options that belong to the kernel. */
export interface KernelOptions {
  readonly nodelay: boolean;
  readonly keepalive: boolean;
}

/** The options of a socket that we make ourselves. */
export interface DialOptions extends KernelOptions {
  /** The size of a packet. */
  readonly buffer: number;
}

const nothing = Buffer.alloc(0);
const never = (): boolean => false;

/** @internal Whoever has not begun to listen. */
export const nobody: TransportEvents = {
  bytes: () => false,
  end: () => undefined,
  failed: () => undefined,
  written: () => undefined,
  finished: () => undefined,
  closed: () => undefined,
};

/** A longer path of a unix socket would be cut off by the system, in silence. */
export const longestPathBytes = 107;

/** Whether `text` is an address rather than a name, and of which IP version. */
export function familyOf(text: string): 4 | 6 | undefined {
  const family = net.isIP(text);
  return family === 4 || family === 6 ? family : undefined;
}

/**
 * Connects to one address. One of the two functions is called, once, never inside this call.
 *
 * @returns a function that gives up: neither is called any more, and nothing is left open
 */
export function dial(
  destination: Destination,
  options: DialOptions,
  connected: (transport: Transport) => void,
  failed: (code: string) => void,
): () => void {
  const { raw, transport } = begin(destination, options);
  const dialing = new Dialing(transport, connected, failed);
  transport.events = dialing;
  raw.on("connect", heardConnect);
  return () => {
    dialing.giveUp();
    raw.destroy();
  };
}

/** A function of its own: Node keeps `callback` with the socket, which must keep nothing but the transport alive. */
function begin(destination: Destination, options: DialOptions): { raw: net.Socket; transport: NodeTransport } {
  const reads = new ReadBuffer(options.buffer);
  const onread: net.OnReadOpts = {
    buffer: () => reads.next,
    callback: (size, buffer): boolean => transport.received(reads.take(size, buffer)),
  };
  const isUnixSocket = "path" in destination;
  const raw: net.Socket = net.connect(
    isUnixSocket ? unixOptions(destination, onread) : tcpOptions(destination, options, onread),
  );
  raw.pause(); // at once: Node reads 64 KiB at the connection otherwise, whether or not anybody asked
  const transport = new NodeTransport(raw, isUnixSocket ? destination.path : undefined, raw, never, reads);
  return { raw, transport };
}

/** Listens to a transport until it is connected, or has failed. */
class Dialing implements TransportEvents {
  readonly #transport: Transport;
  readonly #connected: (transport: Transport) => void;
  readonly #failed: (code: string) => void;
  #isOver = false;

  constructor(transport: Transport, connected: (transport: Transport) => void, failed: (code: string) => void) {
    this.#transport = transport;
    this.#connected = connected;
    this.#failed = failed;
  }

  succeed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#transport.events = nobody;
    this.#connected(this.#transport);
  }

  failed(code: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failed(code);
  }

  closed(): void {
    this.failed("ECONNABORTED");
  }

  giveUp(): void {
    this.#isOver = true;
  }

  bytes(): boolean {
    return false;
  }

  // Nothing of a stream that is none yet.
  end(): void {}
  written(): void {}
  finished(): void {}
}

function unixOptions({ path }: { readonly path: string }, onread: net.OnReadOpts): net.NetConnectOpts {
  return { path, allowHalfOpen: true, onread };
}

/** One literal: for each object that is spread, V8 makes a hidden class of its own. */
function tcpOptions(
  { address, family, port, localAddress, localPort }: Exclude<Destination, { readonly path: string }>,
  options: DialOptions,
  onread: net.OnReadOpts,
): net.NetConnectOpts {
  return {
    host: address,
    family,
    port,
    localAddress,
    localPort, // 0 is none, to Node too
    autoSelectFamily: false, // which addresses are tried, and in which order, is decided by the caller
    noDelay: options.nodelay,
    keepAlive: options.keepalive,
    allowHalfOpen: true,
    onread,
  };
}

/** A stream of Node's that somebody else made. What was read of it already is the caller's to keep. */
export function adopt(raw: net.Socket, options: KernelOptions): Transport {
  return adoptFrom(raw, isUnix(raw), options);
}

function adoptFrom(raw: net.Socket, isUnixSocket: boolean, options: KernelOptions): Transport {
  raw.setNoDelay(options.nodelay);
  raw.setKeepAlive(options.keepalive);
  return streamed(raw, isUnixSocket ? "" : undefined, raw);
}

/**
 * A stream of Node's that speaks over one that a transport has lent. Until something has come, `awaitsWords` says whether
 * the peer may have sent what is for `raw` alone.
 */
export function adoptOver(
  lent: net.Socket,
  raw: net.Socket,
  path: string | undefined,
  awaitsWords: () => boolean,
): Transport {
  return streamed(raw, path, lent, awaitsWords);
}

function streamed(
  raw: net.Socket,
  path: string | undefined,
  system: net.Socket,
  awaitsWords?: () => boolean,
): Transport {
  raw.pause();
  raw.allowHalfOpen = true;
  const transport = new NodeTransport(raw, path, system, awaitsWords);
  raw.on("data", heardData);
  return transport;
}

/** Asks the system, whose answer Node keeps with the socket. */
function isUnix(raw: net.Socket): boolean {
  return raw.remoteAddress === undefined && raw.localAddress === undefined;
}

/** Whether it is one of Node's TLS, which has the same methods and refuses to reset. */
function isEncrypted(raw: net.Socket): boolean {
  return (raw as { readonly encrypted?: boolean }).encrypted === true;
}

// Where one speaks over another, they have to be closed from the top: Node's TLS uses memory that is freed otherwise, and
// that ends the program. So the one below is left to the one above, and a one above whose below has gone to Node.

function destroy(raw: net.Socket, under: net.Socket): void {
  if (raw === under || !under.destroyed) raw.destroy();
}

/** As `destroy`, where the one below goes with a reset. */
function destroyByReset(raw: net.Socket, under: net.Socket): void {
  under.destroy = () => {
    Reflect.deleteProperty(under, "destroy");
    return under.resetAndDestroy();
  };
  destroy(raw, under);
}

/** What a listening socket is told to be. */
export type ServerAddress =
  | { readonly path: string; readonly backlog: number }
  | { readonly host: string | undefined; readonly port: number; readonly backlog: number };

/** What a listening socket tells. */
export interface ServerEvents {
  listening(): void;
  accepted(transport: Transport): void;
  /** It could not listen, or one connection could not be accepted. */
  failed(code: string): void;
}

/** A listening socket. */
export interface ServerSocket {
  readonly address: Address;
  /** Stops listening, at once; connections that were accepted stay. */
  close(): void;
}

/** Listens. Nothing is called inside this call. */
export function serve(address: ServerAddress, options: KernelOptions, events: ServerEvents): ServerSocket {
  const isUnixSocket = "path" in address;
  const server = net.createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
  });
  server.on("connection", (raw) => {
    events.accepted(adoptFrom(raw, isUnixSocket, options));
  });
  server.on("error", (error: NodeJS.ErrnoException) => {
    events.failed(error.code ?? "");
  });
  server.on("listening", () => {
    events.listening();
  });
  server.listen({ ...address });
  return {
    get address(): Address {
      const bound = server.address();
      if (bound === null) return { address: "", port: 0 };
      return typeof bound === "string" ? { address: bound, port: 0 } : { address: bound.address, port: bound.port };
    },
    close: () => {
      server.close();
    },
  };
}

/** Whether it is what was read that has failed: of TLS, every record that is none. */
function isReading({ code = "", syscall }: NodeJS.ErrnoException): boolean {
  return syscall === "read" || code.startsWith("ERR_SSL_");
}

/** Where a socket of Node's has its transport: so one function listens to all sockets. */
const transportKey = Symbol("transport");

type Heard = net.Socket & { [transportKey]: NodeTransport };

function heardConnect(this: net.Socket): void {
  const { events } = transportOf(this);
  if (events instanceof Dialing) events.succeed();
}

function heardData(this: net.Socket, data: Buffer): void {
  transportOf(this).streamed(data);
}

function heardEnd(this: net.Socket): void {
  transportOf(this).ended();
}

function heardError(this: net.Socket, error: NodeJS.ErrnoException): void {
  transportOf(this).failed(error);
}

function heardFinish(this: net.Socket): void {
  transportOf(this).events.finished();
}

function heardClose(this: net.Socket): void {
  transportOf(this).closed();
}

function transportOf(raw: net.Socket): NodeTransport {
  return (raw as Heard)[transportKey];
}

/** A socket of Node's, by `onread` where we made it and by its `data` events where we did not. */
class NodeTransport implements Transport {
  events: TransportEvents = nobody;
  isReading = false;
  readonly #raw: net.Socket;
  /** Of a unix socket. */
  readonly #path: string | undefined;
  /** The system's socket: `#raw` itself, or what that speaks over. */
  readonly #system: net.Socket;
  readonly #awaitsWords: () => boolean;
  /** Of a socket that we made. */
  readonly #reads: ReadBuffer | undefined;
  /** Whether it was closed with nothing queued: then our end goes out, though Node does not say so any more. */
  #hasLeft = false;
  /** What was written before it was lent: Node counts all that goes through its socket. */
  #lentAt: number | undefined;

  constructor(raw: net.Socket, path: string | undefined, system: net.Socket, awaitsWords = never, reads?: ReadBuffer) {
    this.#raw = raw;
    this.#awaitsWords = awaitsWords;
    this.#path = path;
    this.#system = system;
    this.#reads = reads;
    (raw as Heard)[transportKey] = this;
    raw.on("end", heardEnd);
    raw.on("error", heardError);
    raw.on("close", heardClose);
    if (raw.writableEnded) raw.on("finish", heardFinish); // whoever had it has ended our side
  }

  get queuedBytes(): number {
    return this.#raw.writableLength;
  }

  get writtenBytes(): number {
    return this.#lentAt ?? this.#raw.bytesWritten;
  }

  get hasFailed(): boolean {
    const raw = this.#raw;
    const system = this.#system;
    return raw.errored !== null || raw.destroyed || (system !== raw && (system.errored !== null || system.destroyed));
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
    return this.#awaitsWords() && this.#raw.bytesRead === 0 && !this.hasEnded && !this.hasFailed;
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
    if (this.#path !== undefined) return { address: this.#path, port: 0 };
    return address === undefined || port === undefined ? undefined : { address, port };
  }

  /** What `onread` has read. Node goes on reading unless this says false. */
  received(data: Buffer): boolean {
    this.isReading = this.events.bytes(data);
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
    this.#reads?.release();
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

  write(data: Uint8Array): void {
    this.#raw.write(data, this.#wrote);
  }

  /** One function for all writes, which costs no closure for each. */
  readonly #wrote = (error?: Error | null): void => {
    if (error === null || error === undefined) this.events.written();
  };

  cork(): void {
    this.#raw.cork();
  }

  uncork(): void {
    this.#raw.uncork();
  }

  probe(): void {
    if (this.#path !== undefined) return; // a unix socket whose peer has closed says EPIPE, reset or not
    // To the system itself: what speaks over it would tell only later what the system says.
    if (this.#raw.writableLength === 0 && this.#raw.writable) this.#system.write(nothing, this.#wrote);
  }

  end(): void {
    if (!this.#raw.writableEnded) this.#raw.on("finish", heardFinish);
    this.#raw.end();
  }

  destroy(): void {
    if (!this.hasFailed) this.#hasLeft = this.queuedBytes === 0;
    destroy(this.#raw, this.#system);
  }

  reset(): void {
    const raw = this.#raw;
    if (this.#path !== undefined || isEncrypted(this.#system)) this.#raw.destroy();
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

  lend(unread: Buffer | undefined): net.Socket {
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
