import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { assign, createActor, type DoneActorEvent, type ErrorActorEvent, setup } from "xstate";
import {
  connect,
  controllingProcess,
  newSelector,
  type Packet,
  receiveNextPacketAsMessage,
  selectTcpMessages,
  send,
} from "tankard";
import type { ServerInfo } from "tankard/server";
import {
  type Accepted,
  clockOf,
  fromServer,
  fromTcpSocket,
  ListenFailure,
  type Listening,
  type TcpSocketRef,
} from "tankard/xstate";
import { connectionInformation, newServerContext } from "tankard/tls";
import { credentials } from "../support/certificates.ts";
import { createWorld } from "../support/in-process.ts";
import { invoking, type Parent } from "../support/parent.ts";
import { connectPeer, type Peer, peerServer, until } from "../support/peer.ts";
import { connectTlsPeer } from "../support/tls-peer.ts";
import { hasRead } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

const done = "xstate.done.actor.child";
const failed = "xstate.error.actor.child";
const local = { host: "127.0.0.1", port: 0 };

async function listening(logic = fromServer(), options: object = {}): Promise<Parent & { readonly port: number }> {
  const parent = invoking(logic, { ...local, ...options });
  const { port } = await parent.told<Listening>("Listening");
  return Object.defineProperty(parent, "port", { value: port }) as Parent & { readonly port: number };
}

async function ended(peer: Peer): Promise<boolean> {
  await peer.readToEnd();
  return true;
}

