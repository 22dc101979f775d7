import { describe, expect, test } from "@jest/globals";
import { err, receive, receiveExact, receiveNextPacketAsMessage } from "tankard";
import { places } from "../support/places.ts";
import {
  bytes,
  nextMessage,
  packet,
  pattern,
  pending,
  readAhead,
  silenceMs,
  soFar,
  soonMs,
} from "../support/test-process.ts";

describe.each(places)("who receives from a socket that $name", (place) => {
  test("gets what has come, and waits for it where nothing has", async () => {
    await using client = await place.open();
    await client.peer.send("here");
    expect(await receive(client.socket, soonMs)).toEqual(bytes("here"));
    const waiting = receive(client.socket, Infinity);
    expect(await soFar(waiting)).toBe(pending);
    await client.peer.send("later");
    expect(await waiting).toEqual(bytes("later"));
  });

  test("gets what came too late the next time", async () => {
    await using client = await place.open();
    expect(await receive(client.socket, silenceMs)).toEqual(err("Timeout"));
    await client.peer.send("late");
    expect(await receive(client.socket, soonMs)).toEqual(bytes("late"));
    expect(await receive(client.socket, 0)).toEqual(err("Timeout"));
  });

  test("gets a packet of `buffer` bytes at most, and the rest of them next", async () => {
    await using client = await place.open({ buffer: 4 });
    await readAhead(client, "1234567");
    expect(await receive(client.socket, soonMs)).toEqual(bytes("1234"));
    expect(await receive(client.socket, soonMs)).toEqual(bytes("567"));
  });

  test("gets exactly so many bytes, waits until there are, and leaves the others", async () => {
    await using client = await place.open();
    await client.peer.send("Hello, J");
    expect(await receiveExact(client.socket, 7, soonMs)).toEqual(bytes("Hello, "));
    const waiting = receiveExact(client.socket, 4, soonMs);
    expect(await soFar(waiting)).toBe(pending);
    await client.peer.send("oe! More");
    expect(await waiting).toEqual(bytes("Joe!"));
    receiveNextPacketAsMessage(client.socket);
    expect(await nextMessage(client.self)).toEqual(packet(client.socket, " More"));
  });

  test("loses nothing of a receiveExact that was in vain, however it asks next", async () => {
    await using client = await place.open();
    await client.peer.send("hel");
    expect(await receiveExact(client.socket, 5, silenceMs)).toEqual(err("Timeout"));
    await client.peer.send("lo, Joe!");
    expect(await receiveExact(client.socket, 5, soonMs)).toEqual(bytes("hello"));
    expect(await receiveExact(client.socket, 20, silenceMs)).toEqual(err("Timeout"));
    expect(await receive(client.socket, soonMs)).toEqual(bytes(", Joe!"));
  });

  test("gets many times more than is read ahead by receiveExact", async () => {
    await using client = await place.open({ readAhead: 1_000 });
    const data = pattern(2_000_000);
    const received = receiveExact(client.socket, data.length, soonMs);
    await client.peer.send(data);
    const result = await received;
    expect(result.ok && result.value.equals(data)).toBe(true);
  });

  test("gets what came before the end, then Closed, then Enotconn", async () => {
    await using client = await place.open();
    await client.peer.send("last words");
    client.peer.close();
    expect(await receiveExact(client.socket, 5, soonMs)).toEqual(bytes("last "));
    expect(await receive(client.socket, soonMs)).toEqual(bytes("words"));
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
  });

  test("is told of an end that comes while it waits", async () => {
    await using client = await place.open();
    const waiting = receiveExact(client.socket, 5, Infinity);
    await client.peer.send("half");
    expect(await soFar(waiting)).toBe(pending);
    client.peer.close();
    expect(await waiting).toEqual(err("Closed"));
  });

  test("is kept out while the owner has asked, and beside another one", async () => {
    await using client = await place.open();
    const waiting = receive(client.socket, soonMs);
    expect(await receive(client.socket, soonMs)).toEqual(err("Ealready"));
    await client.peer.send("for the first");
    expect(await waiting).toEqual(bytes("for the first"));
    receiveNextPacketAsMessage(client.socket);
    expect(await receive(client.socket, soonMs)).toEqual(err("Einval"));
  });
});
