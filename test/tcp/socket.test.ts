import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  err,
  getstat,
  lastError,
  ok,
  peername,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  ref,
  send,
  shutdown,
  type SocketError,
  sockname,
  unref,
  unwrap,
} from "tankard";
import { until } from "../support/peer.ts";
import {
  bytes,
  type Connected,
  connectedToPeer,
  nextMessage,
  open,
  pattern,
  readAhead,
  socketClosed,
  socketKinds,
  soonMs,
} from "../support/test-process.ts";

// What a JavaScript caller can do: no type stands in its way.
type Anything = (socket: unknown) => unknown;

describe("Socket", () => {
  // What was done to an open socket; then what two receives, two sends and two shutdowns say after that, in that order.
  const table: readonly (readonly [string, (client: Connected) => unknown, readonly (SocketError | "ok")[]])[] = [
    [
      "a receive has said Closed",
      async ({ peer, socket }) => {
        peer.close();
        expect(await receive(socket, soonMs)).toEqual(err("Closed"));
      },
      ["Enotconn", "Enotconn", "Closed", "Enotconn", "Enotconn", "Enotconn"],
    ],
    [
      "a send has said Closed",
      async ({ peer, socket }) => {
        peer.reset();
        expect(await send(socket, "x")).toEqual(err("Closed"));
      },
      ["Closed", "Enotconn", "Enotconn", "Enotconn", "Enotconn", "Enotconn"],
    ],
    [
      "a send after shutdown has said Closed",
      async ({ socket }) => {
        unwrap(await shutdown(socket));
        expect(await send(socket, "x")).toEqual(err("Closed"));
      },
      ["Closed", "Enotconn", "Enotconn", "Enotconn", "Enotconn", "Enotconn"],
    ],
    [
      "the owner has heard SocketClosed",
      async ({ self, peer, socket }) => {
        receiveNextPacketAsMessage(socket);
        peer.close();
        expect(await nextMessage(self)).toEqual(socketClosed(socket));
      },
      ["Closed", "Closed", "Closed", "Closed", "Closed", "Closed"],
    ],
    [
      "shutdown",
      ({ socket }) => shutdown(socket),
      ["Closed", "Enotconn", "Closed", "Enotconn", "Enotconn", "Enotconn"],
    ],
    ["close", ({ socket }) => close(socket), ["Closed", "Closed", "Closed", "Closed", "Closed", "Closed"]],
    ["abort", ({ socket }) => abort(socket), ["Closed", "Closed", "Closed", "Closed", "Closed", "Closed"]],
    ["the owner's end", ({ process }) => process.kill(), ["Closed", "Closed", "Closed", "Closed", "Closed", "Closed"]],
  ];

  describe.each(socketKinds)("that was %s", (kind) => {
    test.each(table)("says in each direction what inet says, after %s", async (_, end, said) => {
      await using client = await open(kind);
      await end(client);
      const { socket } = client;
      const results = [
        await receive(socket, soonMs),
        await receiveExact(socket, 1, soonMs),
        await send(socket, "x"),
        await send(socket, "y"),
        await shutdown(socket),
        await shutdown(socket),
      ];
      expect(results).toEqual(said.map((reason) => (reason === "ok" ? ok() : err(reason))));
    });
  });

  test("shows its number and phase to whoever inspects it, and nothing of Node's", async () => {
    await using client = await connectedToPeer();
    expect(inspect(client.socket)).toBe(`Socket { id: ${client.socket.id}, phase: "open" }`);
    await close(client.socket);
    expect(inspect(client.socket)).toBe(`Socket { id: ${client.socket.id}, phase: "gone" }`);
  });
});

describe.each([
  ["peername", peername],
  ["sockname", sockname],
])("%s", (name, look) => {
  test.each(socketKinds)("says an address and a port of a socket that was %s", async (kind) => {
    await using client = await open(kind);
    const { raw } = client.peer;
    const port = name === "peername" ? raw.localPort : raw.remotePort;
    expect(look(client.socket)).toEqual({ ok: true, value: { address: "127.0.0.1", port } });
  });

  test("is Enotconn once the end has been seen, and Closed once the socket is gone", async () => {
    await using client = await connectedToPeer();
    client.peer.close();
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    expect(look(client.socket)).toEqual(err("Enotconn"));
    await close(client.socket);
    expect(look(client.socket)).toEqual(err("Closed"));
  });

  test("throws for what is not a socket", () => {
    expect(() => (look as Anything)(7)).toThrow(new TypeError("Cannot look at: expected a socket, received 7"));
  });
});

