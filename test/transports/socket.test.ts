import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "@jest/globals";
import { err, getstat, peername, receive, ref, send, sockname, toDuplex, unref, unwrap } from "tankard";
import { until } from "../support/peer.ts";
import { places } from "../support/places.ts";
import { bytes, pattern, readAhead, soonMs } from "../support/test-process.ts";

describe.each(places)("a socket that $name", (place) => {
  test("says its names, which are the peer's the other way round", async () => {
    await using client = await place.open();
    const { socket, peer } = client;
    const { here, there } = peer.ports;
    expect([unwrap(peername(socket)).port, unwrap(sockname(socket)).port]).toEqual([here, there]);
    expect(unwrap(peername(socket)).address).toBe(unwrap(sockname(socket)).address);
    peer.close();
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    expect([peername(socket), sockname(socket), getstat(socket)]).toEqual(Array(3).fill(err("Enotconn")));
  });

  test("counts what it has received, taken or not, and sent", async () => {
    await using client = await place.open();
    const { socket, peer } = client;
    const { sendPend, ...before } = unwrap(getstat(socket)); // of a handshake, and what goes before it
    expect(sendPend).toBe(0);
    unwrap(await send(socket, "héllo"));
    unwrap(await send(socket, Buffer.alloc(10)));
    await peer.receive(16);
    await readAhead(client, "12345");
    expect(unwrap(getstat(socket))).toMatchObject({
      recvOct: before.recvOct + 5,
      recvCnt: before.recvCnt + 1,
      sendCnt: before.sendCnt + 2,
      sendPend: 0,
    });
    expect(unwrap(getstat(socket)).sendOct - before.sendOct).toBeGreaterThanOrEqual(16);
    expect(await receive(socket, soonMs)).toEqual(bytes("12345"));
  });

  test("is a stream by toDuplex: it carries megabytes in both directions, and both ends close the socket", async () => {
    await using client = await place.open();
    const data = pattern(3_000_000);
    const duplex = toDuplex(client.socket);
    const echoing = pipeline(duplex, duplex);
    const [{ data: echoed, how }] = await Promise.all([
      client.peer.readToEnd(),
      client.peer.send(data).then(() => client.peer.halfClose()),
    ]);
    expect([echoed.equals(data), how]).toEqual([true, "Fin"]);
    await echoing;
    await until(() => !getstat(client.socket).ok, "The socket is not closed");
  });

  test("is a stream that answers behind the peer's end, and ends by its own", async () => {
    await using client = await place.open();
    const duplex = toDuplex(client.socket);
    await client.peer.send("question");
    await client.peer.halfClose();
    const question: Buffer[] = [];
    duplex.on("data", (data: Buffer) => question.push(data));
    await once(duplex, "end");
    expect(Buffer.concat(question).toString()).toBe("question");
    duplex.end("answer");
    expect(await client.peer.readToEnd()).toEqual({ data: Buffer.from("answer"), how: "Fin" });
  });

  test("is cut by a stream that is destroyed", async () => {
    await using client = await place.open();
    toDuplex(client.socket).destroy();
    expect((await client.peer.readToEnd()).how).toMatch(place.howCut);
    expect(getstat(client.socket)).toEqual(err("Closed"));
  });
});

describe.each(places.filter(({ hasReset }) => hasReset))("a stream of a socket that $name", (place) => {
  test("fails where the peer resets: what was cut does not look whole", async () => {
    await using client = await place.open();
    const duplex = toDuplex(client.socket);
    const failed = once(duplex, "error") as Promise<[unknown]>;
    duplex.resume();
    const half = once(duplex, "data");
    await client.peer.send("half of it");
    await half;
    client.peer.reset();
    expect((await failed)[0]).toMatchObject({ code: "Econnreset" });
  });
});

describe.each(places.filter(({ hasHandle }) => hasHandle))("unref of a socket that $name", (place) => {
  test("takes its hold on the program, and ref gives it back", async () => {
    await using client = await place.open();
    const before = holds();
    unref(client.socket);
    expect(holds()).toBeLessThan(before);
    ref(client.socket);
    expect(holds()).toBe(before);
  });
});

/** How many sockets keep this program running. */
function holds(): number {
  return process.getActiveResourcesInfo().filter((kind) => /^(TCP|Pipe|TLS)/.test(kind)).length;
}
