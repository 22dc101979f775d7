import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect as connectRaw } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  accept,
  close,
  closeListener,
  connect,
  createRuntime,
  err,
  getstat,
  type Listener,
  listen,
  peername,
  receive,
  receiveNextPacketAsMessage,
  send,
  sockname,
  unwrap,
} from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { connectPeer, type Peer, temporaryFolder, until, within } from "../support/peer.ts";
import {
  bytes,
  nextMessage,
  packet,
  pattern,
  pending,
  soFar,
  soonMs,
  startProcess,
  unasked,
} from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

const loopback = { host: "127.0.0.1", port: 0 };

// What a JavaScript caller can do: no type stands in its way.
const listenAnything = listen as (options: unknown) => unknown;
const acceptAnything = accept as (listener: unknown, milliseconds: unknown, context?: unknown) => unknown;

describe("listen", () => {
  test("on port 0 lets the system choose, and says what it chose", async () => {
    await using one = unwrap(await listen(loopback));
    await using two = unwrap(await listen(loopback));
    expect(one.address).toBe("127.0.0.1");
    expect(one.port).toBeGreaterThan(0);
    expect(two.port).not.toBe(one.port);
    await using peer = await connectPeer(one);
    expect(peer.raw.remotePort).toBe(one.port);
  });

  test("on no host in particular is reached at every address", async () => {
    await using listener = unwrap(await listen({ port: 0 }));
    const accepting = accept(listener, soonMs);
    await using peer = await connectPeer(listener);
    await using socket = unwrap(await accepting);
    unwrap(await send(socket, "hello"));
    expect((await peer.receive(5)).toString()).toBe("hello");
  });

  test("is Eaddrinuse where somebody listens already", async () => {
    await using listener = unwrap(await listen(loopback));
    expect(await listen({ ...loopback, port: listener.port })).toEqual(err("Eaddrinuse"));
  });

  test("is Eaddrnotavail on an address that this machine does not have", async () => {
    expect(await listen({ host: "192.0.2.1", port: 0 })).toEqual(err("Eaddrnotavail"));
  });

  test("is Nxdomain on a host that nobody knows", async () => {
    expect(await listen({ host: `${"a".repeat(64)}.invalid`, port: 0 })).toEqual(err("Nxdomain"));
  });

  test("on a path is a unix socket, whatever host and port say", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "socket");
    await using listener = unwrap(await listen({ host: "", port: NaN, path }));
    expect([listener.address, listener.port]).toEqual([path, 0]);
    const accepting = accept(listener, soonMs);
    await using peer = await connectPeer({ port: 0, path });
    await using socket = unwrap(await accepting);
    await peer.send("over a file");
    expect(await receive(socket, soonMs)).toEqual(bytes("over a file"));
    expect(await listen({ port: 0, path })).toEqual(err("Eaddrinuse"));
    expect(await listen({ port: 0, path: join(folder.path, "none", "socket") })).toEqual(err("Eacces"));
  });

  test("fails, and throws nothing, on a path that is longer than any unix socket's", async () => {
    await using folder = await temporaryFolder();
    const result = await listen({ port: 0, path: join(folder.path, "long".repeat(50)) });
    if (result.ok) await closeListener(result.value);
    expect(await readdir(folder.path)).toEqual([]); // the system may take the beginning of it for the path
    expect(result.ok).toBe(false);
  });

  test("gives its options to every socket that is accepted", async () => {
    await using listener = unwrap(await listen({ ...loopback, buffer: 3, showEconnreset: true }));
    for (let i = 0; i < 2; i++) {
      await using peer = await connectPeer(listener);
      await using socket = unwrap(await accept(listener, soonMs));
      await peer.send("onetwo");
      await until(() => peer.raw.writableLength === 0, "The peer does not send");
      expect(await receive(socket, soonMs)).toEqual(bytes("one"));
      expect(await receive(socket, soonMs)).toEqual(bytes("two"));
      const waiting = receive(socket, soonMs);
      expect(await soFar(waiting)).toBe(pending);
      peer.reset();
      expect(await waiting).toEqual(err("Econnreset"));
    }
  });

  test("for an owner closes when it ends: waiting accepts say Closed, sockets that were accepted live", async () => {
    await using owner = await startProcess();
    await using handler = await startProcess();
    const listener = unwrap(await listen({ ...loopback, owner: owner.self }));
    await using peer = await connectPeer(listener);
    const socket = unwrap(await accept(listener, soonMs, { owner: handler.self }));
    const waiting = accept(listener, Infinity);
    owner.process.kill();
    expect(await within(waiting, "The accept goes on")).toEqual(err("Closed"));
    expect(await accept(listener, soonMs)).toEqual(err("Closed"));
    expect(await isRefused(listener)).toBe(true);
    await peer.send("still here");
    expect(await receive(socket, soonMs)).toEqual(bytes("still here"));
  });

  // It was a listener that had been closed already.
  test.each(["before", "while"])(
    "for an owner that ends %s it starts is Closed, and leaves nothing open",
    async (when) => {
      await using folder = await temporaryFolder();
      const runtime = createRuntime();
      await using owner = await startProcess(runtime);
      const path = join(folder.path, "socket");
      if (when === "before") owner.process.kill();
      const listening = listen({ port: 0, path, owner: owner.self });
      owner.process.kill();
      expect(await within(listening, "The listen goes on")).toEqual(err("Closed"));
      expect(await readdir(folder.path)).toEqual([]);
      await closeListener(unwrap(await listen({ port: 0, path })));
      await runtime.idle();
    },
  );

  test("for an owner that ends while its host is looked up is Closed", async () => {
    await using owner = await startProcess();
    const listening = listen({ host: "localhost", port: 0, owner: owner.self });
    owner.process.kill();
    expect(await within(listening, "The listen goes on")).toEqual(err("Closed"));
  });

  test("has room for `backlog` connections that nobody accepts; beyond it a peer is reset", async () => {
    await using listener = unwrap(await listen({ ...loopback, backlog: 3 }));
    await using peers = await peersOf(listener, 3);
    // It hears of it while it connects, or after that.
    const tooMany = () =>
      connectPeer(listener).then(
        async (peer) => (await peer.readToEnd()).how,
        (error: unknown) => (error as NodeJS.ErrnoException).code,
      );
    expect(await tooMany()).toMatch(/^(Rst|ECONNRESET)$/);
    expect(await tooMany()).toMatch(/^(Rst|ECONNRESET)$/);
    for (const peer of peers.list) {
      await using socket = unwrap(await accept(listener, soonMs));
      unwrap(await send(socket, "there is room"));
      expect((await peer.receive(13)).toString()).toBe("there is room");
    }
    await using late = await connectPeer(listener);
    await using socket = unwrap(await accept(listener, soonMs));
    expect(unwrap(peername(socket)).port).toBe(late.raw.localPort);
  });

  test.each([
    ["received -1", { port: -1 }],
    ["received undefined", { port: undefined }],
    ['received ""', { host: "" }],
    ["received 70000", { backlog: 70_000 }],
    ["received -2", { backlog: -2 }],
    ["received 0", { buffer: 0 }],
    ["received 'nobody'", { owner: "nobody" }],
    ['unknown option "bakclog", did you mean "backlog"?', { bakclog: 5 }],
  ])("throws, with %s in the text", (text, wrong) => {
    expect(() => listenAnything({ ...loopback, ...wrong })).toThrow(text.replaceAll("'", '"'));
    expect(() => listenAnything({ ...loopback, ...wrong })).toThrow(/^Cannot listen: /);
  });

  test("throws for a backlog of 0, which is no room for anybody", () => {
    expect(() => listenAnything({ ...loopback, backlog: 0 })).toThrow(/^Cannot listen: backlog .* received 0$/);
  });

  test("gives a listener whose JSON says where it listens", async () => {
    await using listener = unwrap(await listen(loopback));
    expect(JSON.parse(JSON.stringify(listener))).toEqual({
      type: "Listener",
      address: "127.0.0.1",
      port: listener.port,
    });
  });
});

