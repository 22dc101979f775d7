import { describe, expect, test } from "@jest/globals";
import { type AnyActorRef, assign, createActor, fromTransition, setup, type Snapshot, spawnChild } from "xstate";
import { call, named, namedSubject, newName, type Subject, unwrap } from "tankard";
import { type ChildSpec, startSupervisor, type Supervisor } from "tankard/otp";
import { clockOf, fromTcpSocket, machineChild } from "tankard/xstate";
import { createWorld, thrownBy, type World } from "../support/in-process.ts";
import { peerServer, until } from "../support/peer.ts";
import { turns } from "../support/turns.ts";

const oops = new Error("oops");

type CounterEvent = { type: "add" } | { type: "throw" } | { type: "finish" } | { type: "get"; reply: Subject<number> };

const counter = setup({
  types: {
    input: {} as { first: number },
    context: {} as { count: number },
    events: {} as CounterEvent,
    output: {} as number,
  },
  actions: {
    fail: () => {
      throw oops;
    },
  },
}).createMachine({
  context: ({ input }) => ({ count: input.first }),
  initial: "on",
  output: ({ context }) => context.count,
  states: {
    on: {
      on: {
        add: { actions: assign({ count: ({ context }) => context.count + 1 }) },
        throw: { actions: [assign({ count: 99 }), "fail"] },
        finish: "off",
        get: {
          actions: ({ context, event }) => {
            event.reply.send(context.count);
          },
        },
      },
    },
    off: { type: "final" },
  },
});

interface Supervised extends World, AsyncDisposable {
  readonly supervisor: Supervisor;
  readonly actors: readonly AnyActorRef[];
  /** The actor that runs now. */
  readonly actor: AnyActorRef;
  restarted(count: number): Promise<void>;
}

/** A supervisor of one machine. */
async function supervising(make: (onActor: (actor: AnyActorRef) => void) => ChildSpec): Promise<Supervised> {
  const world = createWorld();
  const actors: AnyActorRef[] = [];
  const child = make((actor) => actors.push(actor));
  const started = await startSupervisor({ strategy: "OneForOne", children: [child] }, world.runtime);
  const { data: supervisor } = unwrap(started);
  return {
    ...world,
    supervisor,
    actors,
    get actor() {
      return actors.at(-1) as AnyActorRef;
    },
    restarted: (count) => until(() => actors.length === count + 1, "It is not started again"),
    [Symbol.asyncDispose]: async () => {
      await supervisor.stop();
      await world.runtime.stop();
    },
  };
}

function countOf(actor: AnyActorRef): number {
  return (actor.getSnapshot() as { context: { count: number } }).context.count;
}

