import { describe, expect, test } from "@jest/globals";
import { createActor, type DoneActorEvent, type ErrorActorEvent, type EventObject, setup, toPromise } from "xstate";
import {
  connect,
  ExitSignal,
  Killed,
  newName,
  newSelector,
  Normal,
  type OwnSubject,
  type Process,
  receiveNextPacketAsMessage,
  type Self,
  tcpMessages,
  unwrap,
} from "tankard";
import { clockOf, fromProcess, type ProcessArgs } from "tankard/xstate";
import { createWorld } from "../support/in-process.ts";
import { invoking } from "../support/parent.ts";
import { peerServer, until } from "../support/peer.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

const done = "xstate.done.actor.child";
const failed = "xstate.error.actor.child";
const oops = new Error("oops");

/** A process that waits for events, for ever, and lets the test have a look at itself. */
function waiting(seen: (self: Self) => void) {
  return fromProcess((self, events: OwnSubject<EventObject>) => {
    seen(self);
    return self.receiveForever(events);
  });
}

describe("fromProcess", () => {
  test("gives what the function returns as its output", async () => {
    await using parent = invoking(
      fromProcess((_self, _events, { input }: ProcessArgs<unknown>) => [input]),
      "in",
    );
    expect((await parent.told<DoneActorEvent>(done)).output).toEqual(["in"]);
    await using later = invoking(
      fromProcess(async (self) => {
        await self.sleep(5);
        return "later";
      }),
      undefined,
    );
    await later.clock.advance(5);
    expect((await later.told<DoneActorEvent>(done)).output).toBe("later");
  });

  test("fails of what the function throws, and the crash is no process's concern", async () => {
    await using parent = invoking(
      fromProcess(() => {
        throw oops;
      }),
      undefined,
    );
    expect((await parent.told<ErrorActorEvent>(failed)).error).toBe(oops);
    expect(parent.crashes).toMatchObject([{ reason: oops, handled: true }]);
  });

  test("is reported as XState does where nobody hears that it failed", async () => {
    const errors = await uncaughtDuring(async () => {
      const actor = createActor(
        fromProcess(() => {
          throw oops;
        }),
        { clock: clockOf(createWorld().runtime) },
      ).start();
      await until(() => actor.getSnapshot().status === "error", "It does not fail");
      await new Promise((resolve) => setTimeout(resolve, 5)); // XState reports by a timer of Node's, set before this one
    });
    expect(errors).toEqual([oops]);
  });

  test("does not begin inside start", async () => {
    const log: string[] = [];
    const actor = createActor(
      fromProcess(() => {
        log.push("began");
      }),
    );
    actor.start();
    log.push("started");
    await toPromise(actor);
    expect(log).toEqual(["started", "began"]);
  });

  test("receives what the actor is sent, in order, also before it is started", async () => {
    const actor = createActor(
      fromProcess(async (self, events: OwnSubject<{ type: "n"; n: number }>) => {
        const numbers: number[] = [];
        while (numbers.length < 3) numbers.push((await self.receiveForever(events)).n);
        return numbers;
      }),
    );
    actor.send({ type: "n", n: 1 });
    actor.start();
    actor.send({ type: "n", n: 2 });
    actor.send({ type: "n", n: 3 });
    expect(await toPromise(actor)).toEqual([1, 2, 3]);
  });

  test("sends back to its parent, and emits to whoever listens", async () => {
    const logic = fromProcess(
      async (self, _events: OwnSubject<EventObject>, args: ProcessArgs<unknown, { type: "heard" }, { type: "up" }>) => {
        args.sendBack({ type: "up" });
        args.emit({ type: "heard" });
        await self.sleep(1);
        return args.actorRef.id;
      },
    );
    await using parent = invoking(logic, undefined);
    const emitted: unknown[] = [];
    parent.child.on("heard", (event: unknown) => void emitted.push(event));
    await parent.told("up");
    await turns();
    expect(emitted).toEqual([{ type: "heard" }]);
    await parent.clock.advance(1);
    expect((await parent.told<DoneActorEvent>(done)).output).toBe("child");
    expect(parent.types).toEqual(["up", done]);
  });

  test("sends nothing back after its end", async () => {
    let args: ProcessArgs | undefined;
    const logic = fromProcess((self, _events, given) => {
      args = given;
      return self.sleep(Infinity);
    });
    await using parent = invoking(logic, undefined);
    await turns();
    parent.leave();
    args?.sendBack({ type: "late" });
    args?.emit({ type: "late" });
    expect(parent.types).toEqual([]);
  });

  test.each(["leave", "stop", "crash"] as const)(
    "ends, with its sockets and what is linked to it, when the machine does %s",
    async (how) => {
      await using server = await peerServer();
      const processes: Process[] = [];
      const logic = fromProcess(async (self) => {
        processes.push(
          self.process,
          self.spawn((child) => child.sleep(Infinity)),
        );
        const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner: self }));
        receiveNextPacketAsMessage(socket);
        await self.receiveForever(newSelector().merge(tcpMessages));
      });
      await using parent = invoking(logic, undefined);
      const peer = await server.accept();
      await turns();
      if (how === "leave") parent.leave();
      else if (how === "stop") parent.actor.stop();
      else parent.crash(oops);
      expect(processes.map(({ isAlive }) => isAlive)).toEqual([false, false]);
      expect(parent.childSnapshot.status).toBe("stopped");
      expect((await peer.readToEnd()).how).toBe("Fin");
      expect(parent.crashes).toEqual([]);
    },
  );

  test("runs its finally blocks when it is stopped", async () => {
    const log: string[] = [];
    const logic = fromProcess(async (self) => {
      try {
        await self.sleep(Infinity);
      } finally {
        log.push("finally");
      }
    });
    await using parent = invoking(logic, undefined);
    await turns();
    parent.leave();
    await turns();
    expect(log).toEqual(["finally"]);
  });

  test("is done without an output where the process ends itself normally, and fails where it is killed", async () => {
    const selves: Self[] = [];
    await using one = invoking(
      waiting((self) => selves.push(self)),
      undefined,
    );
    await turns();
    selves[0]?.exit(Normal);
    expect((await one.told<DoneActorEvent>(done)).output).toBeUndefined();
    await using another = invoking(
      waiting((self) => selves.push(self)),
      undefined,
    );
    await turns();
    selves[1]?.process.kill();
    const { error } = await another.told<ErrorActorEvent>(failed);
    expect(error).toBeInstanceOf(ExitSignal);
    expect(error).toMatchObject({ reason: Killed });
  });

  test("takes what spawn takes: a name, and a bound of its mailbox", async () => {
    const name = newName<{ type: "n"; n: number }>("numbers");
    const logic = fromProcess(
      async (self, events: OwnSubject<{ type: "n"; n: number }>) => {
        await self.sleep(1);
        return (await self.receiveForever(events)).n;
      },
      { name, mailbox: { capacity: 1, overflow: "dropOldest" } },
    );
    const world = createWorld();
    const actor = createActor(logic, { clock: clockOf(world.runtime) }).start();
    for (const n of [1, 2, 3]) actor.send({ type: "n", n });
    await world.clock.advance(1);
    expect(await toPromise(actor)).toBe(3);
  });

  test("runs from its beginning where it is restored", async () => {
    let runs = 0;
    const machine = setup({
      actors: {
        job: fromProcess(async (self, _events: OwnSubject<EventObject>, { input }: ProcessArgs<{ n: number }>) => {
          runs++;
          await self.sleep(1);
          return input.n;
        }),
      },
      types: { output: {} as number },
    }).createMachine({
      initial: "a",
      context: { n: 0 },
      states: { a: { invoke: { src: "job", input: { n: 7 }, onDone: "b" } }, b: { type: "final" } },
      output: () => 7,
    });
    const world = createWorld();
    const first = createActor(machine, { clock: clockOf(world.runtime) }).start();
    await turns();
    const snapshot = JSON.parse(JSON.stringify(first.getPersistedSnapshot())) as never;
    first.stop();
    const second = createActor(machine, { clock: clockOf(world.runtime), snapshot }).start();
    await world.clock.advance(1);
    expect(await toPromise(second)).toBe(7);
    expect(runs).toBe(2);
  });
});