describe("accept", () => {
  test("gives a passive socket of its owner: nothing is read or told before it is asked for", async () => {
    await using listener = unwrap(await listen(loopback));
    await using owner = await startProcess();
    await using peer = await connectPeer(listener);
    await peer.send("hello");
    await peer.halfClose();
    const socket = unwrap(await accept(listener, soonMs, { owner: owner.self }));
    expect(await unasked(owner.self)).toEqual(err("Timeout"));
    expect(unwrap(getstat(socket)).recvOct).toBe(0);
    receiveNextPacketAsMessage(socket);
    expect(await nextMessage(owner.self)).toEqual(packet(socket, "hello"));
  });

  test("knows both ends of the connection", async () => {
    await using listener = unwrap(await listen(loopback));
    await using peer = await connectPeer(listener);
    await using socket = unwrap(await accept(listener, soonMs));
    const peerAddress = { address: "127.0.0.1", port: peer.raw.localPort };
    expect(peername(socket)).toEqual({ ok: true, value: peerAddress });
    expect(sockname(socket)).toEqual({ ok: true, value: { address: "127.0.0.1", port: listener.port } });
  });

  test("waits for a connection", async () => {
    await using listener = unwrap(await listen(loopback));
    const accepting = accept(listener, soonMs);
    expect(await soFar(accepting)).toBe(pending);
    await using _peer = await connectPeer(listener);
    await close(unwrap(await accepting));
  });

  test("says Timeout when its time is over, and loses no connection that comes later", async () => {
    const clock = createSimulatedClock();
    await using owner = await startProcess(createRuntime({ clock }));
    await using listener = unwrap(await listen({ ...loopback, owner: owner.self }));
    const accepting = accept(listener, 1_000);
    await clock.advance(999);
    expect(await soFar(accepting)).toBe(pending);
    await clock.advance(1);
    expect(await accepting).toEqual(err("Timeout"));
    await using peer = await connectPeer(listener);
    await using socket = unwrap(await accept(listener, 1_000));
    expect(unwrap(peername(socket)).port).toBe(peer.raw.localPort);
  });

  test.each([-1, Infinity])("with time %d waits for ever", async (forEver) => {
    const clock = createSimulatedClock();
    await using owner = await startProcess(createRuntime({ clock }));
    await using listener = unwrap(await listen({ ...loopback, owner: owner.self }));
    const accepting = accept(listener, forEver);
    await clock.advance(2 ** 33);
    expect(await soFar(accepting)).toBe(pending);
    await using _peer = await connectPeer(listener);
    await close(unwrap(await accepting));
  });

  test("with time 0 takes a connection that is there, and says Timeout where none is", async () => {
    await using listener = unwrap(await listen(loopback));
    expect(await accept(listener, 0)).toEqual(err("Timeout"));
    await using _peer = await connectPeer(listener);
    await turns(); // the listener takes it from the kernel
    await close(unwrap(await accept(listener, 0)));
  });

  test("gives each connection to the one who has waited longest", async () => {
    await using listener = unwrap(await listen(loopback));
    const accepting = Array.from({ length: 4 }, () => accept(listener, soonMs));
    await using peers = await peersOf(listener, 4);
    for (const [i, each] of accepting.entries()) {
      await using socket = unwrap(await each);
      expect(unwrap(peername(socket)).port).toBe(peers.list[i]?.raw.localPort);
    }
  });

  test("gives waiting connections in the order in which they came", async () => {
    await using listener = unwrap(await listen(loopback));
    await using peers = await peersOf(listener, 4);
    for (const peer of peers.list) {
      await using socket = unwrap(await accept(listener, soonMs));
      expect(unwrap(peername(socket)).port).toBe(peer.raw.localPort);
    }
  });

  test("that timed out leaves its turn to the next", async () => {
    await using listener = unwrap(await listen(loopback));
    expect(await accept(listener, 1)).toEqual(err("Timeout"));
    const next = accept(listener, soonMs);
    await using _peer = await connectPeer(listener);
    await close(unwrap(await next));
  });

  test("for an owner that ends while it waits says Closed, and the connection is the next one's", async () => {
    await using listener = unwrap(await listen(loopback));
    await using owner = await startProcess();
    const forOwner = accept(listener, Infinity, { owner: owner.self });
    const next = accept(listener, soonMs);
    owner.process.kill();
    expect(await within(forOwner, "The accept goes on")).toEqual(err("Closed"));
    expect(await accept(listener, soonMs, { owner: owner.self })).toEqual(err("Closed"));
    await using peer = await connectPeer(listener);
    await using socket = unwrap(await next);
    expect(unwrap(peername(socket)).port).toBe(peer.raw.localPort);
  });

  test("for an owner that ends in the turn in which the connection comes leaves nothing open", async () => {
    await using listener = unwrap(await listen(loopback));
    for (let moment = 0; moment < 6; moment++) {
      await using owner = await startProcess();
      const accepting = accept(listener, Infinity, { owner: owner.self });
      const raw = connectRaw({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true });
      raw.on("error", () => undefined);
      const closed = once(raw.resume(), "close");
      raw.on("end", () => raw.destroy());
      await turns(moment);
      owner.process.kill();
      const result = await accepting;
      // Where the owner was there for the connection, it has closed with it; otherwise it is for the next to accept.
      expect(result.ok ? getstat(result.value) : result).toEqual(err("Closed"));
      if (!result.ok) await close(unwrap(await accept(listener, soonMs)));
      await within(closed, "The connection stays open");
    }
  });

  test("gives the connection of a peer that has gone meanwhile: who asks hears of the end", async () => {
    await using listener = unwrap(await listen(loopback));
    for (const how of ["close", "reset"] as const) {
      await using peer = await connectPeer(listener);
      await peer.send("health check");
      await turns();
      peer[how]();
      await using socket = unwrap(await accept(listener, soonMs));
      expect(await receive(socket, soonMs)).toEqual(bytes("health check"));
      expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    }
  });

  test("goes on after connections that were opened and closed, or reset, at once", async () => {
    await using listener = unwrap(await listen(loopback));
    for (let i = 0; i < 20; i++) {
      const peer = await connectPeer(listener);
      if (i % 2 === 0) peer.reset();
      else peer.close();
      await using socket = unwrap(await accept(listener, soonMs));
      expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    }
    await using peer = await connectPeer(listener);
    await using socket = unwrap(await accept(listener, soonMs));
    await peer.send("a real one");
    expect(await receive(socket, soonMs)).toEqual(bytes("a real one"));
  });

  test("talks with our own connect, both ways, megabytes at a time", async () => {
    await using listener = unwrap(await listen(loopback));
    const [accepted, connected] = await Promise.all([
      accept(listener, soonMs),
      connect({ host: "127.0.0.1", port: listener.port }),
    ]);
    await using server = unwrap(accepted);
    await using client = unwrap(connected);
    for (const [from, to] of [
      [server, client],
      [client, server],
    ] as const) {
      const data = pattern(8_000_000);
      void send(from, data);
      let received = Buffer.alloc(0);
      while (received.length < data.length) received = Buffer.concat([received, unwrap(await receive(to, soonMs))]);
      expect(received.equals(data)).toBe(true);
    }
  });

  test.each([NaN, "5", undefined])("throws for the time %p, with it in the text", async (time) => {
    await using listener = unwrap(await listen(loopback));
    expect(() => acceptAnything(listener, time)).toThrow(
      `Cannot accept: timeoutMilliseconds must be a number, received ${typeof time === "string" ? '"5"' : time}`,
    );
  });

  test("throws for what is not a listener, an owner or an option", async () => {
    await using listener = unwrap(await listen(loopback));
    expect(() => acceptAnything({}, 0)).toThrow("Cannot accept: expected a listener, received {}");
    expect(() => acceptAnything(listener, 0, { owner: {} })).toThrow("Cannot accept: owner must be ");
    expect(() => acceptAnything(listener, 0, { ownr: {} })).toThrow('did you mean "owner"?');
  });
});

