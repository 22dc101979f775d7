// A test as a process: it owns sockets, sees through its own mailbox, and ends with the test's block.

import {
  connect,
  type ConnectionOptions,
  controllingProcess,
  getstat,
  type Host,
  type OwnedSocket,
  type Packet,
  type Process,
  receive,
  type Result,
  type Self,
  type Socket,
  type SocketError,
  spawn,
  type TcpMessage,
  tcpMessages,
  unwrap,
} from "tankard";
import { type FarEnd, type Peer, until } from "./peer.ts";
import { type BothOptions, byAccepting, byConnecting, type Linking, tcp, unix } from "./transports.ts";

/** A process that does nothing but what the test does in its name. */
export interface TestProcess extends AsyncDisposable {
  readonly self: Self;
  readonly process: Process;
  /** Lets its function return. */
  end(): void;
  /** Lets its function throw; that it did is heard here, so nobody else has to. */
  crash(error: Error): void;
}

export async function startProcess(host: Pick<Host, "spawn"> = { spawn }): Promise<TestProcess> {
  let process: Process | undefined;
  const parts = await new Promise<Pick<TestProcess, "self" | "end" | "crash">>((started) => {
    process = host.spawn(
      (self) =>
        new Promise<void>((resolve, reject) => {
          self.onExit(() => resolve(), "resource"); // killed, it returns too
          started({ self, end: resolve, crash: reject });
        }),
    );
    void process.exited;
  });
  const started = process as Process;
  return {
    ...parts,
    process: started,
    [Symbol.asyncDispose]: async () => {
      started.kill();
      await started.exited;
    },
  };
}

/** A process with a socket, and the other side of it. */
export interface Connected<P extends FarEnd = Peer> extends TestProcess {
  readonly socket: OwnedSocket;
  readonly peer: P;
}

/** A socket that is connected in some way, owned by a process of its own. */
export async function openBy<P extends FarEnd>(
  link: Linking<P>,
  options: BothOptions = {},
  host?: Pick<Host, "spawn">,
): Promise<Connected<P>> {
  const owner = await startProcess(host);
  const { socket, peer, ...linked } = await link(options, owner.self);
  return {
    ...owner,
    socket: unwrap(controllingProcess(socket, owner.self)), // whose it is already: this says so to the compiler
    peer,
    [Symbol.asyncDispose]: async () => {
      await owner[Symbol.asyncDispose]();
      await linked[Symbol.asyncDispose]();
    },
  };
}

export type SocketKind = "connected" | "accepted" | "connected over a unix socket";

/** The two kinds of TCP socket, which run the same state machine over different readers of Node's. */
export const socketKinds: readonly SocketKind[] = ["connected", "accepted"];

const linkings: Readonly<Record<SocketKind, Linking<Peer>>> = {
  connected: byConnecting(tcp),
  accepted: byAccepting(tcp),
  "connected over a unix socket": byConnecting(unix),
};

/** A socket of some kind, owned by a process of its own. */
export function open(kind: SocketKind, options: BothOptions = {}, host?: Pick<Host, "spawn">): Promise<Connected> {
  return openBy(linkings[kind], options, host);
}

/** A socket that was connected to a peer. */
export function connectedToPeer(options: BothOptions = {}, host?: Pick<Host, "spawn">): Promise<Connected> {
  return open("connected", options, host);
}

/** A socket that was connected to some server of the test's. */
export async function connectedTo(
  port: number,
  options: Partial<ConnectionOptions> = {},
  host?: Pick<Host, "spawn">,
): Promise<TestProcess & { readonly socket: OwnedSocket }> {
  const owner = await startProcess(host);
  const where = { host: "127.0.0.1", port, ...options };
  return { ...owner, socket: unwrap(await connect({ ...where, owner: owner.self })) };
}

/** Milliseconds in which nothing comes where nothing shall come. */
export const silenceMs = 50;
/** Milliseconds in which comes what shall come. */
export const soonMs = 2_000;

/** A promise that waits, as `soFar` says it. */
export const pending = Symbol("pending");

/** What a promise has come to after a short while. That it comes to nothing, only time can show. */
export function soFar<T>(promise: Promise<T>): Promise<T | typeof pending> {
  return Promise.race([promise, new Promise<typeof pending>((resolve) => setTimeout(resolve, silenceMs, pending))]);
}

/** The next message of a socket. */
export function nextMessage(self: Self): Promise<Result<TcpMessage, "Timeout">> {
  return self.receive(tcpMessages, soonMs);
}

/** Whatever comes in a short while: nothing, mostly. */
export function unasked(self: Self): Promise<Result<TcpMessage, "Timeout">> {
  return self.receive(tcpMessages, silenceMs);
}

/** What is in the mailbox at this moment. */
export function inMailbox(self: Self): Promise<Result<TcpMessage, "Timeout">> {
  return self.receive(tcpMessages, 0);
}

/** A packet of the socket's, as a receive gives it. */
export function packet(socket: OwnedSocket, data: string | Uint8Array): Result<Packet, never> {
  return { ok: true, value: { type: "Packet", socket, data: Buffer.from(data as string) } };
}

export function tcpError(socket: OwnedSocket, error: SocketError): Result<TcpMessage, never> {
  return { ok: true, value: { type: "TcpError", socket, error } };
}

export function socketClosed(socket: OwnedSocket): Result<TcpMessage, never> {
  return { ok: true, value: { type: "SocketClosed", socket } };
}

/** What `receive` and `receiveExact` give, for comparing. */
export function bytes(data: string | Uint8Array): Result<Buffer, never> {
  return { ok: true, value: Buffer.from(data as string) };
}

/** Sends from the peer, and waits until the socket has read it ahead: nobody has asked for it. */
export async function readAhead(
  { socket, peer }: { readonly socket: Socket; readonly peer: Pick<FarEnd, "send"> },
  data: string | Uint8Array,
): Promise<void> {
  const before = unwrap(getstat(socket)).recvOct;
  await receive(socket, 0); // it reads from the first receive on
  await peer.send(data);
  await hasRead(socket, before + Buffer.byteLength(data));
}

/** Waits until the socket has read so many bytes in all. */
export function hasRead(socket: Socket, byteSize: number): Promise<void> {
  return until(() => {
    const stat = getstat(socket);
    return stat.ok && stat.value.recvOct >= byteSize;
  }, `The socket has not read ${byteSize} bytes`);
}

/** Bytes that show where they are: byte i is (start + i) mod 251. */
export function pattern(byteSize: number, start = 0): Buffer {
  const data = Buffer.allocUnsafe(byteSize);
  for (let i = 0; i < byteSize; i++) data[i] = (start + i) % 251;
  return data;
}
