import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { err, type Host, unwrap } from "tankard";
import { startSupervisor, stop } from "tankard/otp";
import { type Server, type ServerChild, startServer, supervised, withReply } from "tankard/server";
import { createWorld, spawnPuppet } from "../support/in-process.ts";
import { connectPeer, until } from "../support/peer.ts";
import { echo, serve } from "../support/served.ts";
import { turns } from "../support/turns.ts";

/** A child that keeps its server where the test finds it. */
function kept(spec: ServerChild) {
  const servers: Server[] = [];
  return {
    servers,
    spec: {
      ...spec,
      start: async (host: Host) => {
        const started = await spec.start(host);
        if (started.ok) servers.push(started.value.data);
        return started;
      },
    },
  };
}

describe("supervised", () => {
  test("makes a server a child, which is started again when it ends", async () => {
    const { runtime } = createWorld();
    const child = kept(supervised("echo", { host: "127.0.0.1", port: 0 }, echo));
    const tree = unwrap(await startSupervisor({ strategy: "OneForOne", children: [child.spec] }, runtime)).data;
    child.servers[0]?.process.kill();
    await until(() => child.servers.length === 2, "it is not started again");
    const peer = await connectPeer({ port: child.servers[1]?.port ?? 0 });
    await peer.send("x");
    expect((await peer.receive(1)).toString()).toBe("x");
    await peer[Symbol.asyncDispose]();
    await tree.stop();
    await runtime.stop();
  });

  test("is not started again when it was drained", async () => {
    const { runtime } = createWorld();
    const child = kept(supervised("echo", { host: "127.0.0.1", port: 0 }, echo));
    const tree = unwrap(await startSupervisor({ strategy: "OneForOne", children: [child.spec] }, runtime)).data;
    await child.servers[0]?.drain(1_000);
    await turns(10);
    expect([child.servers.length, tree.process.isAlive]).toEqual([1, true]);
    await tree.stop();
    await runtime.stop();
  });

  test("drains when its tree stops", async () => {
    const { runtime } = createWorld();
    const handler = { ...echo, onDrain: () => withReply(stop(), "goodbye") };
    const child = kept(supervised("echo", { host: "127.0.0.1", port: 0 }, handler));
    const tree = unwrap(await startSupervisor({ strategy: "OneForOne", children: [child.spec] }, runtime)).data;
    const peer = await connectPeer({ port: child.servers[0]?.port ?? 0 });
    await until(() => child.servers[0]?.info().open === 1, "nobody is served");
    const stopped = tree.stop();
    expect((await peer.readToEnd()).data.toString()).toBe("goodbye");
    await stopped;
    await peer[Symbol.asyncDispose]();
    await runtime.stop();
  });

  test("that cannot listen keeps its tree from starting, and says why", async () => {
    await using served = await serve(echo);
    const { runtime } = createWorld();
    const spec = supervised("echo", { host: "127.0.0.1", port: served.server.port }, echo);
    const started = await startSupervisor({ strategy: "OneForOne", children: [spec] }, runtime);
    expect(started).toMatchObject({
      error: { type: "InitFailed", reason: { message: expect.stringContaining("echo") } },
    });
    await runtime.idle();
  });
});

describe("startServer on a process", () => {
  test("links the server to it: it drains when that ends", async () => {
    const { runtime } = createWorld();
    const parent = await spawnPuppet(runtime);
    const server = unwrap(await startServer({ host: "127.0.0.1", port: 0 }, echo, parent.self));
    const peer = await connectPeer({ port: server.port });
    await until(() => server.info().open === 1, "nobody is served");
    await turns(5);
    parent.process.sendAbnormalExit("shutdown");
    peer.close();
    await server.process.settled;
    expect(server.info()).toMatchObject({ open: 0, isListening: false });
    await peer[Symbol.asyncDispose]();
    await runtime.stop();
  });

  test("that ends meanwhile gives Closed", async () => {
    const { runtime } = createWorld();
    const parent = await spawnPuppet(runtime);
    const starting = startServer({ host: "127.0.0.1", port: 0 }, echo, parent.self);
    parent.process.kill();
    expect(await starting).toEqual(err("Closed"));
    await runtime.stop();
  });
});

describe("a server on a unix socket", () => {
  test("serves, and has no port", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tankard-"));
    const { runtime } = createWorld();
    const path = join(folder, "socket");
    const server = unwrap(await startServer({ path, port: 0 }, echo, runtime));
    expect([server.port, server.address]).toEqual([0, path]);
    const peer = await connectPeer({ port: 0, path });
    await peer.send("x");
    expect((await peer.receive(1)).toString()).toBe("x");
    expect(server.connections()).toMatchObject([{ id: 1, remotePort: 0 }]);
    await peer[Symbol.asyncDispose]();
    await server.stop();
    await runtime.stop();
    await rm(folder, { recursive: true });
  });
});
