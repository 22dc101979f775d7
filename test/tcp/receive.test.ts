import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  createRuntime,
  err,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  send,
  type Socket,
  unwrap,
} from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { within } from "../support/peer.ts";
import {
  bytes,
  connectedToPeer,
  hasRead,
  inMailbox,
  nextMessage,
  open,
  packet,
  pattern,
  readAhead,
  pending,
  socketClosed,
  socketKinds,
  soFar,
  soonMs,
  startProcess,
} from "../support/test-process.ts";

// What a JavaScript caller can do: no type stands in its way.
const receiveAnything = receive as (socket: unknown, milliseconds: unknown) => unknown;
const receiveExactly = receiveExact as (socket: unknown, byteSize: unknown, milliseconds: unknown) => unknown;

describe("receive", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("gives what has come, however many times the peer sent", async () => {
      await using client = await open(kind);
      for (const part of ["Hello, ", "Joe", "!"]) await client.peer.send(part);
      expect(await receive(client.socket, soonMs)).toEqual(bytes("Hello, Joe!"));
    });

    test("waits for bytes where none have come", async () => {
      await using client = await open(kind);
      const received = receive(client.socket, soonMs);
      expect(await soFar(received)).toBe(pending);
      await client.peer.send("later");
      expect(await received).toEqual(bytes("later"));
    });

    test("gives at most `buffer` bytes at once, and the rest at the next times", async () => {
      await using client = await open(kind, { buffer: 1_460 });
      await client.peer.send(pattern(3_000));
      expect(await receive(client.socket, soonMs)).toEqual(bytes(pattern(1_460)));
      expect(await receive(client.socket, soonMs)).toEqual(bytes(pattern(1_460, 1_460)));
      expect(await receive(client.socket, soonMs)).toEqual(bytes(pattern(80, 2_920)));
    });

    test("gives bytes in order, none lost and none twice, from a peer that trickles", async () => {
      await using client = await open(kind);
      const received: Buffer[] = [];
      for (let start = 0; start < 500; start += 5) {
        await client.peer.send(pattern(5, start));
        if (start % 3 === 0) await receive(client.socket, 0).then((result) => result.ok && received.push(result.value));
      }
      client.peer.close();
      for (let result = await receive(client.socket, soonMs); result.ok; result = await receive(client.socket, soonMs))
        received.push(result.value);
      expect(Buffer.concat(received)).toEqual(pattern(500));
    });

    test("says Timeout when its time is over, and the socket goes on", async () => {
      const clock = createSimulatedClock();
      await using client = await open(kind, {}, createRuntime({ clock }));
      const received = receive(client.socket, 1_000);
      await clock.advance(999);
      expect(await soFar(received)).toBe(pending);
      await clock.advance(1);
      expect(await received).toEqual(err("Timeout"));
      await client.peer.send("late");
      expect(await receive(client.socket, 1_000)).toEqual(bytes("late"));
    });

    test("with time 0 takes what the kernel has, and says Timeout where it has nothing", async () => {
      await using client = await open(kind);
      expect(await receive(client.socket, 0)).toEqual(err("Timeout"));
      await client.peer.send("here");
      expect(await receive(client.socket, 0)).toEqual(bytes("here"));
      expect(await receive(client.socket, 0)).toEqual(err("Timeout"));
    });

    test("with time 0 sees the end that the kernel has", async () => {
      await using client = await open(kind);
      await client.peer.halfClose();
      expect(await receive(client.socket, 0)).toEqual(err("Closed"));
    });

    test.each([-1, Infinity, -Infinity])("with time %d waits for ever", async (forEver) => {
      const clock = createSimulatedClock();
      await using client = await open(kind, {}, createRuntime({ clock }));
      const received = receive(client.socket, forEver);
      await clock.advance(2 ** 33);
      expect(await soFar(received)).toBe(pending);
      await client.peer.send("at last");
      expect(await received).toEqual(bytes("at last"));
    });

    test("waits longer than 2^31 milliseconds", async () => {
      const clock = createSimulatedClock();
      await using client = await open(kind, {}, createRuntime({ clock }));
      const received = receive(client.socket, 2 ** 32);
      await clock.advance(2 ** 32 - 1);
      expect(await soFar(received)).toBe(pending);
      await clock.advance(1);
      expect(await received).toEqual(err("Timeout"));
    });

    test("beside a receive that waits is Ealready, and the first one gets the bytes", async () => {
      await using client = await open(kind);
      const first = receive(client.socket, soonMs);
      expect(await receive(client.socket, soonMs)).toEqual(err("Ealready"));
      expect(await receiveExact(client.socket, 1, soonMs)).toEqual(err("Ealready"));
      await client.peer.send("one");
      expect(await first).toEqual(bytes("one"));
    });

    test("while the socket is armed is Einval, and it stays armed", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      expect(await receive(client.socket, soonMs)).toEqual(err("Einval"));
      expect(await receiveExact(client.socket, 1, soonMs)).toEqual(err("Einval"));
      await client.peer.send("for the mailbox");
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "for the mailbox"));
    });

    test("works again once the packet that was armed for has come", async () => {
      await using client = await open(kind);
      await readAhead(client, "one");
      receiveNextPacketAsMessage(client.socket);
      await client.peer.send("two");
      expect(await receive(client.socket, soonMs)).toEqual(bytes("two"));
      expect(await inMailbox(client.self)).toEqual(packet(client.socket, "one"));
    });

    test("gives what came before the peer's end first, then Closed once, then Enotconn", async () => {
      await using client = await open(kind);
      await client.peer.send("bye");
      client.peer.close();
      expect(await receive(client.socket, soonMs)).toEqual(bytes("bye"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("gives what came before a reset first, then Closed", async () => {
      await using client = await open(kind);
      await client.peer.send("bye");
      client.peer.reset();
      expect(await receive(client.socket, soonMs)).toEqual(bytes("bye"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("gives what was read ahead before a reset first, then Closed", async () => {
      await using client = await open(kind);
      await readAhead(client, "unread");
      client.peer.reset();
      expect(await receiveExact(client.socket, 2, soonMs)).toEqual(bytes("un"));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("read"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("says Closed when the peer is killed in the middle of a line", async () => {
      await using client = await open(kind);
      await client.peer.send("HTTP/1.1 20");
      client.peer.close();
      expect(await receive(client.socket, soonMs)).toEqual(bytes("HTTP/1.1 20"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("that waits is woken by the peer's end, by its half-close and by its reset", async () => {
      for (const how of ["close", "halfClose", "reset"] as const) {
        await using client = await open(kind);
        const received = receive(client.socket, Infinity);
        expect(await soFar(received)).toBe(pending);
        await client.peer[how]();
        expect(await received).toEqual(err("Closed"));
      }
    });

    test("says Econnreset with showEconnreset, then Enotconn", async () => {
      await using client = await open(kind, { showEconnreset: true });
      const received = receive(client.socket, soonMs);
      expect(await soFar(received)).toBe(pending);
      client.peer.reset();
      expect(await received).toEqual(err("Econnreset"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("says Closed after each of many receives with exitOnClose false", async () => {
      await using client = await open(kind, { exitOnClose: false });
      await client.peer.halfClose();
      for (let i = 0; i < 3; i++) expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("that waits says Closed when the owner is killed", async () => {
      await using client = await open(kind);
      const received = receive(client.socket, Infinity);
      expect(await soFar(received)).toBe(pending);
      client.process.kill();
      expect(await received).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test.each([
      ["close", (socket: Socket) => void close(socket)],
      ["abort", abort],
    ])("that waits says Closed at once when somebody calls %s", async (_, end) => {
      await using client = await open(kind);
      const received = receive(client.socket, Infinity);
      expect(await soFar(received)).toBe(pending);
      end(client.socket);
      expect(await within(received, "The receive goes on")).toEqual(err("Closed"));
    });
  });

  test("gives whole packets of a long stream: none is what is left of one read", async () => {
    await using client = await open("connected", { buffer: 40_000 });
    const sent = client.peer.send(pattern(400_000));
    const sizes = new Set<number>();
    for (let left = 400_000; left > 0;) {
      const { length } = unwrap(await receive(client.socket, soonMs));
      sizes.add(length);
      left -= length;
    }
    await sent;
    expect(sizes).toContain(40_000);
    expect(sizes).not.toContain(65_536 - 40_000);
  });

  test("is for any process, owner or not", async () => {
    await using client = await connectedToPeer();
    await using other = await startProcess();
    await client.peer.send("for whoever asks");
    const received = other.self.spawn(() => receive(client.socket, soonMs)).result;
    expect(await received).toEqual(bytes("for whoever asks"));
  });

  test("goes on beside sends that wait", async () => {
    await using client = await connectedToPeer();
    await send(client.socket, Buffer.alloc(24 * 1024 * 1024));
    const waiting = send(client.socket, "x");
    await client.peer.send("hello");
    expect(await receive(client.socket, soonMs)).toEqual(bytes("hello"));
    client.peer.reset();
    expect(await waiting).toEqual(err("Closed"));
  });

  test("gets the bytes before the owner where somebody arms beside it", async () => {
    await using client = await connectedToPeer();
    const received = receive(client.socket, soonMs);
    receiveNextPacketAsMessage(client.socket);
    await client.peer.send("one");
    expect(await received).toEqual(bytes("one"));
    await client.peer.send("two");
    expect(await nextMessage(client.self)).toEqual(packet(client.socket, "two"));
  });

  test.each([
    [NaN, "NaN"],
    ["1000", '"1000"'],
    [undefined, "undefined"],
    [null, "null"],
  ])("throws for the time %p, with it in the text", async (time, text) => {
    await using client = await connectedToPeer();
    expect(() => receiveAnything(client.socket, time)).toThrow(
      new RangeError(`Cannot receive: timeoutMilliseconds must be a number, received ${text}`),
    );
  });

  test.each([undefined, {}, "socket"])("throws for %p in the place of a socket", (socket) => {
    expect(() => receiveAnything(socket, 0)).toThrow(/^Cannot receive: expected a socket, received /);
  });
});

describe("receiveExact", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("gives so many bytes, and leaves the others for whoever asks next", async () => {
      await using client = await open(kind);
      await client.peer.send("Hello, Joe!");
      expect(await receiveExact(client.socket, 5, soonMs)).toEqual(bytes("Hello"));
      expect(await receiveExact(client.socket, 2, soonMs)).toEqual(bytes(", "));
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "Joe!"));
    });

    test("waits until there are enough", async () => {
      await using client = await open(kind);
      const received = receiveExact(client.socket, 5, soonMs);
      for (const part of ["He", "l"]) {
        await client.peer.send(part);
        expect(await soFar(received)).toBe(pending);
      }
      await client.peer.send("lo, Joe!");
      expect(await received).toEqual(bytes("Hello"));
      expect(await receive(client.socket, soonMs)).toEqual(bytes(", Joe!"));
    });

    test("has one time for the whole of it: bytes that trickle do not extend it", async () => {
      const clock = createSimulatedClock();
      await using client = await open(kind, {}, createRuntime({ clock }));
      const received = receiveExact(client.socket, 100, 1_000);
      for (let i = 1; i <= 3; i++) {
        await client.peer.send("x");
        await hasRead(client.socket, i);
        await clock.advance(300);
      }
      expect(await soFar(received)).toBe(pending);
      await clock.advance(100);
      expect(await received).toEqual(err("Timeout"));
    });

    test("that timed out has its bytes set apart: the next receive gives all of them and nothing else", async () => {
      await using client = await open(kind);
      await client.peer.send("hel");
      expect(await receiveExact(client.socket, 5, 0)).toEqual(err("Timeout"));
      await client.peer.send("lo");
      await hasRead(client.socket, 5);
      expect(await receive(client.socket, soonMs)).toEqual(bytes("hel"));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("lo"));
    });

    test("that timed out has its bytes set apart: the next packet is all of them and nothing else", async () => {
      await using client = await open(kind);
      await client.peer.send("hel");
      expect(await receiveExact(client.socket, 5, 0)).toEqual(err("Timeout"));
      await client.peer.send("lo");
      await hasRead(client.socket, 5);
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "hel"));
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "lo"));
    });

    test("that timed out has its bytes given to the owner that has armed beside it, in order", async () => {
      const clock = createSimulatedClock();
      await using client = await open(kind, {}, createRuntime({ clock }));
      const received = receiveExact(client.socket, 5, 1_000);
      receiveNextPacketAsMessage(client.socket);
      await client.peer.send("hel");
      await hasRead(client.socket, 3);
      await clock.advance(1_000);
      expect(await received).toEqual(err("Timeout"));
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "hel"));
      await client.peer.send("lo");
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "lo"));
    });

    test("that timed out leaves more than `buffer` bytes in one piece", async () => {
      await using client = await open(kind, { buffer: 1_460 });
      await readAhead(client, pattern(20_000));
      expect(await receiveExact(client.socket, 30_000, 0)).toEqual(err("Timeout"));
      expect(await receiveExact(client.socket, 1_000, soonMs)).toEqual(bytes(pattern(1_000)));
      expect(await receive(client.socket, soonMs)).toEqual(bytes(pattern(19_000, 1_000)));
      expect(await receive(client.socket, 0)).toEqual(err("Timeout"));
    });

    test("that timed out loses nothing: asked again, it gives all of it", async () => {
      await using client = await open(kind);
      await client.peer.send("hel");
      expect(await receiveExact(client.socket, 5, 0)).toEqual(err("Timeout"));
      await client.peer.send("lo, Joe!");
      expect(await receiveExact(client.socket, 5, soonMs)).toEqual(bytes("Hello".toLowerCase()));
      expect(await receive(client.socket, soonMs)).toEqual(bytes(", Joe!"));
    });

    test("that timed out leaves its bytes for after the end", async () => {
      await using client = await open(kind);
      await client.peer.send("hel");
      expect(await receiveExact(client.socket, 5, 0)).toEqual(err("Timeout"));
      client.peer.close();
      expect(await receive(client.socket, soonMs)).toEqual(bytes("hel"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("cut short by the end says Closed, and what had come is lost", async () => {
      for (const how of ["close", "reset"] as const) {
        await using client = await open(kind);
        await client.peer.send("abc");
        client.peer[how]();
        expect(await receiveExact(client.socket, 5, soonMs)).toEqual(err("Closed"));
        expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
        receiveNextPacketAsMessage(client.socket);
        expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
      }
    });

    test("that waits and is cut short by the end says Closed", async () => {
      await using client = await open(kind);
      const received = receiveExact(client.socket, 5, Infinity);
      await client.peer.send("abc");
      expect(await soFar(received)).toBe(pending);
      client.peer.close();
      expect(await received).toEqual(err("Closed"));
    });

    test("of 0 bytes is receive", async () => {
      await using client = await open(kind);
      await client.peer.send("whatever");
      expect(await receiveExact(client.socket, 0, soonMs)).toEqual(bytes("whatever"));
      expect(await receiveExact(client.socket, 0, 0)).toEqual(err("Timeout"));
    });

    test("gives many times more than is read ahead", async () => {
      await using client = await open(kind, { readAhead: 1_000, buffer: 1_000 });
      const data = pattern(10_000_000);
      const received = receiveExact(client.socket, data.length, soonMs);
      await client.peer.send(data);
      const result = await received;
      expect(result.ok && result.value.equals(data)).toBe(true);
    });

    test("of more than 64 MiB is Enomem, and the socket goes on", async () => {
      await using client = await open(kind);
      expect(await receiveExact(client.socket, 64 * 1024 * 1024 + 1, soonMs)).toEqual(err("Enomem"));
      expect(await receiveExact(client.socket, 64 * 1024 * 1024, 0)).toEqual(err("Timeout"));
      await client.peer.send("still here");
      expect(await receive(client.socket, soonMs)).toEqual(bytes("still here"));
    });
  });

  test.each([-1, 1.5, NaN, Infinity, "5", undefined])("throws for the size %p, with it in the text", async (size) => {
    await using client = await connectedToPeer();
    const attempt = () => receiveExactly(client.socket, size, soonMs);
    expect(attempt).toThrow(RangeError);
    expect(attempt).toThrow(
      `Cannot receive: byteSize must be a whole number from 0, received ${typeof size === "string" ? '"5"' : size}`,
    );
    await client.peer.send("not touched");
    expect(await receive(client.socket, soonMs)).toEqual(bytes("not touched"));
  });

  test("throws for a time that is no number", async () => {
    await using client = await connectedToPeer();
    expect(() => receiveExactly(client.socket, 1, NaN)).toThrow("timeoutMilliseconds must be a number, received NaN");
  });
});
