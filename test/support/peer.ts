// The other side of a connection, over plain node:net: it does what a test says, and nothing by itself.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WAIT_MS = 5_000;

/** Everything a peer has read, and how the stream ended. */
export interface Stream {
  readonly data: Buffer;
  readonly how: "Fin" | "Rst";
}

/** The other side of a connection, whoever it is. It reads nothing before it is told to. */
export interface FarEnd extends AsyncDisposable {
  /** Resolves when the kernel has taken all of it. */
  send(data: string | Uint8Array): Promise<void>;
  /** Sends so many bytes, in pieces, until they are gone or the connection is; counts those that the kernel took. */
  flood(byteSize: number): Flood;
  /** Reads exactly so many bytes, and no more than Node reads ahead. */
  receive(byteSize: number): Promise<Buffer>;
  /** Reads what is still to come, to the end. */
  readToEnd(): Promise<Stream>;
  /** Ends its side; it can still read. */
  halfClose(): Promise<void>;
  /** Closes; with bytes that it has not read, the kernel makes it a reset. */
  close(): void;
  /** Of a unix socket, which has no resets, `close`. */
  reset(): void;
  /** The ports of its two names; 0 where there are none. */
  readonly ports: { readonly here: number; readonly there: number };
}

/** The other side as a stream of Node's: nothing of it is our code. */
export interface Peer extends FarEnd {
  readonly raw: Socket;
}

export interface Flood {
  /** Bytes that the kernel has taken so far. */
  readonly taken: number;
  /** Resolves when nothing has been taken for a while, or everything has. */
  stalled(): Promise<void>;
}

/** Where somebody listens: at a port of this machine or, with a path, at that of a unix socket. */
export interface Where {
  readonly port: number;
  readonly path?: string;
}

/** A server whose connections are peers. */
export interface PeerServer extends Where, AsyncDisposable {
  /** The next connection that nobody has taken. */
  accept(): Promise<Peer>;
  /** How many connections have come. */
  readonly accepted: number;
}

export async function peerServer(host = "127.0.0.1", port = 0): Promise<PeerServer> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(port, host);
  return await peersOf(server);
}

/** A peer server on a unix socket, in a folder of its own. */
export async function unixPeerServer(): Promise<PeerServer & { readonly path: string }> {
  const folder = await temporaryFolder();
  const path = join(folder.path, "socket");
  const server = await peersOf(createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(path));
  return {
    ...server,
    path,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A new folder, which goes with all that is in it. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "tankard-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** A server that sends back whatever it gets, and ends when its client does. */
export async function echoServer(): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined); // a client that resets is no concern of the server's
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await closed(server);
    },
  };
}

/** A port on which nobody listens: it was free a moment ago. */
export async function closedPort(host = "127.0.0.1"): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await closed(server);
  return port;
}

/** Whether somebody listens there. */
export function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** A peer that connects. */
export async function connectPeer({ port, path }: Where): Promise<Peer> {
  const where = path === undefined ? { port, host: "127.0.0.1" } : { path };
  const raw = connect({ ...where, allowHalfOpen: true, noDelay: true });
  raw.pause();
  await once(raw, "connect");
  return peerOf(raw);
}

