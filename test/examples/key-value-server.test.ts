import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, jest, test } from "@jest/globals";
import { getstat, type Process, unwrap } from "tankard";
import { suspend } from "tankard/otp";
import { encode, type Reply } from "../../examples/key-value/resp.ts";
import { startKeyValueServer } from "../../examples/key-value/server.ts";
import { connectPeer, type Peer, until } from "../support/peer.ts";
import { type Ended, type RunningExample, startServerExample } from "../support/run-example.ts";

jest.setTimeout(60_000);

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Sends as it stands, and expects exactly that. */
async function exchange(peer: Peer, data: string | Buffer, expected: string): Promise<void> {
  await peer.send(typeof data === "string" ? latin1(data) : data);
  expect((await peer.receive(expected.length)).toString("latin1")).toBe(expected);
}

const cleanly = { code: 0, stderr: "" };

function endOf(example: RunningExample): Promise<Ended> {
  example.signal("SIGTERM");
  return example.ended;
}

describe("key-value-server", () => {
  test("answers a client's commands in order, whole, byte by byte, and many in one packet", async () => {
    await using example = await startServerExample("key-value-server");
    await using client = await connectPeer(example);
    const dialogue: readonly (readonly [readonly string[], Reply])[] = [
      [["PING"], { type: "Status", text: "PONG" }],
      [["SET", "a\r\n\0\xff", "\xff\0\r\n"], { type: "Status", text: "OK" }],
      [["GET", "a\r\n\0\xff"], "\xff\0\r\n"],
      [["ECHO", ""], ""],
      [["INCR", "n"], 1],
      [["INCR", "n"], 2],
      [["LPUSH", "l", "1"], { type: "Failure", text: "ERR unknown command 'LPUSH'" }],
      [["EXISTS", "n", "a\r\n\0\xff", "no"], 2],
      [["DEL", "n", "a\r\n\0\xff"], 2],
      [["GET", "n"], null],
    ];
    const requests = dialogue.map(([command]) => encode(command)).join("");
    const replies = dialogue.map(([, reply]) => encode(reply)).join("");
    for (const [command, reply] of dialogue) await exchange(client, encode(command), encode(reply));
    await exchange(client, requests, replies);
    for (const byte of latin1(requests)) await client.send(Buffer.of(byte));
    await exchange(client, "", replies);
    await exchange(client, "set a 'one two'\r\nget a\nPING\r\n", "+OK\r\n$7\r\none two\r\n+PONG\r\n");
    expect(await endOf(example)).toMatchObject(cleanly);
  });

  test("answers what came before a protocol error, says what it is, and closes", async () => {
    await using example = await startServerExample("key-value-server");
    await using client = await connectPeer(example);
    await using other = await connectPeer(example);
    await client.send("INCR n\r\n*1\r\n:5\r\n");
    const { data } = await client.readToEnd();
    expect(data.toString()).toBe(":1\r\n-ERR Protocol error: expected '$', got ':'\r\n");
    await exchange(other, "INCR n\r\n", ":2\r\n");
    expect(await endOf(example)).toMatchObject(cleanly);
  });

  test("forgets keys when their time is over", async () => {
    await using example = await startServerExample("key-value-server");
    await using client = await connectPeer(example);
    await exchange(client, "SET a 1 PX 40\r\nGET a\r\nTTL a\r\n", "+OK\r\n$1\r\n1\r\n:0\r\n");
    await delay(60); // only time shows that a key's time is over
    await exchange(client, "GET a\r\nTTL a\r\nEXISTS a\r\n", "$-1\r\n:-2\r\n:0\r\n");
    expect(await endOf(example)).toMatchObject(cleanly);
  });

  test("takes and gives values of megabytes", async () => {
    await using example = await startServerExample("key-value-server");
    await using client = await connectPeer(example);
    const value = "\xff\r\n\0".repeat(2_000_000);
    await exchange(client, encode(["SET", "k", value]), "+OK\r\n");
    await exchange(client, "GET k\r\n", encode(value));
    expect(await endOf(example)).toMatchObject(cleanly);
  });
});

describe("startKeyValueServer", () => {
  test("starts the store again when it crashes: the data is lost, the connections live", async () => {
    const { server, supervisor } = unwrap(await startKeyValueServer({ host: "127.0.0.1", port: 0 }));
    try {
      await using client = await connectPeer(server);
      await exchange(client, "INCR n\r\n", ":1\r\n");
      await crashStore();
      await exchange(client, "PING\r\nINCR n\r\n", "+PONG\r\n:1\r\n");

      // One that has been asked, and does not come to answer.
      unwrap(await suspend(storeNow() as Process));
      const restarting = "-ERR store is restarting, its data is lost\r\n";
      const before = bytesRead();
      await client.send("PING\r\nINCR n\r\nGET n\r\n");
      await until(() => bytesRead() === before + 21, "The server does not read");
      await crashStore();
      await exchange(client, "", `+PONG\r\n${restarting}${restarting}`);
      await exchange(client, "INCR n\r\n", ":1\r\n");
    } finally {
      await server.stop();
    }
    await supervisor.process.exited;

    function bytesRead(): number {
      const [connection] = server.connections();
      return connection === undefined ? 0 : unwrap(getstat(connection.socket)).recvOct;
    }

    function storeNow(): Process | undefined {
      return supervisor.children()[0]?.process;
    }

    async function crashStore(): Promise<void> {
      const store = storeNow();
      store?.kill();
      await until(() => ![undefined, store].includes(storeNow()), "The store does not come back");
    }
  });
});
