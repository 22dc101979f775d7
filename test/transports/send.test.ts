import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { close, createRuntime, err, getstat, ok, receive, send, sendBuilder, unwrap } from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { places } from "../support/places.ts";
import { bytes, pattern, pending, silenceMs, soFar, soonMs } from "../support/test-process.ts";

/** More than the kernel takes for a peer that does not read. */
const tooMuch = pattern(24 * 1024 * 1024);

describe.each(places)("who sends to a socket that $name", (place) => {
  test("brings bytes, text and trees of them to the peer, in order", async () => {
    await using client = await place.open();
    expect(await send(client.socket, Uint8Array.of(0, 255, 10))).toEqual(ok());
    expect(await send(client.socket, "")).toEqual(ok());
    expect(await send(client.socket, "Übermut \u{1F37A}")).toEqual(ok());
    expect(await sendBuilder(client.socket, [["one ", []], [[Buffer.from("two")]]])).toEqual(ok());
    const expected = Buffer.concat([Buffer.of(0, 255, 10), Buffer.from("Übermut \u{1F37A}one two")]);
    expect(await client.peer.receive(expected.length)).toEqual(expected);
  });

  test("sends many times in one turn, and loses nothing", async () => {
    await using client = await place.open();
    const parts = Array.from({ length: 1_000 }, (_, i) => pattern(i % 100, i));
    const results = await Promise.all(parts.map((part) => send(client.socket, part)));
    expect(new Set(results)).toEqual(new Set([ok()]));
    const expected = Buffer.concat(parts);
    expect((await client.peer.receive(expected.length)).equals(expected)).toBe(true);
  });

  test("sends many times in each of many turns, in order", async () => {
    await using client = await place.open();
    const parts = Array.from({ length: 300 }, (_, i) => pattern(i % 100, i));
    for (let first = 0; first < parts.length; first += 10) {
      const turn = parts.slice(first, first + (first % 30 === 0 ? 1 : 10)); // after a turn with one, and with many
      for (const part of turn) expect(await send(client.socket, part)).toEqual(ok());
      await new Promise(setImmediate);
    }
    const expected = Buffer.concat(parts.filter((_, i) => i % 30 < 1 || i % 30 >= 10));
    expect((await client.peer.receive(expected.length)).equals(expected)).toBe(true);
  });

  test("hears by the first of a turn that the connection is over, also after a turn with many", async () => {
    await using client = await place.open();
    for (const part of ["a", "b", "c"]) void send(client.socket, part);
    expect((await client.peer.receive(3)).toString()).toBe("abc");
    client.peer.reset();
    await delay(silenceMs); // on its way to this kernel, which tells nobody
    expect(await send(client.socket, "d")).toEqual(err("Closed"));
  });

  test("goes on at once however much it sends, and waits when it sends more, until that has left", async () => {
    await using client = await place.open();
    expect(await soFar(send(client.socket, tooMuch))).toEqual(ok());
    const next = send(client.socket, "next");
    expect(await soFar(next)).toBe(pending);
    expect(unwrap(getstat(client.socket)).sendPend).toBeGreaterThan(65_536);
    expect((await client.peer.receive(tooMuch.length)).equals(tooMuch)).toBe(true);
    expect(await next).toEqual(ok());
    expect((await client.peer.receive(4)).toString()).toBe("next");
  });

  test("goes on when fewer than lowWatermark bytes are queued", async () => {
    await using client = await place.open({ highWatermark: 200_000, lowWatermark: 100_000 });
    let accepted = 0;
    const piece = pattern(50_000);
    let waiting: Promise<unknown> | undefined;
    while (waiting === undefined) {
      const sending = send(client.socket, piece);
      accepted += piece.length;
      if ((await soFar(sending)) === pending) waiting = sending;
    }
    expect(unwrap(getstat(client.socket)).sendPend).toBeGreaterThan(200_000);
    const queuedWhenAccepted = waiting.then(() => unwrap(getstat(client.socket)).sendPend);
    await client.peer.receive(accepted);
    expect(await queuedWhenAccepted).toBeLessThan(100_000 + piece.length);
  });

  test("never has another sender's bytes among its own", async () => {
    await using client = await place.open();
    const blocks = ["a", "b", "c"].map((letter) => Buffer.alloc(100_000, letter));
    const senders = blocks.map(
      (block) =>
        client.self.spawn(async () => {
          for (let i = 0; i < 5; i++) unwrap(await send(client.socket, block));
        }).result,
    );
    const data = await client.peer.receive(3 * 5 * 100_000);
    await Promise.all(senders);
    for (let start = 0; start < data.length; start += 100_000) {
      const block = data.subarray(start, start + 100_000);
      expect(blocks.some((sent) => sent.equals(block))).toBe(true);
    }
  });

  test("is refused with Enobufs beyond sendQueueLimit, and nothing of that is sent", async () => {
    await using client = await place.open({ sendQueueLimit: 10 });
    unwrap(await send(client.socket, tooMuch));
    const fits = send(client.socket, "12345678");
    expect(await send(client.socket, "too long")).toEqual(err("Enobufs"));
    const alsoFits = send(client.socket, "90");
    await client.peer.receive(tooMuch.length);
    unwrap(await fits);
    unwrap(await alsoFits);
    unwrap(await send(client.socket, "!"));
    expect((await client.peer.receive(11)).toString()).toBe("1234567890!");
  });

  test("waits no longer than sendTimeout, and nothing of what timed out is sent", async () => {
    const clock = createSimulatedClock();
    await using client = await place.open({ sendTimeout: 1_000 }, createRuntime({ clock }));
    unwrap(await send(client.socket, tooMuch));
    const early = send(client.socket, "early");
    await clock.advance(600);
    const late = send(client.socket, "late");
    await clock.advance(399);
    expect(await soFar(early)).toBe(pending);
    await clock.advance(1);
    expect(await early).toEqual(err("Timeout"));
    await client.peer.receive(tooMuch.length);
    expect(await late).toEqual(ok());
    void close(client.socket);
    expect(await client.peer.readToEnd()).toEqual({ data: Buffer.from("late"), how: "Fin" });
  });

  test("receives while its sends wait", async () => {
    await using client = await place.open();
    unwrap(await send(client.socket, tooMuch));
    const waiting = send(client.socket, "x");
    await client.peer.send("hello");
    expect(await receive(client.socket, soonMs)).toEqual(bytes("hello"));
    await client.peer.receive(tooMuch.length + 1);
    expect(await waiting).toEqual(ok());
  });
});
