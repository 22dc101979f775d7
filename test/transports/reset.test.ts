import { describe, expect, test } from "@jest/globals";
import { close, controllingProcess, err, lastError, receive, receiveNextPacketAsMessage, send, unwrap } from "tankard";
import { moments, useEverything } from "../support/moments.ts";
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
  startProcess,
  tcpError,
  unasked,
} from "../support/test-process.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

/** More than the kernel takes for a peer that does not read. */
const tooMuch = pattern(24 * 1024 * 1024);

describe.each(places)("a peer that resets a socket that $name", (place) => {
  test("is an end to the owner that has asked, and to nobody else; lastError tells", async () => {
    await using client = await place.open();
    receiveNextPacketAsMessage(client.socket);
    client.peer.reset();
    expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
    expect(await unasked(client.self)).toEqual(err("Timeout"));
    expect(lastError(client.socket)?.reason).toBe(place.hasReset ? "Econnreset" : undefined);
  });

  test("is an error directly before the end with showEconnreset", async () => {
    await using client = await place.open({ showEconnreset: true });
    receiveNextPacketAsMessage(client.socket);
    client.peer.reset();
    const told = [await nextMessage(client.self), await inMailbox(client.self), await unasked(client.self)];
    const end = [...(place.hasReset ? [tcpError(client.socket, "Econnreset")] : []), socketClosed(client.socket)];
    expect(told.filter(({ ok }) => ok)).toEqual(end);
  });

  test.each([false, true])("is told to a receive, once, with showEconnreset %p", async (showEconnreset) => {
    await using client = await place.open({ showEconnreset });
    const waiting = receive(client.socket, soonMs);
    client.peer.reset();
    expect(await waiting).toEqual(err(showEconnreset && place.hasReset ? "Econnreset" : "Closed"));
    expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    receiveNextPacketAsMessage(client.socket);
    expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
    expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
  });

  test("takes nothing back of what was read before", async () => {
    await using client = await place.open();
    await readAhead(client, "had come");
    client.peer.reset();
    receiveNextPacketAsMessage(client.socket);
    expect(await inMailbox(client.self)).toEqual(packet(client.socket, "had come"));
    receiveNextPacketAsMessage(client.socket);
    expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));

    await using other = await place.open();
    await readAhead(other, "had come");
    other.peer.reset();
    expect(await receive(other.socket, soonMs)).toEqual(bytes("had come"));
    expect(await receive(other.socket, soonMs)).toEqual(err("Closed"));
  });

  test("lets a send that waits say Closed, and those behind it Enotconn", async () => {
    await using client = await place.open();
    unwrap(await send(client.socket, tooMuch));
    const waiting = Promise.all(["x", "y", "z"].map((data) => send(client.socket, data)));
    expect(await soFar(waiting)).toBe(pending);
    client.peer.reset();
    expect(await waiting).toEqual([err("Closed"), err("Enotconn"), err("Enotconn")]);
  });

  test("lets sends say Closed as soon as that is known, once, and then Enotconn", async () => {
    await using client = await place.open();
    client.peer.reset();
    let sent = await send(client.socket, "x");
    for (let left = 1_000; sent.ok && left > 0; left--) {
      await turns(1); // a write may be accepted before it fails
      sent = await send(client.socket, "x");
    }
    expect(sent).toEqual(err("Closed"));
    expect(await send(client.socket, "x")).toEqual(err("Enotconn"));
  });

  test.each(moments)("is never an uncaught exception, nor one that closes: %s", async (_, act) => {
    const errors = await uncaughtDuring(async () => {
      for (const end of ["reset", "close"] as const) {
        await using client = await place.open();
        await act(client);
        client.peer[end]();
        await useEverything(client);
      }
    });
    expect(errors).toEqual([]);
  });

  test("before anybody owns it is never an uncaught exception: who takes it then hears of the end", async () => {
    const errors = await uncaughtDuring(async () => {
      for (let moment = 0; moment < 4; moment++) {
        await using link = await place.link({});
        await using owner = await startProcess();
        link.peer.reset();
        await turns(moment);
        const socket = unwrap(controllingProcess(link.socket, owner.self));
        receiveNextPacketAsMessage(socket);
        expect(await nextMessage(owner.self)).toEqual(socketClosed(socket));
        await close(socket);
      }
    });
    expect(errors).toEqual([]);
  });
});