describe("fromServer", () => {
  test("tells Listening, then Accepted for each connection, whose packets come to the machine once it asks", async () => {
    await using parent = await listening();
    await using peer = await connectPeer(parent);
    const { connection } = await parent.told<Accepted>("Accepted");
    await peer.send("hello");
    receiveNextPacketAsMessage(connection.socket);
    expect((await parent.told<Packet>("Packet")).data.toString()).toBe("hello");
    await send(connection.socket, "and you");
    expect((await peer.receive(7)).toString()).toBe("and you");
    expect(parent.types).toEqual(["Listening", "Accepted", "Packet"]);
  });

  test("speaks TLS: Accepted comes when hands are shaken, and a handshake that fails is nobody's", async () => {
    await using parent = await listening(fromServer(), { tls: newServerContext(credentials("localhost")) });
    await using plain = await connectPeer(parent);
    await plain.send("hello, hello");
    await ended(plain);
    expect(parent.types).toEqual(["Listening"]);
    await using peer = await connectTlsPeer({ port: parent.port });
    const { connection } = await parent.told<Accepted>("Accepted");
    expect(connectionInformation(connection.socket)).toMatchObject({ ok: true, value: { protocol: "TLSv1.3" } });
    await peer.send("hello");
    receiveNextPacketAsMessage(connection.socket);
    expect((await parent.told<Packet>("Packet")).data.toString()).toBe("hello");
    await send(connection.socket, "and you");
    expect((await peer.receive(7)).toString()).toBe("and you");
    parent.leave();
    await ended(peer);
  });

  test("is in error where its TLS cannot be", async () => {
    await using parent = invoking(fromServer(), { ...local, tls: {} });
    const { error } = await parent.told<ErrorActorEvent>(failed);
    expect(error).toMatchObject({ message: expect.stringContaining("a server needs a certificate") });
  });

  test("brings packets by its selector", async () => {
    const selector = selectTcpMessages(newSelector(), ({ type }) => ({ type: `net.${type}` }));
    await using parent = await listening(fromServer(selector));
    await using peer = await connectPeer(parent);
    receiveNextPacketAsMessage((await parent.told<Accepted>("Accepted")).connection.socket);
    await peer.send("x");
    expect(await parent.told("net.Packet")).toEqual({ type: "net.Packet" });
  });

  test("serves connections by children that the machine spawns", async () => {
    const world = createWorld();
    const machine = setup({
      types: { context: {} as { clients: readonly TcpSocketRef[]; port: number } },
      actors: { server: fromServer(), client: fromTcpSocket() },
    }).createMachine({
      context: { clients: [], port: 0 },
      invoke: { src: "server", input: local },
      on: {
        Listening: { actions: assign({ port: ({ event }) => (event as Listening).port }) },
        Accepted: {
          actions: assign(({ spawn, event, context: { clients } }) => {
            const { socket } = (event as Accepted).connection;
            return { clients: [...clients, spawn("client", { input: { socket } })] };
          }),
        },
        "*": {
          actions: ({ context: { clients } }) => {
            for (const client of clients) client.send({ type: "send", data: "all" });
          },
        },
      },
    });
    const actor = createActor(machine, { clock: clockOf(world.runtime) }).start();
    await until(() => actor.getSnapshot().context.port > 0, "It does not listen");
    const { port } = actor.getSnapshot().context;
    await using one = await connectPeer({ port });
    await using other = await connectPeer({ port });
    await until(() => actor.getSnapshot().context.clients.length === 2, "They were not accepted");
    actor.send({ type: "say" });
    for (const peer of [one, other]) expect((await peer.receive(3)).toString()).toBe("all");
    actor.stop();
    for (const peer of [one, other]) await ended(peer);
  });

  test.each(["leave", "stop", "crash"] as const)("closes everything when the machine does %s", async (how) => {
    await using parent = await listening();
    await using peer = await connectPeer(parent);
    await parent.told("Accepted");
    if (how === "leave") parent.leave();
    else if (how === "stop") parent.actor.stop();
    else parent.crash(new Error("oops"));
    expect(parent.childSnapshot.status).toBe("stopped");
    await ended(peer);
    await isRefused(parent.port);
  });

  test("closes also what the machine has given away", async () => {
    await using parent = await listening();
    await using peer = await connectPeer(parent);
    const { connection } = await parent.told<Accepted>("Accepted");
    const process = parent.runtime.spawn((self) => self.sleep(Infinity));
    controllingProcess(connection.socket, process);
    parent.leave();
    expect(await ended(peer)).toBe(true);
  });

  test("stops a server that listens only after the state was left", async () => {
    await using parent = invoking(fromServer(), local);
    parent.leave();
    await turns(20);
    expect(parent.types).toEqual([]);
  });

  test("counts a connection until its socket is closed, whoever has it", async () => {
    await using parent = await listening(fromServer(), { maxConnections: 1 });
    await using one = await connectPeer(parent);
    const { connection } = await parent.told<Accepted>("Accepted");
    await using other = await connectPeer(parent);
    const process = parent.runtime.spawn((self) => self.sleep(Infinity));
    controllingProcess(connection.socket, process);
    await turns(10);
    expect(parent.types).toEqual(["Listening", "Accepted"]);
    process.kill();
    await ended(one);
    await parent.told("Accepted", 2);
    other.close();
  });

  test("suspends and resumes on the same port", async () => {
    await using parent = await listening();
    parent.command({ type: "suspend" });
    await until(() => contextOf(parent).readyState === "suspended", "It is not suspended");
    await isRefused(parent.port);
    parent.command({ type: "resume" });
    expect(await parent.told<Listening>("Listening", 2)).toMatchObject({ port: parent.port });
    await using peer = await connectPeer(parent);
    await parent.told("Accepted");
    peer.close();
  });

  test("drains: whoever is served is told, and the output says what was counted", async () => {
    await using parent = await listening();
    await using peer = await connectPeer(parent);
    const { connection } = await parent.told<Accepted>("Accepted");
    parent.command({ type: "drain", withinMs: 60_000 });
    await until(() => connection.draining.aborted, "It is not told");
    expect(contextOf(parent).readyState).toBe("draining");
    peer.close();
    receiveNextPacketAsMessage(connection.socket);
    const { output } = await parent.told<DoneActorEvent<ServerInfo>>(done);
    expect(output).toMatchObject({ accepted: 1, open: 0, isListening: false });
  });

  test("drains within the shorter time where it is told twice", async () => {
    await using parent = await listening();
    await using peer = await connectPeer(parent);
    await parent.told("Accepted");
    parent.command({ type: "drain", withinMs: 60_000 });
    parent.command({ type: "drain", withinMs: 1_000 });
    await turns(10);
    await parent.clock.advance(1_000);
    await parent.told(done);
    expect(await ended(peer)).toBe(true);
  });

  test("fails of a drain without a time, and nothing is left unhandled", async () => {
    await using parent = await listening();
    parent.command({ type: "drain" });
    expect((await parent.told<ErrorActorEvent>(failed)).error).toBeInstanceOf(RangeError);
    await isRefused(parent.port);
  });

  test("stays suspended, with its connections, where it cannot listen again", async () => {
    await using parent = await listening();
    await using peer = await connectPeer(parent);
    const { connection } = await parent.told<Accepted>("Accepted");
    parent.command({ type: "suspend" });
    await until(() => contextOf(parent).readyState === "suspended", "It is not suspended");
    const taken = createServer().listen(parent.port, "127.0.0.1");
    await once(taken, "listening");
    parent.command({ type: "resume" });
    expect(await parent.told("ListenFailed")).toEqual({ type: "ListenFailed", error: "Eaddrinuse" });
    expect(contextOf(parent).readyState).toBe("suspended");
    await send(connection.socket, "here");
    expect((await peer.receive(4)).toString()).toBe("here");
    taken.close();
    await once(taken, "close");
  });

  test("is stopped with its runtime", async () => {
    await using one = await listening();
    await one.runtime.stop();
    expect(one.childSnapshot.status).toBe("stopped");
    await isRefused(one.port);
  });

  test("tells ConnectionClosed where the server closes an idle connection, or its child is done", async () => {
    await using parent = await listening(fromServer(), { idleTimeoutMs: 1_000 });
    await using peer = await connectPeer(parent);
    const { connection } = await parent.told<Accepted>("Accepted");
    await parent.clock.advance(1_250);
    expect(await parent.told("ConnectionClosed")).toEqual({ type: "ConnectionClosed", connection });
    expect(await ended(peer)).toBe(true);
  });

  test("keeps what has come of a connection that was reset until the machine asks", async () => {
    await using parent = await listening();
    await using peer = await connectPeer(parent);
    const { connection } = await parent.told<Accepted>("Accepted");
    await peer.send("one");
    receiveNextPacketAsMessage(connection.socket);
    await parent.told("Packet");
    await peer.send("two");
    await hasRead(connection.socket, 6);
    peer.reset();
    await turns(10);
    receiveNextPacketAsMessage(connection.socket);
    expect((await parent.told<Packet>("Packet", 2)).data.toString()).toBe("two");
    receiveNextPacketAsMessage(connection.socket);
    await parent.told("ConnectionClosed");
  });

  test("drains by force when the time is over", async () => {
    await using parent = await listening();
    await using peer = await connectPeer(parent);
    await parent.told("Accepted");
    parent.command({ type: "drain", withinMs: 1_000 });
    await turns(10);
    await parent.clock.advance(1_000);
    await parent.told(done);
    expect(await ended(peer)).toBe(true);
  });

  test("fails where it cannot listen", async () => {
    await using taken = await peerServer();
    await using parent = invoking(fromServer(), { host: "127.0.0.1", port: taken.port });
    const { error } = await parent.told<ErrorActorEvent>(failed);
    expect(error).toEqual(new ListenFailure("Eaddrinuse"));
    expect(parent.crashes.filter(({ handled }) => !handled)).toEqual([]);
  });

  test("fails of options that no server can have, and of commands that it does not know", async () => {
    await using one = invoking(fromServer(), { ...local, maxConnection: 1 });
    expect((await one.told<ErrorActorEvent>(failed)).error).toMatchObject({ name: "TypeError" });
    await using another = await listening();
    another.command({ type: "suspent" });
    expect((await another.told<ErrorActorEvent>(failed)).error).toEqual(
      new TypeError('Cannot command a server: unknown command "suspent", did you mean "suspend"?'),
    );
    await isRefused(another.port);
  });

  test("listens anew where it is restored", async () => {
    await using parent = await listening();
    const snapshot = JSON.parse(JSON.stringify(parent.actor.getPersistedSnapshot())) as never;
    parent.actor.stop();
    await using again = invoking(fromServer(), undefined, snapshot);
    expect(again.childSnapshot.context).toEqual({ readyState: "starting", address: "", port: 0 });
    expect((await again.told<Listening>("Listening")).port).toBeGreaterThan(0);
  });

  test("emits what it tells, and needs no parent", async () => {
    const actor = createActor(fromServer(), { input: local });
    const accepted: Accepted[] = [];
    let port = 0;
    actor.on("Listening", (event) => (port = event.port));
    actor.on("Accepted", (event) => accepted.push(event));
    actor.start();
    await until(() => port > 0, "It does not listen");
    await using peer = await connectPeer({ port });
    await until(() => accepted.length === 1, "Nobody is accepted");
    actor.stop();
    expect(await ended(peer)).toBe(true);
  });
});

function contextOf(parent: Parent): { readonly readyState?: string } {
  return parent.childSnapshot.context ?? {};
}

async function isRefused(port: number): Promise<void> {
  const connected = await connect({ host: "127.0.0.1", port, ipVersionPreference: "Ipv4Only" });
  expect(connected).toMatchObject({ ok: false, error: { ipv4: "Econnrefused" } });
}
