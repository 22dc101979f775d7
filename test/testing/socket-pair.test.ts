import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  createRuntime,
  err,
  getstat,
  lastError,
  ok,
  type OwnedSocket,
  peername,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  send,
  sendBuilder,
  shutdown,
  shutdownWrite,
  sockname,
  type TcpMessage,
  tcpMessages,
  unwrap,
} from "tankard";
import { createSimulatedClock, createSocketPair } from "tankard/testing";
import { inProcess, spawnPuppet, thrownBy } from "../support/in-process.ts";

const bytes = (text: string) => ok(Buffer.from(text));

describe("createSocketPair", () => {
  test("connects two sockets: what one sends the other receives, either way", async () => {
    const [one, other] = createSocketPair();
    unwrap(await send(one, "ping"));
    unwrap(await sendBuilder(one, [" and ", ["more"]]));
    expect(await receive(other, 1_000)).toEqual(bytes("ping and more"));
    unwrap(await send(other, "pong"));
    expect(await receiveExact(one, 4, 1_000)).toEqual(bytes("pong"));
    await Promise.all([close(one), close(other)]);
  });

  test("gives packets to an owner one ask at a time", () =>
    inProcess(async (self, { clock }) => {
      const [mine, other] = createSocketPair({ owner: self, buffer: 3 }, {}, { runtime: self.runtime });
      unwrap(await send(other, "abcdef"));
      const seen: TcpMessage[] = [];
      for (let asks = 0; asks < 2; asks++) {
        receiveNextPacketAsMessage(mine);
        seen.push(await self.receiveForever(tcpMessages));
      }
      expect(seen.map((message) => message.type === "Packet" && message.data.toString())).toEqual(["abc", "def"]);
      await clock.advance(1_000);
      expect(await self.receive(tcpMessages, 0)).toEqual(err("Timeout"));
      abort(other);
      receiveNextPacketAsMessage(mine);
      expect(await self.receiveForever(tcpMessages)).toEqual({ type: "SocketClosed", socket: mine });
      expect(lastError(mine)?.reason).toBe("Econnreset");
    }));

  test("takes its times from the owner's clock: a receive of an hour is over at once", () =>
    inProcess(async (self, { clock }) => {
      const [mine] = createSocketPair({ owner: self });
      const received = receive(mine, 3_600_000);
      await clock.advance(3_600_000);
      expect(await received).toEqual(err("Timeout"));
    }));

  test("takes latencyMs to the other end, in order, and the end behind it", () =>
    inProcess(async (self, { clock }) => {
      const [one, other] = createSocketPair({ owner: self }, {}, { latencyMs: 50, runtime: self.runtime });
      unwrap(await send(one, "first "));
      unwrap(await send(one, "second"));
      unwrap(await shutdownWrite(one));
      const received = receiveExact(other, 12, Infinity);
      await clock.advance(49);
      expect(unwrap(getstat(other)).recvOct).toBe(0);
      await clock.advance(1);
      expect(await received).toEqual(bytes("first second"));
      expect(await receive(other, 0)).toEqual(err("Closed"));
      await close(other);
    }));

  test("holds `capacity` bytes for a peer that does not read, then sends wait until it does", () =>
    inProcess(async (self) => {
      const end = { readAhead: 1, highWatermark: 100, lowWatermark: 50 };
      const [one, other] = createSocketPair({ ...end, owner: self }, end, { capacity: 1_000, runtime: self.runtime });
      unwrap(await send(one, "x".repeat(1_101)));
      expect(unwrap(getstat(one)).sendPend).toBe(101);
      let isAccepted = false;
      const waiting = send(one, "y").then((sent) => {
        isAccepted = true;
        return sent;
      });
      await new Promise(setImmediate);
      expect(isAccepted).toBe(false);
      expect(
        unwrap(await receiveExact(other, 1_102, 1_000))
          .subarray(-2)
          .toString(),
      ).toBe("xy");
      expect(await waiting).toEqual(ok());
      abort(other);
    }));

  test("closes with its owner: by a clean end, and by a reset over bytes that nobody has read", async () => {
    const runtime = createRuntime({ clock: createSimulatedClock() });
    for (const how of ["Closed", "Econnreset"] as const) {
      const { process, self } = await spawnPuppet(runtime);
      const [, other] = createSocketPair({ owner: self }, { showEconnreset: true }, { runtime });
      if (how === "Econnreset") unwrap(await send(other, "unread"));
      process.kill();
      expect(await receive(other, Infinity)).toEqual(err(how));
      await close(other);
    }
    await runtime.stop();
  });

  test("says Closed to who sends to an end that is gone, behind the one send that finds out", () =>
    inProcess(async (self) => {
      const [mine, other] = createSocketPair({ owner: self }, {}, { runtime: self.runtime });
      await close(other);
      expect(await send(mine, "one")).toEqual(ok());
      expect(await send(mine, "two")).toEqual(err("Closed"));
      expect(await send(mine, "three")).toEqual(err("Enotconn"));
    }));

  test("ends both ways by shutdown, and lets what had come be received", () =>
    inProcess(async (self) => {
      const [mine, other] = createSocketPair({ owner: self }, {}, { runtime: self.runtime });
      unwrap(await send(other, "had come"));
      expect(await shutdown(mine)).toEqual(ok());
      expect(await receive(mine, 0)).toEqual(bytes("had come"));
      expect(await receive(mine, 0)).toEqual(err("Closed"));
      expect(await receive(other, 0)).toEqual(err("Closed"));
      await close(other);
    }));

  test("has names for its ends, each the other's peer", async () => {
    const [one, other] = createSocketPair();
    expect(unwrap(peername(one))).toEqual(unwrap(sockname(other)));
    expect(unwrap(peername(other))).toEqual(unwrap(sockname(one)));
    await Promise.all([close(one), close(other)]);
  });

  test("types an end with an owner as one that can deliver messages, and the other as one that cannot", () =>
    inProcess((self) => {
      const [mine, other] = createSocketPair({ owner: self });
      const owned: OwnedSocket = mine;
      // @ts-expect-error it has no owner
      const unowned: OwnedSocket = other;
      expect(() => receiveNextPacketAsMessage(unowned)).toThrow("without an owner");
      expect(receiveNextPacketAsMessage(owned)).toEqual(ok());
      abort(other);
    }));

  test.each([
    [{ bufer: 1 }, {}, 'Cannot create a socket pair: unknown option "bufer", did you mean "buffer"?'],
    [{}, { latency: 1 }, 'Cannot create a socket pair: unknown option "latency", did you mean "latencyMs"?'],
    [{ buffer: 0 }, {}, "Cannot create a socket pair: buffer must be a whole number of bytes"],
    [{}, { capacity: 0 }, "Cannot create a socket pair: capacity must be a whole number of bytes"],
    [{}, { latencyMs: -1 }, "Cannot create a socket pair: latencyMs must be from 0"],
  ])("refuses options that no pair can have: %j %j", async (end, wire, text) => {
    const createAnything = createSocketPair as (...args: unknown[]) => unknown;
    expect(String(await thrownBy(() => createAnything(end, {}, wire)))).toContain(text);
  });
});