describe.each([
  ["ref", ref],
  ["unref", unref],
])("%s", (name, change) => {
  test("throws for what is not a socket, and does nothing to one that is gone", async () => {
    expect(() => (change as Anything)({})).toThrow(new TypeError(`Cannot ${name}: expected a socket, received {}`));
    await using client = await connectedToPeer();
    await close(client.socket);
    change(client.socket);
    expect(getstat(client.socket)).toEqual(err("Closed"));
  });
});

describe("peername", () => {
  test("is Enotconn, as in inet, where the peer has reset and nobody has noticed: there is no address", async () => {
    await using client = await connectedToPeer();
    client.peer.reset();
    expect(peername(client.socket)).toEqual(err("Enotconn"));
  });
});

describe("getstat", () => {
  test.each(socketKinds)("counts what was received and sent by a socket that was %s", async (kind) => {
    await using client = await open(kind);
    expect(unwrap(getstat(client.socket))).toEqual({ recvOct: 0, recvCnt: 0, sendOct: 0, sendCnt: 0, sendPend: 0 });
    unwrap(await send(client.socket, "héllo"));
    unwrap(await send(client.socket, Buffer.alloc(10)));
    await client.peer.receive(16);
    await client.peer.send("12345");
    expect(await receive(client.socket, soonMs)).toEqual(bytes("12345"));
    expect(unwrap(getstat(client.socket))).toEqual({ recvOct: 5, recvCnt: 1, sendOct: 16, sendCnt: 2, sendPend: 0 });
  });

  test("counts what was read ahead as received", async () => {
    await using client = await connectedToPeer();
    await readAhead(client, "unread");
    expect(unwrap(getstat(client.socket)).recvOct).toBe(6);
  });

  test("counts bytes that the kernel has not taken, and those of sends that wait, as pending", async () => {
    await using client = await connectedToPeer();
    const data = pattern(24 * 1024 * 1024);
    unwrap(await send(client.socket, data));
    const queued = unwrap(getstat(client.socket)).sendPend;
    expect(queued).toBeGreaterThan(0);
    expect(queued).toBeLessThanOrEqual(data.length);
    void send(client.socket, pattern(1_000));
    expect(unwrap(getstat(client.socket)).sendPend).toBe(queued + 1_000);
    await client.peer.receive(data.length + 1_000);
    await until(() => unwrap(getstat(client.socket)).sendPend === 0, "The queue does not get empty");
  });

  test("is Enotconn once the end has been seen, and Closed once the socket is gone", async () => {
    await using client = await connectedToPeer();
    client.peer.close();
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    expect(getstat(client.socket)).toEqual(err("Enotconn"));
    await close(client.socket);
    expect(getstat(client.socket)).toEqual(err("Closed"));
  });
});

describe("lastError", () => {
  test("says nothing while nothing has gone wrong, nor of a clean end", async () => {
    await using client = await connectedToPeer();
    expect(lastError(client.socket)).toBeUndefined();
    await client.peer.halfClose();
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    expect(lastError(client.socket)).toBeUndefined();
  });

  test("says nothing of a unix socket whose peer has closed, which nothing can be written to either", async () => {
    await using client = await open("connected over a unix socket");
    client.peer.close();
    expect(await shutdown(client.socket)).toEqual(ok());
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    expect(lastError(client.socket)).toBeUndefined();
  });

  test.each(socketKinds)("says that a socket that was %s was reset, though inet's rules hide it", async (kind) => {
    await using client = await open(kind);
    const received = receive(client.socket, soonMs);
    client.peer.reset();
    expect(await received).toEqual(err("Closed"));
    expect(lastError(client.socket)).toEqual({ reason: "Econnreset", code: "ECONNRESET" });
    await close(client.socket);
    expect(lastError(client.socket)).toEqual({ reason: "Econnreset", code: "ECONNRESET" });
  });

  test.each(socketKinds)("says so too where a socket that was %s is reset together with data", async (kind) => {
    for (const showEconnreset of [false, true]) {
      await using client = await open(kind, { showEconnreset });
      void client.peer.send("data");
      client.peer.reset();
      expect(await receive(client.socket, soonMs)).toEqual(bytes("data"));
      expect(await receive(client.socket, soonMs)).toEqual(err(showEconnreset ? "Econnreset" : "Closed"));
      expect(lastError(client.socket)?.code).toMatch(/^(ECONNRESET|EPIPE)$/);
    }
  });

  test("says why a send failed", async () => {
    await using client = await connectedToPeer();
    client.peer.reset();
    expect(await send(client.socket, "x")).toEqual(err("Closed"));
    await until(() => lastError(client.socket) !== undefined, "Nothing is said");
    expect(lastError(client.socket)?.code).toMatch(/^(ECONNRESET|EPIPE)$/);
  });
});