describe("closeListener", () => {
  test("lets waiting accepts and later ones say Closed", async () => {
    const listener = unwrap(await listen(loopback));
    const waiting = [accept(listener, Infinity), accept(listener, soonMs)];
    await closeListener(listener);
    expect(await within(Promise.all(waiting), "The accepts go on")).toEqual([err("Closed"), err("Closed")]);
    expect(await accept(listener, soonMs)).toEqual(err("Closed"));
  });

  test("resets connections that nobody has accepted; those that were accepted stay", async () => {
    const listener = unwrap(await listen(loopback));
    await using accepted = await connectPeer(listener);
    await using socket = unwrap(await accept(listener, soonMs));
    await using waiting = await connectPeer(listener);
    await turns(); // the listener takes it from the kernel
    await closeListener(listener);
    expect((await waiting.readToEnd()).how).toBe("Rst");
    unwrap(await send(socket, "still here"));
    expect((await accepted.receive(10)).toString()).toBe("still here");
  });

  test("frees the port, and may be called twice", async () => {
    const listener = unwrap(await listen(loopback));
    await closeListener(listener);
    await closeListener(listener);
    expect(await isRefused(listener)).toBe(true);
    const again = unwrap(await listen({ ...loopback, port: listener.port }));
    await closeListener(again);
  });

  test("frees the path of a unix socket", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "socket");
    for (let i = 0; i < 2; i++) await closeListener(unwrap(await listen({ port: 0, path })));
  });

  test("throws for what is not a listener", () => {
    expect(() => closeListener({} as Listener)).toThrow("Cannot close: expected a listener, received {}");
  });
});

async function isRefused(listener: Listener): Promise<boolean> {
  const where = { host: "127.0.0.1", port: listener.port, ipVersionPreference: "Ipv4Only" } as const;
  const result = await connect(where);
  if (result.ok) await close(result.value);
  return !result.ok && result.error.type === "ConnectFailedIpv4" && result.error.ipv4 === "Econnrefused";
}

async function peersOf(listener: Listener, count: number): Promise<AsyncDisposable & { readonly list: Peer[] }> {
  const list: Peer[] = [];
  for (let i = 0; i < count; i++) list.push(await connectPeer(listener));
  return {
    list,
    [Symbol.asyncDispose]: async () => {
      for (const peer of list) await peer[Symbol.asyncDispose]();
    },
  };
}
