// A simulated clock and connections in memory: a scenario takes no time, and is the same each time.

import {
  abort,
  close,
  createRuntime,
  receive,
  receiveExact,
  send,
  shutdown,
  shutdownWrite,
  type Socket,
  type SocketError,
} from "tankard";
import { createSimulatedClock, createSocketPair } from "tankard/testing";
import type { Peer, Place, ReadToEnd, Server } from "./place.ts";
import { ScriptError } from "./world.ts";

/** The peer is to show what its kernel would: a reset as one, and an end of the other side as no end of its own. */
const KERNEL = { showEconnreset: true, exitOnClose: false } as const;

export function inMemory(): Place {
  const clock = createSimulatedClock();
  const runtime = createRuntime({ clock, onCrash: () => undefined });
  const servers = new Map<number, MemoryServer>();
  const peers: Socket[] = [];
  const within = async <T>(promise: Promise<T>, milliseconds: number): Promise<{ readonly value: T } | undefined> => {
    let settled: { readonly value: T } | undefined;
    void promise.then((value) => (settled = { value }));
    await clock.advance(0);
    // A millisecond at a time: what settles stops the clock there.
    for (let passed = 0; passed < milliseconds && settled === undefined; passed++) await clock.advance(1);
    return settled;
  };
  return {
    runtime,
    within,
    sleep: (milliseconds) => clock.advance(milliseconds),
    connect: ({ host: _host, port, owner, timeout: _timeout, ipVersionPreference: _preference, ...options }) => {
      const server = servers.get(port);
      if (server === undefined) throw new ScriptError("in memory one connects to a listener");
      const [client, peer] = createSocketPair({ ...options, owner }, KERNEL, { runtime });
      peers.push(peer);
      server.waiting.push(new MemoryPeer(peer));
      return Promise.resolve({ ok: true, value: client });
    },
    listen: () => {
      const server = new MemoryServer(servers.size + 1);
      servers.set(server.port, server);
      return Promise.resolve(server);
    },
    closedPort: () => Promise.resolve(0),
    close: async () => {
      await runtime.stop();
      for (const peer of peers) abort(peer);
    },
  };
}

class MemoryServer implements Server {
  readonly waiting: MemoryPeer[] = [];
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  accept(): Promise<Peer | undefined> {
    return Promise.resolve(this.waiting.shift());
  }

  fillBacklog(): Promise<void> {
    throw new ScriptError("there is no backlog in memory");
  }

  close(): Promise<void> {
    for (const peer of this.waiting.splice(0)) peer.reset();
    return Promise.resolve();
  }
}

/** The other end of a pair. It is one of Tankard's sockets too, so what it says is turned into what a kernel would. */
class MemoryPeer implements Peer {
  readonly #socket: Socket;
  #lastReceived: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async send(data: Uint8Array): Promise<"Ok" | "Closed" | "Econnreset"> {
    const sent = await send(this.#socket, data);
    return sent.ok ? "Ok" : "Econnreset";
  }

  async receive(size: number, milliseconds: number): Promise<Buffer | "Timeout" | "Closed" | "Econnreset"> {
    const received = await (size === 0
      ? receive(this.#socket, milliseconds)
      : receiveExact(this.#socket, size, milliseconds));
    if (received.ok) return (this.#lastReceived = received.value);
    return endingOf(received.error);
  }

  echo(): Promise<"Ok" | "Closed" | "Econnreset"> {
    return this.send(this.#lastReceived);
  }

  async readToEnd(milliseconds: number): Promise<ReadToEnd> {
    const chunks: Buffer[] = [];
    for (;;) {
      const received = await this.receive(0, milliseconds);
      if (typeof received !== "string") chunks.push(received);
      else return { how: howOf(received), data: Buffer.concat(chunks) };
    }
  }

  async halfClose(): Promise<"Ok" | "Enotconn"> {
    const done = await shutdownWrite(this.#socket);
    return done.ok ? "Ok" : "Enotconn";
  }

  shutdown(): void {
    void shutdown(this.#socket);
  }

  async close(): Promise<void> {
    void close(this.#socket);
    await Promise.resolve();
  }

  reset(): void {
    abort(this.#socket);
  }
}

function endingOf(error: SocketError): "Timeout" | "Closed" | "Econnreset" {
  return error === "Timeout" || error === "Econnreset" ? error : "Closed";
}

function howOf(ending: "Timeout" | "Closed" | "Econnreset"): ReadToEnd["how"] {
  switch (ending) {
    case "Timeout":
      return "StillOpen";
    case "Closed":
      return "Fin";
    case "Econnreset":
      return "Rst";
    default:
      return ending satisfies never;
  }
}
