import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  createRuntime,
  err,
  getstat,
  lastError,
  ok,
  receive,
  receiveNextPacketAsMessage,
  send,
  shutdown,
  shutdownWrite,
  unwrap,
} from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { within } from "../support/peer.ts";
import { places } from "../support/places.ts";
import {
  bytes,
  inMailbox,
  nextMessage,
  packet,
  pattern,
  pending,
  readAhead,
  socketClosed,
  soFar,
  soonMs,
  unasked,
} from "../support/test-process.ts";

/** More than the kernel takes for a peer that does not read. */
const tooMuch = pattern(24 * 1024 * 1024);
const lastWord = Buffer.from("the last word");
const nothing = Buffer.alloc(0);

describe.each(places)("the end of a socket that $name", (place) => {
  test("by shutdownWrite comes behind what is queued and what waits, and receiving goes on", async () => {
    await using client = await place.open();
    const { self, socket, peer } = client;
    unwrap(await send(socket, tooMuch));
    const waiting = send(socket, lastWord);
    expect(await shutdownWrite(socket)).toEqual(ok());
    const { data, how } = await peer.readToEnd();
    expect([data.equals(Buffer.concat([tooMuch, lastWord])), how]).toEqual([true, "Fin"]);
    expect(await waiting).toEqual(ok());
    expect(await send(socket, "too late")).toEqual(err("Closed"));

    await peer.send("answer");
    expect(await receive(socket, soonMs)).toEqual(bytes("answer"));
    receiveNextPacketAsMessage(socket);
    await peer.send("message");
    expect(await nextMessage(self)).toEqual(packet(socket, "message"));
    await peer.halfClose();
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
  });

  test("on the peer's side lets sends leave until it has been seen, and with exitOnClose false after that", async () => {
    for (const exitOnClose of [true, false]) {
      await using client = await place.open({ exitOnClose });
      await client.peer.halfClose();
      unwrap(await send(client.socket, "before "));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await send(client.socket, "after")).toEqual(exitOnClose ? err("Closed") : ok());
      await close(client.socket);
      const arrived = Buffer.from(exitOnClose ? "before " : "before after");
      expect(await client.peer.readToEnd()).toEqual({ data: arrived, how: "Fin" });
    }
  });

  test("by shutdown comes behind what is queued, and what had come is received before Closed", async () => {
    await using client = await place.open();
    const { socket, peer } = client;
    await readAhead(client, "had come");
    unwrap(await send(socket, tooMuch));
    const waiting = send(socket, lastWord);
    expect(await shutdown(socket)).toEqual(ok());
    const { data, how } = await peer.readToEnd();
    expect([data.equals(Buffer.concat([tooMuch, lastWord])), how]).toEqual([true, "Fin"]);
    expect(await waiting).toEqual(ok());
    expect(await receive(socket, soonMs)).toEqual(bytes("had come"));
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    expect(await receive(socket, soonMs)).toEqual(err("Enotconn"));
  });

  test("by shutdown is ok where the peer has closed and nobody has seen it, then Enotconn, and nothing went wrong", async () => {
    await using client = await place.open();
    client.peer.close();
    expect(await shutdown(client.socket)).toEqual(ok());
    expect(await shutdown(client.socket)).toEqual(err("Enotconn"));
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    expect(lastError(client.socket)).toBeUndefined();
  });

  test("by shutdown is told to the owner that has asked at once, once", async () => {
    await using client = await place.open();
    receiveNextPacketAsMessage(client.socket);
    void shutdown(client.socket);
    expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
    expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
    expect(await unasked(client.self)).toEqual(err("Timeout"));
    expect(await client.peer.readToEnd()).toEqual({ data: nothing, how: "Fin" });
  });

  test("by close makes it gone at once for everybody, and what is queued leaves before the end", async () => {
    await using client = await place.open();
    const { socket, peer } = client;
    unwrap(await send(socket, tooMuch));
    const waiting = send(socket, lastWord);
    const closed = close(socket);
    expect(getstat(socket)).toEqual(err("Closed"));
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    expect(await send(socket, "x")).toEqual(err("Closed"));
    expect(await shutdown(socket)).toEqual(err("Closed"));
    expect(await waiting).toEqual(err("Closed"));
    const { data, how } = await peer.readToEnd();
    expect([data.equals(Buffer.concat([tooMuch, lastWord])), how]).toEqual([true, "Fin"]);
    await within(closed, "close does not resolve");
  });

  test("in the turn of the sends before it loses none of them", async () => {
    for (const end of [close, shutdown, shutdownWrite]) {
      await using client = await place.open();
      for (const part of ["one ", "two ", "three"]) void send(client.socket, part);
      void end(client.socket);
      expect(await client.peer.readToEnd()).toEqual({ data: Buffer.from("one two three"), how: "Fin" });
    }
  });

  test.each(["returns", "is killed"])("comes when its owner %s, behind what is queued", async (how) => {
    await using client = await place.open();
    unwrap(await send(client.socket, tooMuch));
    const waiting = send(client.socket, lastWord);
    if (how === "returns") client.end();
    else client.process.kill();
    await client.process.exited;
    expect(getstat(client.socket)).toEqual(err("Closed"));
    expect(await waiting).toEqual(err("Closed"));
    const stream = await client.peer.readToEnd();
    expect([stream.data.equals(Buffer.concat([tooMuch, lastWord])), stream.how]).toEqual([true, "Fin"]);
  });

  test("by close over bytes that nobody has received is a cut, of the queue too", async () => {
    await using client = await place.open();
    await readAhead(client, "unread");
    unwrap(await send(client.socket, tooMuch));
    await close(client.socket);
    const { data, how } = await client.peer.readToEnd();
    expect(how).toMatch(place.howCut);
    expect(data.length).toBeLessThan(tooMuch.length);
    expect(data.equals(tooMuch.subarray(0, data.length))).toBe(true);
  });

  test("by close over bytes that nobody has even read is a cut", async () => {
    await using client = await place.open();
    await client.peer.send("unread");
    await close(client.socket);
    expect((await client.peer.readToEnd()).how).toMatch(place.howCut);
  });

  test("by abort is a cut, at once, whatever is queued or waits", async () => {
    await using client = await place.open();
    unwrap(await send(client.socket, tooMuch));
    const waiting = send(client.socket, lastWord);
    abort(client.socket);
    expect(await waiting).toEqual(err("Closed"));
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    const { data, how } = await client.peer.readToEnd();
    expect(how).toMatch(place.howCut);
    expect(data.length).toBeLessThan(tooMuch.length);
  });

  test("by abort of an idle connection is a cut, and cuts a close short that is still leaving", async () => {
    await using idle = await place.open();
    abort(idle.socket);
    abort(idle.socket);
    expect(await idle.peer.readToEnd()).toEqual({ data: nothing, how: expect.stringMatching(place.howCut) as unknown });

    await using leaving = await place.open();
    unwrap(await send(leaving.socket, tooMuch));
    const closed = close(leaving.socket);
    abort(leaving.socket);
    await within(closed, "close does not resolve");
    const { data, how } = await leaving.peer.readToEnd();
    expect(how).toMatch(place.howCut);
    expect(data.length).toBeLessThan(tooMuch.length);
  });

  test.each([
    ["close", close],
    ["shutdown", shutdown],
  ])("by %s is a cut after linger milliseconds where the peer does not read", async (_, end) => {
    const clock = createSimulatedClock();
    await using client = await place.open({ linger: 5_000 }, createRuntime({ clock }));
    unwrap(await send(client.socket, tooMuch));
    void end(client.socket);
    await clock.advance(5_000);
    const { data, how } = await client.peer.readToEnd();
    expect(how).toMatch(place.howCut);
    expect(data.length).toBeLessThan(tooMuch.length);
  });

  test("by close resolves for each of several calls, also where the peer has gone", async () => {
    await using client = await place.open();
    await Promise.all([close(client.socket), close(client.socket)]);
    await close(client.socket);

    await using other = await place.open();
    unwrap(await send(other.socket, tooMuch));
    const closed = close(other.socket);
    expect(await soFar(closed)).toBe(pending);
    other.peer.reset();
    await within(closed, "close does not resolve");
  });
});
