import { describe, expect, test } from "@jest/globals";
import { type AnyActorRef, assign, createActor, type ErrorActorEvent, fromTransition, setup } from "xstate";
import {
  Abnormal,
  call,
  connect,
  controllingProcess,
  type ExitReason,
  Killed,
  newSelector,
  Normal,
  type OwnSubject,
  receiveNextPacketAsMessage,
  selectMonitors,
  selectTcpMessages,
  selectTrappedExits,
  send,
  type Subject,
  type TcpMessage,
  unwrap,
} from "tankard";
import { createSocketPair } from "tankard/testing";
import { actorOwner, actorSubject, clockOf, fromProcess, type ProcessArgs } from "tankard/xstate";
import { createWorld, inProcess, type World } from "../support/in-process.ts";
import { invoking } from "../support/parent.ts";
import { peerServer } from "../support/peer.ts";
import { isSettledWithin, turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

const oops = new Error("oops");

/** A machine that counts the packets it gets, and may be told to do something else. */
const counter = setup({
  types: {
    context: {} as { text: string },
    events: {} as TcpMessage | { type: "throw" } | { type: "finish" } | { type: "get"; reply: Subject<string> },
  },
}).createMachine({
  context: { text: "" },
  initial: "on",
  states: {
    on: {
      on: {
        Packet: { actions: assign({ text: ({ context, event }) => context.text + event.data.toString() }) },
        throw: {
          actions: () => {
            throw oops;
          },
        },
        get: {
          actions: ({ context, event }) => {
            event.reply.send(context.text);
          },
        },
        finish: "off",
      },
    },
    off: { type: "final" },
  },
});

function startCounter(world: World) {
  return createActor(counter, { clock: clockOf(world.runtime) }).start();
}

function exitsOf(owner: { onExit(listener: (reason: ExitReason) => void): unknown }): ExitReason[] {
  const exits: ExitReason[] = [];
  owner.onExit((reason) => exits.push(reason));
  return exits;
}

describe("actorOwner", () => {
  test("brings a socket's messages to the actor as its events, in order", async () => {
    const world = createWorld();
    const actor = startCounter(world);
    const [socket, other] = createSocketPair({ owner: actorOwner(actor) }, {}, { runtime: world.runtime });
    for (const data of ["a", "b", "c"]) {
      receiveNextPacketAsMessage(socket);
      await send(other, data);
      await turns();
    }
    expect(actor.getSnapshot().context.text).toBe("abc");
    actor.stop();
  });

  test("brings them by its selector", async () => {
    const world = createWorld();
    const bytes = selectTcpMessages(newSelector(), (message) => ({ type: "net.event", was: message.type }));
    const logic = fromTransition(
      (seen: readonly string[], event: { type: "net.event"; was: string }) => [...seen, event.was],
      [],
    );
    const actor = createActor(logic, { clock: clockOf(world.runtime) }).start();
    const [socket, other] = createSocketPair({ owner: actorOwner(actor, bytes) });
    receiveNextPacketAsMessage(socket);
    await send(other, "x");
    await turns();
    expect(actor.getSnapshot().context).toEqual(["Packet"]);
    actor.stop();
  });

  test("never brings a message inside receiveNextPacketAsMessage", async () => {
    const world = createWorld();
    const actor = startCounter(world);
    const [socket, other] = createSocketPair({ owner: actorOwner(actor) });
    await send(other, "here");
    await turns();
    receiveNextPacketAsMessage(socket);
    expect(actor.getSnapshot().context.text).toBe("");
    await turns();
    expect(actor.getSnapshot().context.text).toBe("here");
    actor.stop();
  });

  test("hands what the selector does not take to onDeadLetter", async () => {
    const world = createWorld();
    const actor = startCounter(world);
    const [socket, other] = createSocketPair({ owner: actorOwner(actor, newSelector()) });
    receiveNextPacketAsMessage(socket);
    await send(other, "x");
    await turns();
    expect(world.deadLetters).toMatchObject([{ message: { type: "Packet" }, why: "Unmatched" }]);
    actor.stop();
  });

  test("is the same for the same actor and selector", () => {
    const actor = startCounter(createWorld());
    expect(actorOwner(actor)).toBe(actorOwner(actor));
    expect(actorOwner(actor)).not.toBe(actorOwner(actor, newSelector()));
    actor.stop();
  });

  test("hands a socket over with the messages that it has not been given", async () => {
    const world = createWorld();
    const [one, another] = [startCounter(world), startCounter(world)];
    const [socket, other] = createSocketPair({ owner: actorOwner(one) });
    await send(other, "x");
    await turns();
    receiveNextPacketAsMessage(socket);
    expect(controllingProcess(socket, actorOwner(another), { from: actorOwner(one) }).ok).toBe(true);
    await turns();
    expect([one, another].map((actor) => actor.getSnapshot().context.text)).toEqual(["", "x"]);
    one.stop();
    another.stop();
  });

  describe.each([
    ["is stopped", (actor: AnyActorRef) => actor.stop(), Normal],
    ["is done", (actor: AnyActorRef) => actor.send({ type: "finish" }), Normal],
    ["has failed", (actor: AnyActorRef) => actor.send({ type: "throw" }), Abnormal(oops)],
  ] as const)("of an actor that %s", (_how, end, reason) => {
    test("ends, and its sockets close", async () => {
      const world = createWorld();
      await using server = await peerServer();
      const actor = startCounter(world);
      const owner = actorOwner(actor);
      const exits = exitsOf(owner);
      unwrap(await connect({ host: "127.0.0.1", port: server.port, owner }));
      const peer = await server.accept();
      end(actor);
      expect(exits).toEqual([reason]);
      expect((await peer.readToEnd()).how).toBe("Fin");
    });

    test("has ended for who asks only then", async () => {
      const actor = startCounter(createWorld());
      await uncaughtDuring(() => {
        actor.subscribe({ error: () => undefined });
        end(actor);
      });
      expect(exitsOf(actorOwner(actor))).toEqual([reason]);
      const connected = await connect({ host: "127.0.0.1", port: 9, owner: actorOwner(actor) });
      expect(connected).toMatchObject({ ok: false, error: { type: "ConnectAborted", cause: "OwnerExited" } });
    });

    test("is watched by monitors of processes, and by links", () =>
      inProcess(async (self, world) => {
        const actor = startCounter(world);
        const owner = actorOwner(actor);
        self.trapExits(true);
        self.monitor(owner);
        self.link(owner);
        end(actor);
        const ends = selectTrappedExits(
          selectMonitors(newSelector(), (down) => down),
          (exit) => exit,
        );
        const told = [unwrap(await self.receive(ends, 0)), unwrap(await self.receive(ends, 0))];
        expect(told.map(({ type }) => type).sort()).toEqual(["ExitMessage", "ProcessDown"]);
        for (const message of told) expect(message).toMatchObject({ owner, reason });
      }));
  });

  test("of an actor that is not there says noproc to a monitor", () =>
    inProcess(async (self, world) => {
      const actor = startCounter(world);
      actor.stop();
      self.monitor(actorOwner(actor));
      const down = unwrap(
        await self.receive(
          selectMonitors(newSelector(), (message) => message),
          0,
        ),
      );
      expect(down.reason).toEqual(Abnormal("noproc"));
    }));

  describe("an error of the actor", () => {
    const throwing = (prepare: (actor: ReturnType<typeof startCounter>, world: World) => unknown) =>
      uncaughtDuring(async () => {
        const world = createWorld();
        const actor = startCounter(world);
        await prepare(actor, world);
        actor.send({ type: "throw" });
        await new Promise((resolve) => setTimeout(resolve, 5)); // XState reports by a timer of Node's
      });

    test("is reported by XState where nobody has to do with us", async () => {
      expect(await throwing(() => undefined)).toEqual([oops]);
    });

    test("is still reported, once, where it owns a socket", async () => {
      expect(await throwing((actor) => createSocketPair({ owner: actorOwner(actor) }))).toEqual([oops]);
    });

    test("is reported once where another observer of it does not hear errors", async () => {
      const watched = await throwing((actor) => {
        actorOwner(actor);
        actor.subscribe(() => undefined);
      });
      expect(watched).toEqual([oops]);
    });

    test("is not reported where another observer hears it", async () => {
      const watched = await throwing((actor) => {
        actorOwner(actor);
        actor.subscribe({ error: () => undefined });
      });
      expect(watched).toEqual([]);
    });

    test("is not reported where a process monitors it", async () => {
      const watched = await throwing(async (actor, world) => {
        world.runtime.spawn((self) => {
          self.monitor(actorOwner(actor));
          return self.sleep(Infinity);
        });
        await turns();
      });
      expect(watched).toEqual([]);
    });
  });

  describe("exit", () => {
    test("stops a root actor", () => {
      const actor = startCounter(createWorld());
      actorOwner(actor).exit?.(Abnormal(oops));
      expect(actor.getSnapshot().status).toBe("stopped");
    });

    test("takes no notice of Normal, as a process does", () => {
      const actor = startCounter(createWorld());
      actorOwner(actor).exit?.(Normal);
      expect(actor.getSnapshot().status).toBe("active");
      actor.stop();
    });

    test.each([
      ["Abnormal", Abnormal(oops), oops],
      ["Killed", Killed, expect.objectContaining({ reason: Killed })],
    ] as const)("stops a child, whose parent hears %s as its error", async (_type, reason, error) => {
      await using parent = invoking(counter, undefined);
      actorOwner(parent.child).exit?.(reason);
      expect(parent.childSnapshot.status).toBe("stopped");
      expect((await parent.told<ErrorActorEvent>("xstate.error.actor.child")).error).toEqual(error);
      expect(parent.crashes.filter(({ handled }) => !handled)).toEqual([]);
    });

    test("comes by a link from a process that crashes", async () => {
      const world = createWorld();
      const actor = startCounter(world);
      const process = world.runtime.spawn((self) => {
        self.link(actorOwner(actor));
        throw oops;
      });
      await process.exited;
      expect(actor.getSnapshot().status).toBe("stopped");
    });
  });

  test("ends an actor whose selector throws, and says so", async () => {
    const world = createWorld();
    const actor = startCounter(world);
    const bad = selectTcpMessages(newSelector(), (): TcpMessage => {
      throw oops;
    });
    const [socket, other] = createSocketPair({ owner: actorOwner(actor, bad) });
    receiveNextPacketAsMessage(socket);
    await send(other, "x");
    await turns();
    expect(actor.getSnapshot().status).toBe("stopped");
    expect(world.crashes).toMatchObject([{ reason: oops, handled: false }]);
  });

  test("does not hold a program that only waits", async () => {
    const world = createWorld();
    const actor = startCounter(world);
    actorOwner(actor);
    expect(await isSettledWithin(world.runtime.idle())).toBe(true);
    actor.stop();
  });
});

describe("actorSubject", () => {
  test("brings what is sent to it to the actor, from the run queue", async () => {
    const world = createWorld();
    const log = createActor(
      fromTransition((seen: readonly number[], { n }: { type: "n"; n: number }) => [...seen, n], []),
      { clock: clockOf(world.runtime) },
    ).start();
    for (const n of [1, 2, 3]) actorSubject(log).send({ type: "n", n });
    expect(log.getSnapshot().context).toEqual([]);
    await turns();
    expect(log.getSnapshot().context).toEqual([1, 2, 3]);
    log.stop();
  });

  test("can be called, and says when the actor is not there any more", async () => {
    const world = createWorld();
    const actor = startCounter(world);
    const text = await call(actorSubject(actor), 100, (reply) => ({ type: "get", reply }));
    expect(text).toEqual({ ok: true, value: "" });
    const calling = call(actorSubject(actor), 100, (reply) => ({ type: "get", reply }));
    actor.stop();
    expect(await calling).toEqual({ ok: false, error: { type: "CalleeDown", reason: Normal } });
    const again = await call(actorSubject(actor), 100, (reply) => ({ type: "get", reply }));
    expect(again).toMatchObject({ ok: false, error: { type: "CalleeDown", reason: Abnormal("noproc") } });
  });

  test("is reached by timers of processes, in simulated time", () =>
    inProcess(async (self, world) => {
      const actor = startCounter(world);
      self.sendAfter(actorSubject(actor), 1_000, { type: "finish" });
      await world.clock.advance(999);
      expect(actor.getSnapshot().status).toBe("active");
      await world.clock.advance(1);
      expect(actor.getSnapshot().status).toBe("done");
    }));

  test("of an actor that has ended is a dead letter", () => {
    const world = createWorld();
    const actor = startCounter(world);
    const subject = actorSubject(actor);
    actor.stop();
    subject.send({ type: "finish" });
    expect(world.deadLetters).toMatchObject([{ message: { type: "finish" }, why: "Exited" }]);
  });

  test("is to be had while the actor is made: in its context, and in what it invokes at once", async () => {
    const world = createWorld();
    const asking = fromProcess(
      (_self, _events: OwnSubject<never>, { input }: ProcessArgs<Subject<{ type: "hello" }>>) => {
        input.send({ type: "hello" });
      },
    );
    const machine = setup({
      types: { context: {} as { own: Subject<{ type: "hello" }> }, events: {} as { type: "hello" } },
      actors: { asking },
    }).createMachine({
      context: ({ self }) => ({ own: actorSubject(self) }),
      initial: "on",
      invoke: { src: "asking", input: ({ self }) => actorSubject(self) },
      states: { on: { on: { hello: "off" } }, off: { type: "final" } },
    });
    const actor = createActor(machine, { clock: clockOf(world.runtime) }).start();
    await turns();
    expect(actor.getSnapshot().status).toBe("done");
  });

  test("of an actor whose snapshot does not say that it was stopped has ended", () => {
    const world = createWorld();
    const actor = createActor(
      fromTransition((count: number, _event: { type: "x" }) => count + 1, 0),
      {
        clock: clockOf(world.runtime),
      },
    ).start();
    actor.stop();
    expect(actor.getSnapshot().status).toBe("active");
    expect(exitsOf(actorOwner(actor, newSelector()))).toEqual([Normal]);
  });

  test("queues what comes before the actor is started", async () => {
    const world = createWorld();
    const actor = createActor(counter, { clock: clockOf(world.runtime) });
    actorSubject(actor).send({ type: "finish" });
    await turns();
    actor.start();
    expect(actor.getSnapshot().status).toBe("done");
  });
});