describe("machineChild", () => {
  const child = (onActor: (actor: AnyActorRef) => void) =>
    machineChild(counter, { id: "counter", input: () => ({ first: 1 }), onActor });

  test("starts the machine with its input, in the supervisor's runtime", async () => {
    await using supervised = await supervising(child);
    expect(supervised.supervisor.children()).toMatchObject([{ id: "counter", process: { isAlive: true } }]);
    expect(countOf(supervised.actor)).toBe(1);
  });

  test("is started again from its input when it fails, and the supervisor alone hears of that", async () => {
    await using supervised = await supervising(child);
    const { actor } = supervised;
    actor.send({ type: "add" });
    actor.send({ type: "throw" });
    await supervised.restarted(1);
    expect(countOf(supervised.actor)).toBe(1);
    expect(supervised.crashes).toMatchObject([{ reason: oops, handled: true }]);
  });

  test("is started again from the last snapshot that it was well with, where it shall", async () => {
    await using supervised = await supervising((onActor) =>
      machineChild(counter, { id: "counter", input: () => ({ first: 1 }), restartFrom: "snapshot", onActor }),
    );
    supervised.actor.send({ type: "add" });
    supervised.actor.send({ type: "throw" });
    await supervised.restarted(1);
    expect(countOf(supervised.actor)).toBe(2);
    supervised.actor.send({ type: "finish" }); // Permanent: it begins afresh
    await supervised.restarted(2);
    expect(countOf(supervised.actor)).toBe(1);
  });

  test("begins from a persisted snapshot the first time, and from its input after that", async () => {
    const world = createWorld();
    const before = createActor(counter, { input: { first: 41 }, clock: clockOf(world.runtime) }).start();
    before.send({ type: "add" });
    const snapshot = JSON.parse(JSON.stringify(before.getPersistedSnapshot())) as Snapshot<unknown>;
    before.stop();
    await using supervised = await supervising((onActor) =>
      machineChild(counter, { id: "counter", input: () => ({ first: 1 }), snapshot, onActor }),
    );
    expect(countOf(supervised.actor)).toBe(42);
    supervised.actor.send({ type: "throw" });
    await supervised.restarted(1);
    expect(countOf(supervised.actor)).toBe(1);
  });

  test("brings its children's sockets back from a snapshot", async () => {
    await using server = await peerServer();
    const client = setup({ actors: { tcp: fromTcpSocket() } }).createMachine({
      invoke: { id: "tcp", src: "tcp", input: { host: "127.0.0.1", port: server.port } },
      on: {
        throw: {
          actions: () => {
            throw oops;
          },
        },
      },
    });
    await using supervised = await supervising((onActor) =>
      machineChild(client, { id: "client", restartFrom: "snapshot", onActor }),
    );
    const first = await server.accept();
    supervised.actor.send({ type: "throw" });
    expect((await first.readToEnd()).how).toBe("Fin");
    await server.accept();
    expect(supervised.actors).toHaveLength(2);
  });

  test("does not start from snapshots where a child cannot be persisted, and fails where one comes later", async () => {
    const nameless = fromTransition((count: number, _event: { type: "x" }) => count, 0);
    const world = createWorld();
    const machine = (first: "with" | "without") =>
      setup({}).createMachine({
        initial: first,
        states: { with: { entry: spawnChild(nameless) }, without: { on: { go: "with" } } },
      });
    const children = [machineChild(machine("with"), { id: "nameless", restartFrom: "snapshot" })];
    const refused = await startSupervisor({ strategy: "OneForOne", children }, world.runtime);
    // XState's production build persists it all the same.
    expect(refused.ok ? "kept" : refused.error.type).toMatch(/^(kept|InitFailed)$/);
    if (refused.ok) await refused.value.data.stop();
    expect(world.crashes.filter(({ handled }) => !handled)).toEqual([]);
  });

  test("ends normally when it is done, with its output as the result", async () => {
    await using supervised = await supervising((onActor) =>
      machineChild(counter, { id: "counter", input: () => ({ first: 1 }), restart: "Transient", onActor }),
    );
    const process = supervised.supervisor.children()[0]?.process;
    supervised.actor.send({ type: "add" });
    supervised.actor.send({ type: "finish" });
    expect(await process?.result).toBe(2);
    await turns();
    expect(supervised.actors).toHaveLength(1);
  });

  test("is stopped with its supervisor", async () => {
    const supervised = await supervising(child);
    await supervised[Symbol.asyncDispose]();
    expect(supervised.actor.getSnapshot()).toMatchObject({ status: "stopped" });
    expect(supervised.crashes).toEqual([]);
  });

  test("is reached by its name, also after it was started again", async () => {
    const name = newName<CounterEvent>("counter");
    await using supervised = await supervising((onActor) =>
      machineChild(counter, { id: "counter", input: () => ({ first: 1 }), name, onActor }),
    );
    const subject = namedSubject(name);
    subject.send({ type: "add" });
    expect(await call(subject, 100, (reply) => ({ type: "get", reply }))).toEqual({ ok: true, value: 2 });
    subject.send({ type: "throw" });
    await supervised.restarted(1);
    await until(() => named(name).ok, "It has no name again");
    expect(await call(subject, 100, (reply) => ({ type: "get", reply }))).toEqual({ ok: true, value: 1 });
  });

  test("supervises any logic", async () => {
    await using supervised = await supervising((onActor) =>
      machineChild(
        fromTransition((count, _event) => count + 1, 0),
        { id: "transition", onActor },
      ),
    );
    supervised.actor.send({ type: "x" });
    expect(supervised.actor.getSnapshot()).toMatchObject({ context: 1 });
  });

  test("does not start where the machine fails as it begins, and says of what", async () => {
    const world = createWorld();
    for (const make of [
      setup({}).createMachine({
        context: () => {
          throw oops;
        },
      }),
      setup({}).createMachine({
        entry: () => {
          throw oops;
        },
      }),
    ]) {
      const started = await startSupervisor(
        { strategy: "OneForOne", children: [machineChild(make, { id: "bad" })] },
        world.runtime,
      );
      expect(started).toMatchObject({ ok: false, error: { type: "InitFailed", reason: { cause: oops } } });
    }
    expect(world.crashes).toEqual([]);
  });

  test("lets a supervisor give up on it", async () => {
    await using supervised = await supervising(child);
    void supervised.supervisor.process.exited;
    for (let restarts = 1; restarts <= 3; restarts++) {
      supervised.actor.send({ type: "throw" });
      if (restarts < 3) await supervised.restarted(restarts);
    }
    expect((await supervised.supervisor.process.exited).type).toBe("Abnormal");
  });

  test("refuses options that no child can have", async () => {
    const options = { id: "counter", input: () => ({ first: 1 }) };
    for (const wrong of [{ restart: "Sometimes" }, { restartFrom: "ashes" }, { inptu: 1 }, { shutdownTimeoutMs: -1 }])
      expect(await thrownBy(() => machineChild(counter, { ...options, ...wrong } as never))).toBeInstanceOf(Error);
  });
});
