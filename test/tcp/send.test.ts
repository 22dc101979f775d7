import { describe, expect, test } from "@jest/globals";
import {
  type BytesTree,
  close,
  createRuntime,
  err,
  getstat,
  lastError,
  ok,
  receive,
  receiveNextPacketAsMessage,
  send,
  sendBuilder,
  shutdown,
  shutdownWrite,
  unwrap,
} from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { until } from "../support/peer.ts";
import {
  bytes,
  connectedToPeer,
  nextMessage,
  open,
  pattern,
  pending,
  readAhead,
  socketClosed,
  socketKinds,
  soFar,
  soonMs,
  startProcess,
  unasked,
} from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

/** More than the kernel takes for a peer that does not read. */
const tooMuch = pattern(24 * 1024 * 1024);

// What a JavaScript caller can do: no type stands in its way.
const sendAnything = send as (socket: unknown, data: unknown) => unknown;
const buildAnything = sendBuilder as (socket: unknown, tree: unknown) => unknown;

describe("send", () => {
  describe.each(socketKinds)("to a socket that was %s", (kind) => {
    test("sends bytes as they are and a string as UTF-8, in order", async () => {
      await using client = await open(kind);
      expect(await send(client.socket, Uint8Array.of(0, 255, 10))).toEqual(ok());
      expect(await send(client.socket, "")).toEqual(ok());
      expect(await send(client.socket, "Übermut \u{1F37A}")).toEqual(ok());
      await close(client.socket);
      const { data } = await client.peer.readToEnd();
      expect(data).toEqual(Buffer.concat([Buffer.of(0, 255, 10), Buffer.from("Übermut \u{1F37A}")]));
    });

    test("accepts any size at once while little is queued, and all of it arrives", async () => {
      await using client = await open(kind);
      expect(await soFar(send(client.socket, tooMuch))).toEqual(ok());
      expect((await client.peer.receive(tooMuch.length)).equals(tooMuch)).toBe(true);
    });

    test("waits while more than highWatermark bytes are queued, even to send nothing", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const empty = send(client.socket, "");
      const next = send(client.socket, "next");
      expect(await soFar(empty)).toBe(pending);
      expect(await soFar(next)).toBe(pending);
      expect((await client.peer.receive(tooMuch.length + 4)).subarray(-4).toString()).toBe("next");
      expect(await empty).toEqual(ok());
      expect(await next).toEqual(ok());
    });

    test("that waits goes on once fewer than lowWatermark bytes are queued", async () => {
      await using client = await open(kind, { highWatermark: 200_000, lowWatermark: 100_000 });
      // In many writes, so that the queue gets shorter bit by bit.
      const written = await fill(client.socket, 10_000);
      const queuedAtOnce = unwrap(getstat(client.socket)).sendPend;
      expect(queuedAtOnce).toBeGreaterThan(200_000);

      let queuedWhenAccepted: number | undefined;
      const waiting = send(client.socket, "x").then(() => {
        queuedWhenAccepted = unwrap(getstat(client.socket)).sendPend;
      });
      await client.peer.receive(written + 1);
      await waiting;
      expect(queuedWhenAccepted).toBeLessThan(100_000 + 10_000);
    });

    test("keeps the order of those that wait", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const order: number[] = [];
      const waiting = Array.from({ length: 100 }, async (_, i) => {
        unwrap(await send(client.socket, `${i};`));
        order.push(i);
      });
      await client.peer.receive(tooMuch.length);
      await Promise.all(waiting);
      await close(client.socket);
      const expected = Array.from({ length: 100 }, (_, i) => i);
      expect((await client.peer.readToEnd()).data.toString()).toBe(expected.map((i) => `${i};`).join(""));
      expect(order).toEqual(expected);
    });

    test("says Closed to the first after a reset, then Enotconn", async () => {
      await using client = await open(kind);
      client.peer.reset();
      expect(await send(client.socket, "one")).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
      expect(await send(client.socket, "two")).toEqual(err("Enotconn"));
      expect(await shutdown(client.socket)).toEqual(err("Enotconn"));
    });

    test("says Econnreset to the first after a reset, with showEconnreset", async () => {
      await using client = await open(kind, { showEconnreset: true });
      client.peer.reset();
      expect(await send(client.socket, "one")).toEqual(err("Econnreset"));
      expect(await send(client.socket, "two")).toEqual(err("Enotconn"));
      expect(await receive(client.socket, 0)).toEqual(err("Econnreset"));
      expect(await receive(client.socket, 0)).toEqual(err("Enotconn"));
    });

    test("is accepted once after the peer has closed, then Closed, then Enotconn", async () => {
      await using client = await open(kind);
      client.peer.close();
      expect(await send(client.socket, "one")).toEqual(ok());
      await soFar(new Promise(() => undefined)); // the answer to it, a reset, takes no event of ours
      expect(await send(client.socket, "two")).toEqual(err("Closed"));
      expect(await send(client.socket, "three")).toEqual(err("Enotconn"));
    });

    test("that fails throws away what was read ahead", async () => {
      await using client = await open(kind);
      await readAhead(client, "unread");
      client.peer.reset();
      expect(await send(client.socket, "one")).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("still arrives after the peer has half-closed, until the end has been seen", async () => {
      await using client = await open(kind);
      await client.peer.halfClose();
      unwrap(await send(client.socket, "one "));
      unwrap(await send(client.socket, "two"));
      expect((await client.peer.receive(7)).toString()).toBe("one two");

      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await send(client.socket, "three")).toEqual(err("Closed"));
      expect(await send(client.socket, "four")).toEqual(err("Enotconn"));
      expect(await client.peer.readToEnd()).toEqual({ data: Buffer.alloc(0), how: "Fin" });
    });

    test("with exitOnClose false still arrives after the end has been seen", async () => {
      await using client = await open(kind, { exitOnClose: false });
      await client.peer.halfClose();
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      unwrap(await send(client.socket, "still here"));
      expect((await client.peer.receive(10)).toString()).toBe("still here");
    });

    test("that waits says Closed when the peer resets or closes, and receive then says it too", async () => {
      for (const how of ["reset", "close"] as const) {
        await using client = await open(kind);
        unwrap(await send(client.socket, tooMuch));
        const waiting = send(client.socket, "x");
        expect(await soFar(waiting)).toBe(pending);
        client.peer[how]();
        expect(await waiting).toEqual(err("Closed"));
        expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
        expect(await send(client.socket, "y")).toEqual(err("Enotconn"));
      }
    });

    test("that waits says Closed when the peer resets an armed socket, whose owner hears SocketClosed", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      receiveNextPacketAsMessage(client.socket);
      const waiting = send(client.socket, "x");
      expect(await soFar(waiting)).toBe(pending);
      client.peer.reset();
      expect(await waiting).toEqual(err("Closed"));
      expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
    });

    test("of nothing succeeds as long as nobody has noticed the end, and notices none", async () => {
      await using client = await open(kind);
      client.peer.reset();
      expect(await send(client.socket, "")).toEqual(ok());
      expect(await sendBuilder(client.socket, ["", [Buffer.alloc(0)]])).toEqual(ok());
      expect(unwrap(getstat(client.socket))).toMatchObject({ sendCnt: 2, sendOct: 0 });
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await send(client.socket, "")).toEqual(err("Closed"));
      expect(await send(client.socket, "")).toEqual(err("Enotconn"));

      await using ended = await open(kind);
      unwrap(await shutdown(ended.socket));
      expect(await send(ended.socket, "")).toEqual(ok());
      expect(await send(ended.socket, "x")).toEqual(err("Closed"));
    });

    test("says Econnreset where the queue was reset, with showEconnreset, and so does receive", async () => {
      await using client = await open(kind, { showEconnreset: true });
      unwrap(await send(client.socket, tooMuch));
      client.peer.reset();
      await until(() => lastError(client.socket) !== undefined, "the queue did not fail");
      expect(await send(client.socket, "x")).toEqual(err("Econnreset"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Econnreset"));
      expect(await send(client.socket, "y")).toEqual(err("Enotconn"));
    });

    test("that waits says Closed when the peer resets, and those behind it Enotconn", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const waiting = Promise.all(["x", "y", "z"].map((data) => send(client.socket, data)));
      expect(await soFar(waiting)).toBe(pending);
      client.peer.reset();
      expect(await waiting).toEqual([err("Closed"), err("Enotconn"), err("Enotconn")]);
    });

    test("behind a shutdown behind a send that waits lets that leave, and then says Closed", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const waiting = send(client.socket, "the last word");
      unwrap(await shutdown(client.socket));
      const tooLate = send(client.socket, "too late");
      expect(await soFar(tooLate)).toBe(pending);
      const { data, how } = await client.peer.readToEnd();
      expect([how, data.subarray(-13).toString()]).toEqual(["Fin", "the last word"]);
      expect(await Promise.all([waiting, tooLate])).toEqual([ok(), err("Closed")]);
    });

    test("whose queue breaks ends a receive that waits, and the next receive still says Closed", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const waiting = receive(client.socket, soonMs);
      client.peer.reset();
      expect(await waiting).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("with showEconnreset says Econnreset behind a shutdown, and a reset behind the peer's end is none", async () => {
      await using client = await open(kind, { showEconnreset: true });
      unwrap(await shutdown(client.socket));
      expect(await send(client.socket, "x")).toEqual(err("Econnreset"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Econnreset"));

      await using left = await open(kind, { showEconnreset: true });
      left.peer.close();
      unwrap(await send(left.socket, "x"));
      await turns(5); // the reset that answers it is here
      expect(await receive(left.socket, soonMs)).toEqual(err("Closed"));
      expect(await send(left.socket, "y")).toEqual(err("Closed"));
    });

    test("says Closed where the queue failed meanwhile, then Enotconn, and so does receive", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      client.peer.reset();
      await until(() => lastError(client.socket) !== undefined, "the queue did not fail");
      expect(await send(client.socket, "x")).toEqual(err("Closed"));
      expect(await send(client.socket, "y")).toEqual(err("Enotconn"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("says Closed after shutdown, and so does the receive after it, once", async () => {
      await using client = await open(kind);
      unwrap(await shutdown(client.socket));
      expect(await send(client.socket, "x")).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("says Closed after shutdownWrite, and receiving goes on", async () => {
      await using client = await open(kind);
      unwrap(await shutdownWrite(client.socket));
      expect(await send(client.socket, "x")).toEqual(err("Closed"));
      await client.peer.send("answer");
      expect(await receive(client.socket, soonMs)).toEqual(bytes("answer"));
    });

    test("many times in one turn arrives intact and in order", async () => {
      await using client = await open(kind);
      const parts = Array.from({ length: 2_000 }, (_, i) => pattern(i % 100, i));
      const results = await Promise.all(parts.map((part) => send(client.socket, part)));
      expect(new Set(results)).toEqual(new Set([ok()]));
      await close(client.socket);
      expect((await client.peer.readToEnd()).data.equals(Buffer.concat(parts))).toBe(true);
    });

    test("many times in one turn, and then close or shutdown in the same turn, loses nothing", async () => {
      for (const end of [close, shutdown]) {
        await using client = await open(kind);
        for (const part of ["one ", "two ", "three"]) void send(client.socket, part);
        const ended = end(client.socket);
        expect(await client.peer.readToEnd()).toEqual({ data: Buffer.from("one two three"), how: "Fin" });
        client.peer.close();
        await ended;
      }
    });
  });

  test("of two processes never interleaves", async () => {
    await using client = await connectedToPeer();
    const blocks = ["a", "b", "c", "d"].map((letter) => Buffer.alloc(200_000, letter));
    const senders = blocks.map(
      (block) =>
        client.self.spawn(async () => {
          for (let i = 0; i < 10; i++) unwrap(await send(client.socket, block));
        }).result,
    );
    const data = await client.peer.receive(4 * 10 * 200_000);
    await Promise.all(senders);
    for (let start = 0; start < data.length; start += 200_000) {
      const block = data.subarray(start, start + 200_000);
      expect(blocks.some((sent) => sent.equals(block))).toBe(true);
    }
  });

  test("that waits holds its own process only: others receive, and messages queue in order", async () => {
    await using client = await connectedToPeer();
    await using other = await startProcess();
    unwrap(await send(client.socket, tooMuch));
    const waiting = send(client.socket, "x");
    const words = client.self.newSubject<string>();
    words.send("one");
    words.send("two");
    await client.peer.send("hello");
    expect(await other.self.spawn(() => receive(client.socket, soonMs)).result).toEqual(bytes("hello"));
    await client.peer.receive(tooMuch.length + 1);
    unwrap(await waiting);
    expect(await client.self.receive(words, 0)).toEqual(ok("one"));
    expect(await client.self.receive(words, 0)).toEqual(ok("two"));
  });

  test("beyond sendQueueLimit is Enobufs: nothing of it is sent, and the others are not touched", async () => {
    await using client = await connectedToPeer({ sendQueueLimit: 10 });
    unwrap(await send(client.socket, tooMuch));
    const fits = send(client.socket, "12345678");
    expect(await send(client.socket, "too long")).toEqual(err("Enobufs"));
    const alsoFits = send(client.socket, "90");
    expect(await send(client.socket, "x")).toEqual(err("Enobufs"));
    await client.peer.receive(tooMuch.length);
    unwrap(await fits);
    unwrap(await alsoFits);
    unwrap(await send(client.socket, "!"));
    expect((await client.peer.receive(11)).toString()).toBe("1234567890!");
  });

  test("after sendTimeout is removed whole and says Timeout; the others go on", async () => {
    const clock = createSimulatedClock();
    await using client = await connectedToPeer({ sendTimeout: 1_000 }, createRuntime({ clock }));
    unwrap(await send(client.socket, tooMuch));
    const early = send(client.socket, "early");
    await clock.advance(600);
    const late = send(client.socket, "late");
    await clock.advance(399);
    expect(await soFar(early)).toBe(pending);
    await clock.advance(1);
    expect(await early).toEqual(err("Timeout"));
    expect(await soFar(late)).toBe(pending);

    await client.peer.receive(tooMuch.length);
    expect(await late).toEqual(ok());
    await close(client.socket);
    expect((await client.peer.readToEnd()).data.toString()).toBe("late");
  });

  test("that timed out gives its room in the queue back", async () => {
    const clock = createSimulatedClock();
    await using client = await connectedToPeer({ sendTimeout: 1_000, sendQueueLimit: 5 }, createRuntime({ clock }));
    unwrap(await send(client.socket, tooMuch));
    const first = send(client.socket, "12345");
    expect(await send(client.socket, "6")).toEqual(err("Enobufs"));
    await clock.advance(1_000);
    expect(await first).toEqual(err("Timeout"));
    expect(await soFar(send(client.socket, "abcde"))).toBe(pending);
  });

  test("that waits says Closed when the owner is killed, and its bytes leave all the same", async () => {
    await using client = await connectedToPeer();
    unwrap(await send(client.socket, tooMuch));
    const waiting = send(client.socket, "the last word");
    expect(await soFar(waiting)).toBe(pending);
    client.process.kill();
    expect(await waiting).toEqual(err("Closed"));
    const { data, how } = await client.peer.readToEnd();
    expect(how).toBe("Fin");
    expect(data.equals(Buffer.concat([tooMuch, Buffer.from("the last word")]))).toBe(true);
  });

  test("is for any process, owner or not", async () => {
    await using client = await connectedToPeer();
    await using other = await startProcess();
    expect(await other.self.spawn(() => send(client.socket, "from somebody")).result).toEqual(ok());
    expect((await client.peer.receive(13)).toString()).toBe("from somebody");
  });

  test("counts the bytes of a string, not its characters, as queued", async () => {
    await using client = await connectedToPeer();
    unwrap(await send(client.socket, "€".repeat(8 * 1024 * 1024)));
    expect(unwrap(getstat(client.socket)).sendPend).toBeGreaterThan(16 * 1024 * 1024);
  });

  test.each([
    [undefined, "undefined"],
    [5, "5"],
    [["a"], "[ 'a' ]"],
    [{ data: "x" }, "{ data: 'x' }"],
    [new Uint16Array([1]), "Uint16Array(1) [ 1 ]"],
  ])("throws for %p, with it in the text, and nothing is sent", async (data, text) => {
    await using client = await connectedToPeer();
    expect(() => sendAnything(client.socket, data)).toThrow(
      new TypeError(`Cannot send: expected bytes or a string, received ${text}`),
    );
    unwrap(await send(client.socket, "fine"));
    expect((await client.peer.receive(4)).toString()).toBe("fine");
  });

  test("throws for what is not a socket", () => {
    expect(() => sendAnything("socket", "x")).toThrow('Cannot send: expected a socket, received "socket"');
  });
});

describe("sendBuilder", () => {
  describe.each(socketKinds)("to a socket that was %s", (kind) => {
    test("sends the leaves of a tree in order", async () => {
      await using client = await open(kind);
      const tree = ["He", [["l", []], Buffer.from("lo")], [[[", "]]], Uint8Array.of(74, 111), "e!"];
      expect(await sendBuilder(client.socket, tree)).toEqual(ok());
      expect((await client.peer.receive(11)).toString()).toBe("Hello, Joe!");
    });

    test("sends 10,000 parts", async () => {
      await using client = await open(kind);
      unwrap(
        await sendBuilder(
          client.socket,
          Array.from({ length: 10_000 }, (_, i) => pattern(7, i)),
        ),
      );
      const expected = Buffer.concat(Array.from({ length: 10_000 }, (_, i) => pattern(7, i)));
      expect((await client.peer.receive(70_000)).equals(expected)).toBe(true);
    });
  });

  test("takes a leaf and an empty tree for what they are", async () => {
    await using client = await connectedToPeer();
    unwrap(await sendBuilder(client.socket, "leaf"));
    unwrap(await sendBuilder(client.socket, []));
    unwrap(await sendBuilder(client.socket, [[], [[]]]));
    await close(client.socket);
    expect((await client.peer.readToEnd()).data.toString()).toBe("leaf");
  });

  test("goes down 100,000 levels", async () => {
    await using client = await connectedToPeer();
    let tree: BytesTree = ["bottom"];
    for (let i = 0; i < 100_000; i++) tree = i % 1_000 === 0 ? [tree, "."] : [tree];
    unwrap(await sendBuilder(client.socket, tree));
    expect((await client.peer.receive(106)).toString()).toBe(`bottom${".".repeat(100)}`);
  });

  test("waits as one and is never interleaved with other sends", async () => {
    await using client = await connectedToPeer();
    unwrap(await send(client.socket, tooMuch));
    const all = Promise.all(["a", "b"].map((letter) => sendBuilder(client.socket, Array<string>(500).fill(letter))));
    expect(await soFar(all)).toBe(pending);
    const data = await client.peer.receive(tooMuch.length + 1_000);
    await all;
    expect(data.subarray(tooMuch.length).toString()).toBe("a".repeat(500) + "b".repeat(500));
  });

  test("beyond sendQueueLimit is Enobufs as a whole", async () => {
    await using client = await connectedToPeer({ sendQueueLimit: 10 });
    unwrap(await send(client.socket, tooMuch));
    expect(await sendBuilder(client.socket, ["12345", "12345", "1"])).toEqual(err("Enobufs"));
    const fits = sendBuilder(client.socket, ["12345", "67890"]);
    await client.peer.receive(tooMuch.length);
    unwrap(await fits);
    expect((await client.peer.receive(10)).toString()).toBe("1234567890");
  });

  test("throws for an invalid leaf, however deep, with it in the text, and nothing is sent", async () => {
    await using client = await connectedToPeer();
    for (const leaf of [5, null, undefined, {}, new Date(0)]) {
      expect(() => buildAnything(client.socket, ["sent?", [[["no", leaf]], "nor this"]])).toThrow(
        /^Cannot send: expected bytes or a string, received /,
      );
    }
    unwrap(await send(client.socket, "fine"));
    await close(client.socket);
    expect((await client.peer.readToEnd()).data.toString()).toBe("fine");
  });
});

/** Sends pieces until one has to wait, and says how many bytes that were. */
async function fill(socket: Parameters<typeof send>[0], pieceSize: number): Promise<number> {
  const piece = pattern(pieceSize);
  for (let sent = pieceSize; ; sent += pieceSize) {
    void send(socket, piece);
    const { sendPend } = unwrap(getstat(socket));
    if (sendPend > 200_000) return sent;
    if (sent % 1_000_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
