import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { type AnyActorRef, log, setup } from "xstate";
import { Abnormal, type OwnedSocket, receiveNextPacketAsMessage, send, type TcpMessage } from "tankard";
import type { Connection } from "tankard/server";
import { type Connected, fromTcpSocket, machineHandler, tcpSocketActions } from "tankard/xstate";
import { until } from "../support/peer.ts";
import { serve } from "../support/served.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

type Events = TcpMessage | { type: "bye" };

/** Echoes, using the socket that it owns. */
const owning = setup({
  types: { input: {} as { socket: OwnedSocket }, context: {} as { socket: OwnedSocket }, events: {} as Events },
  actions: {
    arm: ({ context: { socket } }) => void receiveNextPacketAsMessage(socket),
    echo: ({ context: { socket }, event }) => {
      if (event.type === "Packet") void send(socket, event.data);
    },
    farewell: ({ context: { socket } }) => void send(socket, "bye"),
  },
}).createMachine({
  context: ({ input }) => input,
  initial: "on",
  states: {
    on: {
      entry: "arm",
      on: {
        Packet: [
          {
            guard: ({ event }) => event.data.toString() === "throw",
            actions: () => {
              throw oops;
            },
          },
          { actions: ["echo", "arm"] },
        ],
        SocketClosed: "off",
        bye: { actions: "farewell", target: "off" },
      },
    },
    off: { type: "final" },
  },
});

const { send: say, receiveNextPacketAsMessage: next } = tcpSocketActions("tcp");

/** Echoes by a child that has taken the socket. */
const delegating = setup({
  types: {
    input: {} as { connection: Connection },
    context: {} as { connection: Connection },
    events: {} as TcpMessage | Connected,
  },
  actors: { tcp: fromTcpSocket() },
}).createMachine({
  context: ({ input }) => input,
  initial: "on",
  invoke: {
    id: "tcp",
    src: "tcp",
    input: ({ context }) => ({ socket: context.connection.socket }),
    onDone: ".off",
  },
  states: {
    on: { on: { Connected: { actions: next }, Packet: { actions: [say(({ event }) => event.data), next] } } },
    off: { type: "final" },
  },
});

const oops = new Error("oops");
const owningHandler = machineHandler(owning, { input: ({ socket }) => ({ socket }), drainEvent: { type: "bye" } });

describe("machineHandler", () => {
  test.each([
    ["that owns the socket itself", owningHandler],
    ["whose child takes it", machineHandler(delegating, { input: (connection) => ({ connection }) })],
  ])("serves each connection by a machine of its own %s", async (_how, handler) => {
    await using served = await serve(handler);
    const [one, other] = [await served.peer(), await served.peer()];
    await one.send("one");
    await other.send("other");
    expect((await one.receive(3)).toString()).toBe("one");
    expect((await other.receive(5)).toString()).toBe("other");
    one.close();
    await served.isServing(1);
    await other.halfClose();
    expect((await other.readToEnd()).how).toBe("Fin");
    await served.isServing(0);
    expect(served.server.info()).toMatchObject({ accepted: 2, crashed: 0 });
  });

  test("closes the connection of a machine that throws, and no other; the server hears of it", async () => {
    await using served = await serve(owningHandler);
    const [one, other] = [await served.peer(), await served.peer()];
    await one.send("throw");
    await one.readToEnd();
    await other.send("x");
    expect((await other.receive(1)).toString()).toBe("x");
    expect(served.events("ConnectionClosed")).toMatchObject([{ reason: Abnormal(oops) }]);
    expect(served.server.info().crashed).toBe(1);
  });

  test("tells the machine that the server drains", async () => {
    await using served = await serve(owningHandler);
    const peer = await served.peer();
    await served.isServing(1);
    const draining = served.server.drain(60_000);
    expect((await peer.readToEnd()).data.toString()).toBe("bye");
    await draining;
  });

  test("tells a machine that begins while the server drains", async () => {
    await using served = await serve(owningHandler, { proxyProtocol: true });
    const peer = await served.peer();
    await turns();
    const draining = served.server.drain(60_000);
    await peer.send("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n");
    expect((await peer.readToEnd()).data.toString()).toBe("bye");
    await draining;
  });

  test("listens for the drain no longer than the connection lasts", async () => {
    await using served = await serve(owningHandler);
    const staying = await served.peer();
    await served.isServing(1);
    const signal = served.server.connections()[0]?.draining as AbortSignal;
    const before = getEventListeners(signal, "abort").length;
    for (let left = 5; left > 0; left--) {
      const peer = await served.peer();
      await served.isServing(2);
      peer.close();
      await served.isServing(1);
    }
    expect(getEventListeners(signal, "abort")).toHaveLength(before);
    staying.close();
  });

  test("closes the connection of a machine that is done as it begins", async () => {
    const brief = setup({}).createMachine({ initial: "off", states: { off: { type: "final" } } });
    await using served = await serve(machineHandler(brief, {}));
    const peer = await served.peer();
    expect((await peer.readToEnd()).how).toBe("Fin");
    await until(() => served.server.info().accepted === 1, "It was not served");
    expect(served.events("ConnectionRefused")).toEqual([]);
  });

  test("lets its logger default, and refuses an option that does not exist", async () => {
    const logs: unknown[] = [];
    const logging = setup({}).createMachine({ entry: log("began") });
    await using served = await serve(machineHandler(logging, { logger: (...words: unknown[]) => logs.push(words) }));
    await served.peer();
    await served.isServing(1);
    expect(logs).toEqual([["began"]]);
    expect(() => machineHandler(logging, { logegr: 1 } as never)).toThrow('did you mean "logger"?');
  });

  test("stops the machine when the server stops, or closes the connection for another reason", async () => {
    const actors: AnyActorRef[] = [];
    const handler = machineHandler(owning, {
      input: ({ socket }) => ({ socket }),
      onActor: (actor) => actors.push(actor),
    });
    await using served = await serve(handler, { idleTimeoutMs: 1_000 });
    const peer = await served.peer();
    await served.isServing(1);
    await served.clock.advance(1_250);
    expect((await peer.readToEnd()).how).toBe("Fin");
    expect(actors[0]?.getSnapshot()).toMatchObject({ status: "stopped" });
    const another = await served.peer();
    await served.isServing(1);
    await served.server.stop();
    await another.readToEnd();
    expect(actors[1]?.getSnapshot()).toMatchObject({ status: "stopped" });
  });

  test("refuses the connection where no actor can be made, and says why", async () => {
    const handler = machineHandler(owning, {
      input: () => {
        throw oops;
      },
    });
    await using served = await serve(handler);
    await served.refusedPeer();
    await until(() => served.events("ConnectionRefused").length === 1, "Nobody is refused");
    expect(served.events("ConnectionRefused")).toMatchObject([{ why: "InitFailed", reason: { reason: oops } }]);
  });

  test("lives in the server's runtime", async () => {
    const actors: AnyActorRef[] = [];
    const timed = setup({}).createMachine({
      initial: "on",
      states: { on: { after: { 1_000: "off" } }, off: { type: "final" } },
    });
    await using served = await serve(
      machineHandler(timed, { input: () => undefined, onActor: (actor) => actors.push(actor) }),
    );
    const peer = await served.peer();
    await served.isServing(1);
    await served.clock.advance(1_000);
    expect((await peer.readToEnd()).how).toBe("Fin");
    expect(await isSettledWithin(served.runtime.idle())).toBe(false); // it listens
  });
});