async function peersOf(server: Server): Promise<PeerServer> {
  const waiting: Peer[] = [];
  const all: Peer[] = [];
  let wake = (): void => undefined;
  server.on("connection", (raw: Socket) => {
    raw.setNoDelay(true);
    const peer = peerOf(raw);
    all.push(peer);
    waiting.push(peer);
    wake();
  });
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    get accepted() {
      return all.length;
    },
    accept: async () => {
      if (waiting.length === 0) {
        await within(new Promise<void>((resolve) => (wake = resolve)), "No connection came");
      }
      return waiting.shift() as Peer;
    },
    [Symbol.asyncDispose]: async () => {
      for (const peer of all) await peer[Symbol.asyncDispose]();
      await closed(server);
    },
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** `under` is the system's socket, where `raw` speaks over it. */
export function peerOf(raw: Socket, under = raw): Peer {
  let chunks: Buffer[] = [];
  let size = 0;
  let how: Stream["how"] | undefined;
  let look = (): void => undefined;
  const ended = (as: Stream["how"]): void => {
    how ??= as;
    look();
  };
  raw.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    look();
  });
  raw.pause();
  raw.on("end", () => ended(isReset(under) ? "Rst" : "Fin"));
  raw.on("error", () => ended("Rst"));
  const whenClosed = new Promise((resolve) => raw.once("close", resolve));

  const take = (byteSize: number): Buffer => {
    const all = Buffer.concat(chunks);
    chunks = [all.subarray(byteSize)];
    size -= byteSize;
    return all.subarray(0, byteSize);
  };

  const readUntil = (isEnough: () => boolean, what: string): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      const silence = setTimeout(() => {
        reject(new Error(`${what}, and nothing more within ${WAIT_MS} ms`));
      }, WAIT_MS);
      look = () => {
        silence.refresh();
        if (!isEnough() && how === undefined) return;
        look = () => undefined;
        clearTimeout(silence);
        raw.pause();
        resolve();
      };
      raw.resume();
      look();
    });

  return {
    raw,
    send: (data) =>
      within(
        new Promise((resolve, reject) => {
          raw.write(data, (error) => {
            if (error === null || error === undefined) resolve();
            else reject(error);
          });
        }),
        "The kernel does not take what the peer sends",
      ),
    flood: (byteSize) =>
      flood(byteSize, (piece, taken) => {
        raw.write(piece, (error) => {
          if (error === null || error === undefined) taken();
        });
      }),
    receive: async (byteSize) => {
      await readUntil(() => size >= byteSize, `Fewer than ${byteSize} bytes came`);
      if (size < byteSize) throw new Error(`The stream ended by ${how} after ${size} bytes of ${byteSize}`);
      return take(byteSize);
    },
    readToEnd: async () => {
      await readUntil(() => false, "The stream does not end");
      return { data: take(size), how: how ?? "Fin" };
    },
    halfClose: () => within(new Promise((resolve) => raw.end(resolve)), "The peer's side does not end"),
    close: () => void raw.destroy(),
    reset: () => {
      if (raw.localPort === undefined) raw.destroy();
      else under.resetAndDestroy();
    },
    ports: { here: raw.localPort ?? 0, there: raw.remotePort ?? 0 },
    [Symbol.asyncDispose]: async () => {
      raw.destroy();
      await whenClosed;
    },
  };
}

/**
 * Where data and a reset are read at once, libuv says that the stream has ended and nothing of the reset. The kernel
 * tells them apart when something is written, be it nothing: a reset behind the end is EPIPE.
 */
export function isReset(raw: Socket): boolean {
  if (raw.writableEnded || raw.destroyed) return false;
  raw.write(Buffer.alloc(0));
  return codeOf(raw.errored) === "ECONNRESET";
}

/** Whether the connection was reset behind the end of the stream. */
export function isBroken(raw: Socket): boolean {
  if (raw.writable) raw.write(Buffer.alloc(0));
  return codeOf(raw.errored) === "EPIPE";
}

function codeOf(error: NodeJS.ErrnoException | null): string | undefined {
  return error?.code;
}

const floodPiece = Buffer.alloc(65_536, "x");
const stallMs = 200;

/** `give` sends a piece and says when it is taken. */
export function flood(byteSize: number, give: (piece: Buffer, taken: () => void) => void): Flood {
  let taken = 0;
  const giveOn = (): void => {
    if (taken >= byteSize) return;
    give(floodPiece, () => {
      taken += floodPiece.length;
      giveOn();
    });
  };
  giveOn();
  return {
    get taken() {
      return taken;
    },
    // Only time shows that the kernel takes no more.
    stalled: async () => {
      for (let seen = -1; seen !== taken && taken < byteSize;) {
        seen = taken;
        await new Promise((resolve) => setTimeout(resolve, stallMs));
      }
    },
  };
}

/** Waits for what must happen, and says what has not. */
export async function within<T>(promise: Promise<T>, otherwise: string, milliseconds = WAIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${otherwise} within ${milliseconds} ms`));
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits, a turn of Node's loop at a time, until something is so that no event tells of. */
export async function until(isSo: () => boolean, otherwise: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`${otherwise} within ${WAIT_MS} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
