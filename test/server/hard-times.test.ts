// What users do to a server, and what must come of it: nothing, to anybody else.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectRaw, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { continueWith } from "tankard/otp";
import { startServer, withReply } from "tankard/server";
import { until } from "../support/peer.ts";
import { echo, serve } from "../support/served.ts";
import { turns } from "../support/turns.ts";

/** Opens so many connections at once. What goes wrong with one is in `failed`. */
async function storm(port: number, count: number): Promise<{ readonly sockets: Socket[]; readonly failed: number }> {
  let failed = 0;
  const sockets = Array.from({ length: count }, () => {
    const raw = connectRaw({ port, host: "127.0.0.1" });
    raw.on("error", () => failed++);
    return raw;
  });
  await Promise.all(
    sockets.map((raw) => new Promise((resolve) => raw.once("connect", resolve).once("close", resolve))),
  );
  return { sockets, failed };
}

describe("a server survives", () => {
  test("a thousand connections that open and close at once", async () => {
    await using served = await serve(echo);
    const { sockets, failed } = await storm(served.server.port, 1_000);
    for (const raw of sockets) raw.destroy();
    await until(() => served.server.info().accepted === 1_000 && served.server.info().open === 0, "they do not end");
    expect([failed, served.crashes]).toEqual([0, []]);
    expect(served.events("ConnectionClosed")).toHaveLength(1_000);
    const peer = await served.peer();
    await peer.send("x");
    expect((await peer.receive(1)).toString()).toBe("x");
  });

  test("a thousand connections that reset, some while they are accepted", async () => {
    await using served = await serve(echo);
    const { sockets } = await storm(served.server.port, 1_000);
    for (const raw of sockets) raw.resetAndDestroy();
    await until(() => {
      const { accepted, refused, open } = served.server.info();
      return accepted + refused === 1_000 && open === 0;
    }, "they do not end");
    expect(served.crashes).toEqual([]);
    const peer = await served.peer();
    await peer.send("x");
    expect((await peer.receive(1)).toString()).toBe("x");
  });

  test("clients that send half a request and wait: they are closed in their time, and others are served", async () => {
    const onPacket = (text: string, data: Buffer) => {
      const lines = (text + data.toString()).split("\n");
      const rest = lines.pop() ?? "";
      return withReply(
        continueWith(rest),
        lines.map((line) => `${line}!\n`),
      );
    };
    await using served = await serve<string>({ init: () => ({ state: "" }), onPacket }, { readTimeoutMs: 5_000 });
    const slow = await served.peer();
    await slow.send("half a requ");
    const fast = await served.peer();
    await fast.send("whole\n");
    expect((await fast.receive(7)).toString()).toBe("whole!\n");
    await served.clock.advance(4_000);
    await fast.send("again\n");
    expect((await fast.receive(7)).toString()).toBe("again!\n");
    await served.clock.advance(1_000);
    expect((await slow.readToEnd()).how).toBe("Fin");
    expect(served.server.info().open).toBe(1);
  });

  test("a client that resets while its handler works", async () => {
    let finish = (): void => undefined;
    const onPacket = async (state: undefined, data: Buffer) => {
      await new Promise<void>((resolve) => (finish = resolve));
      return withReply(continueWith(state), data);
    };
    await using served = await serve({ ...echo, onPacket });
    const peer = await served.peer();
    await peer.send("x");
    await served.isServing(1);
    await turns(5);
    peer.reset();
    await turns(5);
    finish();
    await served.isServing(0);
    expect(served.crashes).toEqual([]);
  });

  test("a client that resets during a drain", async () => {
    await using served = await serve(echo);
    const peer = await served.peer();
    await served.isServing(1);
    const drained = served.server.drain(60_000);
    await turns(5);
    peer.reset();
    await drained;
    expect(served.crashes).toEqual([]);
  });

  test("a stop in the middle of a load", async () => {
    await using served = await serve(echo);
    const { sockets } = await storm(served.server.port, 200);
    for (const raw of sockets) {
      raw.on("data", (data) => raw.writable && raw.write(data));
      raw.write("x");
    }
    await turns(20);
    await served.server.stop();
    expect(served.server.info()).toMatchObject({ open: 0, waiting: 0 });
    expect(served.crashes).toEqual([]);
    for (const raw of sockets) raw.destroy();
  });

  test("running out of descriptors, and serves again when there are some", async () => {
    await using limited = await withDescriptors(128);
    const { sockets } = await storm(limited.port, 240);
    await until(() => sockets.some((raw) => raw.destroyed), "there are descriptors for all");
    const alive = sockets.filter((raw) => !raw.destroyed);
    expect(alive.length).toBeGreaterThan(0);
    for (const raw of sockets) raw.destroy();
    // The server hears of those ends when it comes to it: until then it has no descriptor for another.
    let isServed = false;
    for (let times = 0; times < 100 && !isServed; times++) isServed = await answers(limited.port);
    expect(isServed).toBe(true);
  });
});

describe("a server that is killed", () => {
  test("takes its connections with it, and its port is free", async () => {
    await using served = await serve(echo);
    const peer = await served.peer();
    await served.isServing(1);
    const { port, process } = served.server;
    process.kill();
    expect((await peer.readToEnd()).how).toBe("Fin");
    const next = await startServer({ host: "127.0.0.1", port }, echo, served.runtime);
    expect(next.ok).toBe(true);
  });
});

/** Whether a new connection is served, and not closed again. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const raw = connectRaw({ port, host: "127.0.0.1" });
    raw.write("x");
    raw.on("error", () => undefined);
    raw.once("data", () => {
      resolve(true);
      raw.destroy();
    });
    raw.once("close", () => {
      setTimeout(resolve, 20, false); // so that it is not asked all the time
    });
  });
}

/** An echo server in a program of its own that may have only so many descriptors. */
async function withDescriptors(count: number): Promise<AsyncDisposable & { readonly port: number }> {
  const root = join(import.meta.dirname, "../..");
  const source = `
    import { unwrap } from "tankard";
    import { continueWith } from "tankard/otp";
    import { startServer, withReply } from "tankard/server";
    const echo = { init: () => ({ state: 0 }), onPacket: (n, data) => withReply(continueWith(n), data) };
    console.log(unwrap(await startServer({ host: "127.0.0.1", port: 0 }, echo)).port);`;
  const flags = "--conditions=tankard-source --import=tsx --input-type=module";
  const command = `ulimit -n ${count}; exec "$0" ${flags} --eval "$1"`;
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn("bash", ["-c", command, process.execPath, source], { cwd: root, env, stdio: "pipe" });
  const closed = once(child, "close");
  const [line] = (await Promise.race([once(child.stdout, "data"), closed])) as [Buffer | number];
  return {
    port: Number(line.toString()),
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await closed;
    },
  };
}
