import { describe, expect, test } from "@jest/globals";
import {
  close,
  createRuntime,
  err,
  getstat,
  ok,
  receive,
  receiveNextPacketAsMessage,
  relay,
  type RelayedDirection,
  type RelayResult,
  send,
  setActive,
  shutdownWrite,
  type Socket,
  type SocketError,
  unwrap,
} from "tankard";
import { createSimulatedClock, createSocketPair } from "tankard/testing";
import type { Peer } from "../support/peer.ts";
import { until } from "../support/peer.ts";
import {
  bytes,
  type Connected,
  open,
  pattern,
  pending,
  readAhead,
  soFar,
  socketKinds,
  soonMs,
  type SocketKind,
} from "../support/test-process.ts";
import type { BothOptions } from "../support/transports.ts";
import { turns } from "../support/turns.ts";

const MiB = 1024 * 1024;
const large = 24 * MiB;

/** A proxy in the middle: `left` and `right` are the peers that it joins. */
interface Proxy extends AsyncDisposable {
  readonly a: Connected;
  readonly b: Connected;
  readonly left: Peer;
  readonly right: Peer;
}

async function proxy(kind: SocketKind, options: BothOptions = {}): Promise<Proxy> {
  const a = await open(kind, options);
  const b = await open(kind, options);
  return {
    a,
    b,
    left: a.peer,
    right: b.peer,
    [Symbol.asyncDispose]: async () => {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
}

function whole(byteSize: number): RelayedDirection {
  return { byteSize, end: ok() };
}

function cut(byteSize: number, reason: SocketError): RelayedDirection {
  return { byteSize, end: err(reason) };
}

function isGone(socket: Socket): boolean {
  const stat = getstat(socket);
  return !stat.ok && stat.error === "Closed";
}

/** What has been read of `from` and has not left by `to`. */
function heldBytes(from: Socket, to: Socket): number {
  const { recvOct } = unwrap(getstat(from));
  const { sendOct, sendPend } = unwrap(getstat(to));
  return recvOct - (sendOct - sendPend);
}

describe("relay", () => {
  describe.each(socketKinds)("of two sockets that were %s", (kind) => {
    test("lets each side hear the other, to the end of both", async () => {
      await using between = await proxy(kind);
      const { a, b, left, right } = between;
      const relaying = relay(a.socket, b.socket);
      await left.send("Hello, Mike!");
      expect((await right.receive(12)).toString()).toBe("Hello, Mike!");
      await right.send("Hello, Joe!");
      expect((await left.receive(11)).toString()).toBe("Hello, Joe!");
      await left.send("Bye");
      await left.halfClose();
      expect(await right.readToEnd()).toEqual({ data: Buffer.from("Bye"), how: "Fin" });
      await right.halfClose();
      expect(await left.readToEnd()).toEqual({ data: Buffer.alloc(0), how: "Fin" });
      expect(await relaying).toEqual({ aToB: whole(15), bToA: whole(11) });
      for (const socket of [a.socket, b.socket]) expect(isGone(socket)).toBe(true);
    });

    test("passes what was read ahead before it began", async () => {
      await using between = await proxy(kind);
      const { a, b, left, right } = between;
      await readAhead(a, "early");
      const relaying = relay(a.socket, b.socket);
      expect((await right.receive(5)).toString()).toBe("early");
      left.close();
      right.close();
      expect(await relaying).toEqual({ aToB: whole(5), bToA: whole(0) });
    });

    test.each(["left", "right"] as const)(
      "lets the other direction go on for as long as it likes when the %s side has ended",
      async (first) => {
        await using between = await proxy(kind);
        const relaying = relay(between.a.socket, between.b.socket);
        const [asking, answering] = first === "left" ? [between.left, between.right] : [between.right, between.left];
        await asking.send("request");
        await asking.halfClose();
        expect(await answering.readToEnd()).toEqual({ data: Buffer.from("request"), how: "Fin" });
        for (const part of ["a long ", "answer"]) {
          await answering.send(part);
          expect((await asking.receive(part.length)).toString()).toBe(part);
        }
        expect(await soFar(relaying)).toBe(pending);
        answering.close();
        expect(await asking.readToEnd()).toEqual({ data: Buffer.alloc(0), how: "Fin" });
        const result = await relaying;
        expect([result.aToB.end, result.bToA.end]).toEqual([ok(), ok()]);
        expect(first === "left" ? result.aToB.byteSize : result.bToA.byteSize).toBe(7);
      },
    );

    test("carries 24 MiB each way at once, intact, and holds no more than its bounds while nobody reads", async () => {
      await using between = await proxy(kind, { readAhead: 65_536, highWatermark: 65_536 });
      const { a, b, left, right } = between;
      const [there, back] = [pattern(large, 7), pattern(large, 100)];
      const relaying = relay(a.socket, b.socket);
      left.raw.end(there);
      right.raw.end(back);
      await until(() => heldBytes(a.socket, b.socket) > 0 && heldBytes(b.socket, a.socket) > 0, "Nothing piles up");
      for (let seen = -1; seen !== unwrap(getstat(a.socket)).recvOct;) {
        seen = unwrap(getstat(a.socket)).recvOct;
        await new Promise((resolve) => setTimeout(resolve, 100)); // that it stands still, only time shows
      }
      // readAhead and two reads of 64 KiB on the one side, highWatermark and a packet on the other; and the packet that waits
      // between them, which getstat counts as received and not sent, and as pending.
      const bound = 65_536 + 2 * 65_536 + 65_536 + 65_536 + 2 * 65_536;
      expect(heldBytes(a.socket, b.socket)).toBeLessThanOrEqual(bound);
      expect(heldBytes(b.socket, a.socket)).toBeLessThanOrEqual(bound);
      expect(unwrap(getstat(a.socket)).recvOct).toBeLessThan(large);

      let highest = 0;
      const watching = setInterval(() => {
        if (isGone(a.socket) || isGone(b.socket) || !getstat(a.socket).ok || !getstat(b.socket).ok) return;
        highest = Math.max(highest, heldBytes(a.socket, b.socket), heldBytes(b.socket, a.socket));
      }, 1);
      const [atRight, atLeft] = await Promise.all([right.readToEnd(), left.readToEnd()]);
      clearInterval(watching);
      expect([atRight.how, atLeft.how]).toEqual(["Fin", "Fin"]);
      expect(atRight.data.equals(there)).toBe(true);
      expect(atLeft.data.equals(back)).toBe(true);
      expect(highest).toBeLessThanOrEqual(bound);
      expect(await relaying).toEqual({ aToB: whole(large), bToA: whole(large) });
    });

    test.each(["left", "right"] as const)("resets the other side where the %s one resets", async (side) => {
      await using between = await proxy(kind);
      const relaying = relay(between.a.socket, between.b.socket);
      const [resetting, other] = side === "left" ? [between.left, between.right] : [between.right, between.left];
      await resetting.send("half of ");
      expect((await other.receive(8)).toString()).toBe("half of ");
      resetting.reset();
      expect((await other.readToEnd()).how).toBe("Rst");
      const { aToB, bToA } = await relaying;
      const [broken, ended] = side === "left" ? [aToB, bToA] : [bToA, aToB];
      expect(broken).toEqual(cut(8, "Econnreset"));
      expect(ended).toEqual(cut(0, "Closed"));
    });

    test("resets the other side where one resets directly behind its bytes", async () => {
      await using between = await proxy(kind);
      const relaying = relay(between.a.socket, between.b.socket);
      void between.left.send("half of ");
      between.left.reset();
      expect((await between.right.readToEnd()).how).toBe("Rst");
      expect((await relaying).aToB.end).toEqual(err("Econnreset"));
    });

    test("resets both where a side that had ended resets, and keeps what was whole", async () => {
      await using between = await proxy(kind);
      const { a, b, left, right } = between;
      const relaying = relay(a.socket, b.socket);
      await left.send("request");
      await left.halfClose();
      expect(await right.readToEnd()).toEqual({ data: Buffer.from("request"), how: "Fin" });
      left.reset();
      let failure: unknown;
      await until(() => {
        right.raw.write("answer", (error) => (failure ??= error));
        return failure !== undefined && failure !== null;
      }, "The right side does not hear of it");
      const { aToB, bToA } = await relaying;
      expect(aToB).toEqual(whole(7));
      expect(bToA.end.ok).toBe(false);
    });

    test("where one side closes before anything is the end of that direction, and a reset when the other sends", async () => {
      await using between = await proxy(kind);
      const relaying = relay(between.a.socket, between.b.socket);
      between.left.close();
      expect(await between.right.readToEnd()).toEqual({ data: Buffer.alloc(0), how: "Fin" });
      await between.right.halfClose();
      expect(await relaying).toEqual({ aToB: whole(0), bToA: whole(0) });

      await using again = await proxy(kind);
      again.left.close();
      const relayingAgain = relay(again.a.socket, again.b.socket);
      expect((await again.right.readToEnd()).how).toBe("Fin");
      await again.right.send("too late");
      await until(() => isGone(again.b.socket) || again.right.raw.destroyed || !again.right.raw.write("x"), "It lives");
      const { aToB, bToA } = await relayingAgain;
      expect(aToB).toEqual(whole(0));
      expect(bToA.end.ok).toBe(false);
    });

    test("resets both peers where the owner of either socket is killed", async () => {
      for (const side of ["a", "b"] as const) {
        await using between = await proxy(kind);
        const { left, right } = between;
        const relaying = relay(between.a.socket, between.b.socket);
        await left.send("half of ");
        expect((await right.receive(8)).toString()).toBe("half of ");
        between[side].process.kill();
        expect((await left.readToEnd()).how).toBe("Rst");
        expect((await right.readToEnd()).how).toBe("Rst");
        expect(await relaying).toEqual({ aToB: cut(8, "Closed"), bToA: cut(0, "Closed") });
      }
    });

    test("resets both peers where somebody closes a socket meanwhile", async () => {
      await using between = await proxy(kind);
      const relaying = relay(between.a.socket, between.b.socket);
      await close(between.a.socket);
      expect((await between.left.readToEnd()).how).toBe("Rst");
      expect((await between.right.readToEnd()).how).toBe("Rst");
      expect(await relaying).toEqual({ aToB: cut(0, "Closed"), bToA: cut(0, "Closed") });
    });

    test("resets both peers where a send takes longer than sendTimeout", async () => {
      await using a = await open(kind);
      await using b = await open(kind, { sendTimeout: 50, highWatermark: 1_000, lowWatermark: 500 });
      const relaying = relay(a.socket, b.socket);
      const flood = a.peer.flood(100_000_000);
      const { aToB, bToA } = await relaying;
      expect(aToB.end).toEqual(err("Timeout"));
      expect(bToA).toEqual(cut(0, "Closed"));
      expect((await b.peer.readToEnd()).how).toBe("Rst");
      expect(flood.taken).toBeLessThan(100_000_000);
    });

    test("is Einval, and resets both, where a socket is armed, for one packet or more", async () => {
      for (const arm of [receiveNextPacketAsMessage, (socket: Connected["socket"]) => setActive(socket, 2)]) {
        await using between = await proxy(kind);
        const { a, b, left, right } = between;
        arm(b.socket);
        expect(await relay(a.socket, b.socket)).toEqual({ aToB: cut(0, "Einval"), bToA: cut(0, "Einval") });
        expect((await left.readToEnd()).how).toBe("Rst");
        expect((await right.readToEnd()).how).toBe("Rst");
      }
    });

    test("is Ealready where somebody else receives, and Closed for a socket that is closed", async () => {
      await using between = await proxy(kind);
      const receiving = receive(between.a.socket, soonMs);
      expect((await relay(between.a.socket, between.b.socket)).aToB).toEqual(cut(0, "Ealready"));
      expect(await receiving).toEqual(err("Closed"));

      await using other = await proxy(kind);
      await close(other.a.socket);
      expect((await relay(other.a.socket, other.b.socket)).aToB).toEqual(cut(0, "Closed"));
      expect((await other.right.readToEnd()).how).toBe("Rst");
    });
  });

  test("says Timeout of what did not leave within linger", async () => {
    const clock = createSimulatedClock();
    const runtime = createRuntime({ clock });
    await using a = await open("connected", {}, runtime);
    await using b = await open("connected", { linger: 5_000, highWatermark: large, readAhead: large }, runtime);
    const relaying = relay(a.socket, b.socket);
    await b.peer.halfClose();
    const data = pattern(8 * MiB);
    await a.peer.send(data);
    await a.peer.halfClose();
    await until(() => !getstat(a.socket).ok && !getstat(b.socket).ok, "The two ends do not come");
    expect(await soFar(relaying)).toBe(pending);
    await clock.advance(5_000);
    const { aToB, bToA } = await relaying;
    expect([aToB, bToA]).toEqual([cut(data.length, "Timeout"), whole(0)]);
    expect((await b.peer.readToEnd()).data.length).toBeLessThan(data.length);
  });

  test("joins a socket that was connected and one over a unix socket", async () => {
    await using a = await open("accepted");
    await using b = await open("connected over a unix socket");
    const relaying = relay(a.socket, b.socket);
    await a.peer.send("across");
    a.peer.close();
    expect(await b.peer.readToEnd()).toEqual({ data: Buffer.from("across"), how: "Fin" });
    b.peer.close();
    expect(await relaying).toEqual({ aToB: whole(6), bToA: whole(0) });
  });

  test("throws for the same socket twice, and for what is no socket", async () => {
    await using client = await open("connected");
    expect(() => relay(client.socket, client.socket)).toThrow(
      "Cannot relay: expected two sockets, received the same one twice",
    );
    expect(() => relay(client.socket, {} as Socket)).toThrow("Cannot relay: expected a socket, received {}");
    unwrap(await send(client.socket, "unharmed"));
  });

  describe("in memory", () => {
    test("carries both directions to their ends", async () => {
      const [left, a] = createSocketPair();
      const [b, right] = createSocketPair();
      const relaying = relay(a, b);
      unwrap(await send(left, "Hello, Mike!"));
      expect(await receive(right, soonMs)).toEqual(bytes("Hello, Mike!"));
      unwrap(await send(right, "Hello, Joe!"));
      expect(await receive(left, soonMs)).toEqual(bytes("Hello, Joe!"));
      unwrap(await shutdownWrite(left));
      expect(await receive(right, soonMs)).toEqual(err("Closed"));
      await close(right);
      expect(await relaying).toEqual({ aToB: whole(12), bToA: whole(11) } satisfies RelayResult);
    });

    test("goes on with the answer behind the end of the request, through three relays in a row", async () => {
      const [client, first] = createSocketPair({ exitOnClose: false });
      const [second, third] = createSocketPair();
      const [fourth, server] = createSocketPair({}, { exitOnClose: false });
      const relays = [relay(first, second), relay(third, fourth)];
      const request = pattern(300_000);
      const sending = send(client, request).then(() => shutdownWrite(client));
      const received: Buffer[] = [];
      for (;;) {
        const packet = await receive(server, soonMs);
        if (!packet.ok) break;
        received.push(packet.value);
      }
      unwrap(await sending);
      expect(Buffer.concat(received).equals(request)).toBe(true);
      unwrap(await send(server, "answer"));
      await close(server);
      expect(await receive(client, soonMs)).toEqual(bytes("answer"));
      expect(await receive(client, soonMs)).toEqual(err("Closed"));
      for (const result of await Promise.all(relays)) {
        expect(result).toEqual({ aToB: whole(request.length), bToA: whole(6) });
      }
    });

    test("holds no more than its bounds for a reader that does not read", async () => {
      const [left, a] = createSocketPair({ sendQueueLimit: large });
      const [b, right] = createSocketPair({}, {}, { capacity: 65_536 });
      const relaying = relay(a, b);
      const sends = Array.from({ length: 64 }, () => send(left, Buffer.alloc(65_536)));
      await turns(50);
      const held = unwrap(getstat(a)).recvOct - unwrap(getstat(b)).sendOct; // in memory, what is queued is not sent
      expect(held).toBeLessThanOrEqual(5 * 65_536);
      expect(unwrap(getstat(a)).recvOct).toBeLessThan(64 * 65_536);
      await Promise.all([close(right), relaying]);
      expect((await Promise.all(sends)).every(({ ok: isSent }) => isSent)).toBe(false);
    });
  });
});
