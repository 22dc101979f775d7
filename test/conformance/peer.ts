// The server's side on loopback, over node:net: a peer that reads and writes only as a scenario says.

import { once } from "node:events";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { isReset } from "../support/peer.ts";
import type { Peer, ReadToEnd, Server, ServerOptions } from "./place.ts";

/** gen_tcp's watermarks: a send waits while more than the one is queued, until less than the other is. */
const HIGH_WATERMARK = 8192;
const ACCEPT_WITHIN_MS = 2_000;
/** A connect that is not answered by then is ignored: on loopback the others take less than one. */
const ANSWERED_WITHIN_MS = 150;
const MOST_FILLING = 16;

export class LoopbackServer implements Server {
  readonly port: number;
  readonly #options: ServerOptions;
  readonly #server: net.Server;
  readonly #waiting: LoopbackPeer[] = [];
  readonly #accepted: LoopbackPeer[] = [];
  readonly #filling: net.Socket[] = [];
  #deaf: Worker | undefined;

  static async listen(options: ServerOptions): Promise<LoopbackServer> {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.listen({ host: options.ip, port: options.port, ipv6Only: options.isIpv6Only });
    await once(server, "listening");
    return new LoopbackServer(options, server);
  }

  private constructor(options: ServerOptions, server: net.Server) {
    this.#options = options;
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
    server.on("connection", (raw) => this.#waiting.push(new LoopbackPeer(raw)));
  }

  async accept(): Promise<Peer | undefined> {
    if (this.#waiting.length === 0) {
      const timeout = AbortSignal.timeout(ACCEPT_WITHIN_MS);
      await once(this.#server, "connection", { signal: timeout }).catch(() => undefined);
    }
    const peer = this.#waiting.shift(); // the constructor's listener heard of it first
    if (peer !== undefined) this.#accepted.push(peer);
    return peer;
  }

  /**
   * Node accepts whoever comes, so its backlog never fills. A thread that listens on the same port and then stands
   * still leaves that to the kernel.
   */
  async fillBacklog(): Promise<void> {
    this.#server.close();
    this.#deaf = await listenAndStandStill(this.#options.ip, this.port);
    for (let count = 0; count < MOST_FILLING; count++) {
      const socket = net.connect(this.port, this.#options.ip).on("error", () => undefined);
      this.#filling.push(socket);
      const isAnswered = await Promise.race([once(socket, "connect"), delay(ANSWERED_WITHIN_MS)]);
      if (isAnswered === undefined) return;
    }
    throw new Error(`The backlog of port ${this.port} does not fill`);
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const peer of this.#waiting.splice(0)) peer.reset(); // as the kernel does
    for (const socket of this.#filling.splice(0)) socket.destroy();
    await this.#deaf?.terminate();
  }

  /** Closes it, and every connection that was accepted. */
  async closeAll(): Promise<void> {
    await this.close();
    for (const peer of this.#accepted) peer.reset();
  }
}

/** `backlog` 1 and not 0, which is 511 for Node; so two wait, and whoever comes after them is ignored. */
const STAND_STILL = `
  const { parentPort, workerData } = require("node:worker_threads");
  const server = require("node:net").createServer().listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage("listening");
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
`;

async function listenAndStandStill(host: string, port: number): Promise<Worker> {
  const worker = new Worker(STAND_STILL, { eval: true, workerData: { host, port }, execArgv: [] });
  await once(worker, "message");
  return worker;
}

class LoopbackPeer implements Peer {
  readonly #raw: net.Socket;
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  #ending: "Closed" | "Econnreset" | undefined;
  #hasFailed = false;
  #isClosed = false;
  #lastReceived: Buffer = Buffer.alloc(0);
  /** Whoever reads is called when bytes or an end have come. */
  #onChange: () => void = () => undefined;

  constructor(raw: net.Socket) {
    this.#raw = raw;
    raw.on("data", (data: Buffer) => {
      this.#keep(data);
      this.#onChange();
    });
    raw.on("end", () => {
      this.#endWith(isReset(raw) ? "Econnreset" : "Closed");
    });
    // EPIPE is a reset behind the end, and on loopback nothing else goes wrong.
    raw.on("error", ({ code }: NodeJS.ErrnoException) => {
      this.#hasFailed = true;
      this.#keep(raw.read() as Buffer | null); // what a paused stream had read, Node would drop
      this.#endWith(code === "EPIPE" ? "Closed" : "Econnreset");
    });
    raw.pause();
  }

  async send(data: Uint8Array): Promise<"Ok" | "Closed" | "Econnreset"> {
    while (this.#raw.writableLength > HIGH_WATERMARK && this.#canWrite) {
      await Promise.race([once(this.#raw, "drain"), once(this.#raw, "close")]).catch(() => undefined);
    }
    if (this.#wasReset()) return "Econnreset";
    if (!this.#canWrite) return "Closed";
    this.#raw.write(data);
    await new Promise(setImmediate); // what the kernel says to a write is known by then
    return this.#wasReset() ? "Econnreset" : "Ok";
  }

  get #canWrite(): boolean {
    return !this.#isClosed && !this.#raw.destroyed && !this.#raw.writableEnded;
  }

  /** Asked anew each time: a write in between may have met the reset. */
  #wasReset(): boolean {
    return this.#hasFailed || this.#ending === "Econnreset";
  }

  async receive(size: number, milliseconds: number): Promise<Buffer | "Timeout" | "Closed" | "Econnreset"> {
    const least = Math.max(1, size);
    await this.#readUntil(() => this.#unreadBytes >= least || this.#ending !== undefined, milliseconds);
    if (size === 0 && this.#unreadBytes > 0) await this.#readWhatIsThere();
    if (this.#unreadBytes >= least) return (this.#lastReceived = this.#take(size === 0 ? this.#unreadBytes : size));
    return this.#ending ?? "Timeout";
  }

  echo(): Promise<"Ok" | "Closed" | "Econnreset"> {
    return this.send(this.#lastReceived);
  }

  async readToEnd(milliseconds: number): Promise<ReadToEnd> {
    let read = -1;
    while (this.#ending === undefined && read < this.#unreadBytes) {
      read = this.#unreadBytes;
      await this.#readUntil(() => this.#unreadBytes > read || this.#ending !== undefined, milliseconds);
    }
    const how = this.#ending === undefined ? "StillOpen" : this.#ending === "Closed" ? "Fin" : "Rst";
    return { how, data: this.#take(this.#unreadBytes) };
  }

  async halfClose(): Promise<"Ok" | "Enotconn"> {
    await new Promise(setImmediate);
    if (this.#wasReset() || this.#raw.remoteAddress === undefined) return "Enotconn";
    this.#raw.end();
    return "Ok";
  }

  /** The kernel resets who still sends to a descriptor that was shut down; Node's `end` is but its writing side. */
  shutdown(): void {
    this.#raw.end();
    this.#raw.resume();
    this.#onChange = () => {
      if (this.#unreadBytes > 0) this.#raw.resetAndDestroy();
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#unreadBytes > 0 || this.#raw.readableLength > 0) this.#raw.resetAndDestroy();
    else if (this.#raw.writableLength === 0) this.#raw.destroy();
    else this.#raw.end(() => this.#raw.destroy());
    await new Promise(setImmediate);
  }

  reset(): void {
    this.#isClosed = true;
    this.#raw.resetAndDestroy();
  }

  #keep(data: Buffer | null): void {
    if (data === null) return;
    this.#unread.push(data);
    this.#unreadBytes += data.length;
  }

  #endWith(ending: "Closed" | "Econnreset"): void {
    this.#ending ??= ending;
    this.#onChange();
  }

  /** Reads while somebody asks: what nobody has asked for waits in the kernel. */
  #readUntil(isEnough: () => boolean, milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const stop = () => {
        this.#onChange = () => undefined;
        clearTimeout(timer);
        this.#raw.pause();
        resolve();
      };
      const timer = setTimeout(stop, milliseconds);
      this.#onChange = () => {
        if (isEnough()) stop();
      };
      this.#raw.resume();
      this.#onChange();
    });
  }

  /** Node may have read one piece when it was last paused; the kernel has the rest. */
  async #readWhatIsThere(): Promise<void> {
    this.#raw.resume();
    for (let turns = 0; turns < 2; turns++) await new Promise(setImmediate);
    this.#raw.pause();
  }

  #take(size: number): Buffer {
    const all = Buffer.concat(this.#unread);
    this.#unread = all.length === size ? [] : [all.subarray(size)];
    this.#unreadBytes = all.length - size;
    return all.subarray(0, size);
  }
}
