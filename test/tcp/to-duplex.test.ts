import { once } from "node:events";
import { Readable, Transform, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import {
  close,
  err,
  getstat,
  Killed,
  receiveNextPacketAsMessage,
  send,
  shutdownWrite,
  type Socket,
  toDuplex,
  unwrap,
} from "tankard";
import { echoServer, until, within } from "../support/peer.ts";
import { connectedTo, open, pattern, socketKinds } from "../support/test-process.ts";

describe("toDuplex", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("reads what comes, to the end", async () => {
      await using client = await open(kind);
      const reading = text(toDuplex(client.socket));
      await client.peer.send("Hello, ");
      await client.peer.send("Joe!");
      await client.peer.halfClose();
      expect(await reading).toBe("Hello, Joe!");
    });

    test("writes, ends our side behind it, and both ends together close the socket", async () => {
      await using client = await open(kind);
      const duplex = toDuplex(client.socket);
      duplex.write("Hello, ");
      duplex.end("Joe!");
      expect(await client.peer.readToEnd()).toEqual({ data: Buffer.from("Hello, Joe!"), how: "Fin" });
      await client.peer.send("answer");
      await client.peer.halfClose();
      expect(await text(duplex)).toBe("answer");
      await until(() => !getstat(client.socket).ok, "The socket is not closed");
      expect(getstat(client.socket)).toEqual(err("Closed"));
    });

    test("answers a peer that half-closes behind its request, in its own time", async () => {
      await using client = await open(kind);
      const slow = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          setTimeout(() => done(null, chunk.toString().toUpperCase()), 20); // a handler that takes a while
        },
      });
      const duplex = toDuplex(client.socket);
      const answering = pipeline(duplex, slow, duplex);
      await client.peer.send("request");
      await client.peer.halfClose();
      expect(await client.peer.readToEnd()).toEqual({ data: Buffer.from("REQUEST"), how: "Fin" });
      await answering;
    });

    test("destroyed with an error resets the connection", async () => {
      await using client = await open(kind);
      const duplex = toDuplex(client.socket);
      duplex.on("error", () => undefined);
      duplex.destroy(new Error("enough"));
      expect((await client.peer.readToEnd()).how).toBe("Rst");
      expect(getstat(client.socket)).toEqual(err("Closed"));
    });

    test("destroyed without an error, before it has ended, aborts the connection too", async () => {
      await using client = await open(kind);
      toDuplex(client.socket).destroy();
      expect((await client.peer.readToEnd()).how).toBe("Rst");
      expect(getstat(client.socket)).toEqual(err("Closed"));
    });

    test("destroyed while it reads says nothing more", async () => {
      await using client = await open(kind);
      const duplex = toDuplex(client.socket);
      const heard: unknown[] = [];
      duplex.on("data", (data) => heard.push(data)).on("error", (error) => heard.push(error));
      await client.peer.send("one");
      await until(() => heard.length === 1, "Nothing comes");
      duplex.destroy();
      await once(duplex, "close");
      expect(heard).toEqual([Buffer.from("one")]);
    });

    test("fails where the stream was reset behind its data: what was cut must not look whole", async () => {
      await using client = await open(kind);
      const reading = text(toDuplex(client.socket));
      void client.peer.send("half of ");
      client.peer.reset();
      await expect(reading).rejects.toMatchObject({ code: "Econnreset" });
    });

    test("fails where the socket is closed on our side, or its owner ends: nobody has said that it was whole", async () => {
      for (const how of ["close", "end"] as const) {
        await using client = await open(kind);
        const stream = toDuplex(client.socket);
        const failed = once(stream, "error") as Promise<[{ code?: string }]>;
        stream.resume();
        await client.peer.send("half of it");
        await once(stream, "data");
        if (how === "close") await close(client.socket);
        else client.self.exit(Killed);
        expect((await failed)[0].code).toBe("Closed");
      }
    });

    test("has the reason as the code of its error: a reset with showEconnreset, and a write to what is over", async () => {
      await using client = await open(kind, { showEconnreset: true });
      const duplex = toDuplex(client.socket);
      const failed = once(duplex, "error") as Promise<[NodeJS.ErrnoException]>;
      duplex.resume();
      await new Promise((resolve) => setImmediate(resolve));
      client.peer.reset();
      expect((await failed)[0]).toMatchObject({ code: "Econnreset", message: "connection reset by the peer" });

      await using other = await open(kind);
      await close(other.socket);
      const writing = toDuplex(other.socket);
      const refused = once(writing, "error") as Promise<[NodeJS.ErrnoException]>;
      writing.write("x");
      expect((await refused)[0]).toMatchObject({ code: "Closed" });
    });

    test("does not read what nobody reads: the peer stalls", async () => {
      await using client = await open(kind);
      const duplex = toDuplex(client.socket);
      duplex.once("readable", () => undefined);
      const flood = client.peer.flood(100_000_000);
      await flood.stalled();
      expect(flood.taken).toBeLessThan(50_000_000);
      expect(duplex.readableLength).toBeLessThan(300_000);
      expect(unwrap(getstat(client.socket)).recvOct).toBeLessThan(500_000);
      client.peer.reset();
    });

    test("slows its writer down while the peer does not read", async () => {
      await using client = await open(kind);
      const duplex = toDuplex(client.socket);
      let written = 0;
      const source = new Readable({
        read() {
          written += 100_000;
          this.push(written > 50_000_000 ? null : pattern(100_000));
        },
      });
      const writing = pipeline(source, duplex);
      await new Promise((resolve) => setTimeout(resolve, 200)); // that it stands still, only time shows
      expect(written).toBeLessThan(25_000_000);
      const { data, how } = await client.peer.readToEnd();
      expect([data.length, how]).toEqual([50_000_000, "Fin"]);
      client.peer.close();
      await writing.catch(() => undefined); // the socket's other side may end before this one has
    });
  });

  test("goes through Node's own pipelines, megabytes at a time, intact", async () => {
    await using server = await echoServer();
    await using client = await connectedTo(server.port);
    const duplex = toDuplex(client.socket);
    const data = pattern(5_000_000);
    const received: Buffer[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        received.push(chunk);
        done();
      },
    });
    const source = Readable.from(
      (function* () {
        for (let i = 0; i < data.length; i += 50_000) yield data.subarray(i, i + 50_000);
      })(),
    );
    await Promise.all([pipeline(source, createGzip(), duplex), pipeline(duplex, createGunzip(), sink)]);
    expect(Buffer.concat(received).equals(data)).toBe(true);
  });

  test("is an error for who reads a socket that is armed", async () => {
    await using server = await echoServer();
    await using client = await connectedTo(server.port);
    receiveNextPacketAsMessage(client.socket);
    const duplex = toDuplex(client.socket);
    const failed = once(duplex, "error") as Promise<[NodeJS.ErrnoException]>;
    duplex.resume();
    expect((await within(failed, "No error comes"))[0]).toMatchObject({ code: "Einval" });
  });

  test("leaves sends beside it alone, until its own end", async () => {
    await using server = await echoServer();
    await using client = await connectedTo(server.port);
    const duplex = toDuplex(client.socket);
    unwrap(await send(client.socket, "direct "));
    duplex.write("through the stream");
    const chunks: string[] = [];
    duplex.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
    await until(() => chunks.join("") === "direct through the stream", "The echo does not come");
    unwrap(await shutdownWrite(client.socket));
    await once(duplex, "end");
  });

  test("throws for what is not a socket", () => {
    expect(() => toDuplex({} as Socket)).toThrow("Cannot make a stream: expected a socket, received {}");
  });
});
