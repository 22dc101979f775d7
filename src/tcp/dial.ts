import { channel } from "node:diagnostics_channel";
import net from "node:net";
import { NodeTransport, ofTcp, transportOf } from "./node-transport.ts";
import { nextBuffer, readFirst } from "./read-buffer.ts";
import { type KernelOptions, nobody, type Transport, type TransportEvents } from "./transport.ts";

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

/** The options of a socket that we make ourselves. */
export interface DialOptions extends KernelOptions {
  /** The size of a packet. */
  readonly buffer: number;
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
  return () => {
    dialing.giveUp();
    raw.destroy();
  };
}

/**
 * Whether `onread`'s callback is called as a method of its socket: Node does so and does not promise it. Where it has been
 * seen, one function serves all sockets.
 */
let isMethod = false;

const readAsMethod: net.OnReadOpts = { buffer: nextBuffer, callback: heardRead };

/** Where Node tells of each client's socket that it makes. */
const clientSockets = channel("net.client.socket");

/** A function of its own: Node keeps the callback with the socket, which must keep nothing but the transport alive. */
function begin(destination: Destination, options: DialOptions): { raw: net.Socket; transport: NodeTransport } {
  const onread: net.OnReadOpts = isMethod
    ? readAsMethod
    : {
        buffer: nextBuffer,
        callback: function (this: unknown, size, buffer) {
          isMethod = this === raw;
          return transport.received(size, buffer);
        },
      };
  readFirst(options.buffer);
  const isUnix = "path" in destination;
  const to = isUnix ? unixOptions(destination, onread) : tcpOptions(destination, options, onread);
  const raw = new DialedSocket(to);
  if (clientSockets.hasSubscribers) clientSockets.publish({ socket: raw });
  raw.connect(to);
  raw.pause(); // at once: Node reads 64 KiB at the connection otherwise, whether or not anybody asked
  const transport = new NodeTransport(raw, isUnix ? { ...ofTcp, path: destination.path } : ofTcp);
  return { raw, transport };
}

/** Hears of its connection without a listener: for the first of an event that not every stream has, Node keeps 40 bytes. */
class DialedSocket extends net.Socket {
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    const isHeard = super.emit(event, ...values);
    if (event === "connect") heardConnect(this);
    return isHeard;
  }
}

/** Listens to a transport until it is connected, or has failed. */
class Dialing implements TransportEvents {
  readonly #transport: Transport;
  readonly #connected: (transport: Transport) => void;
  readonly #failed: (code: string) => void;
  readonly holding = "kept";
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

function heardRead(this: unknown, size: number, buffer: Uint8Array): boolean {
  return transportOf(this as net.Socket).received(size, buffer);
}

function heardConnect(raw: net.Socket): void {
  const { events } = transportOf(raw);
  if (events instanceof Dialing) events.succeed();
}
