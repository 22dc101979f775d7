import { describe, expect, test } from "@jest/globals";
import { type AnyActorRef, createActor, setup } from "xstate";
import { createRuntime, type OwnSubject, type Subject } from "tankard";
import { actorOwner, actorSubject, clockOf, fromConnect, fromProcess, fromServer, fromTcpSocket } from "tankard/xstate";
import { within, until, peerServer } from "../support/peer.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

type Token = { readonly type: "token"; readonly hops: number };

describe("sends into and out of machines", () => {
  const count = 10_000;

  test(`pass a message round a ring of ${count} machines and processes`, async () => {
    const runtime = createRuntime();
    const clock = clockOf(runtime);
    let arrived: (hops: number) => void;
    const round = new Promise<number>((resolve) => (arrived = resolve));
    /** Hands the token on; `next` is filled in when the ring is closed. */
    const ring: { subject: Subject<Token>; next: Subject<Token> | undefined }[] = [];
    const pass = (index: number, { hops }: Token): void => {
      if (hops === 2 * count) arrived(hops);
      else ring[index]?.next?.send({ type: "token", hops: hops + 1 });
    };
    const actors: AnyActorRef[] = [];
    for (let index = 0; index < count; index++) {
      let subject: Subject<Token>;
      if (index % 2 === 0) {
        const machine = setup({ types: { events: {} as Token } }).createMachine({
          on: { token: { actions: ({ event }) => pass(index, event) } },
        });
        const actor = createActor(machine, { clock }).start();
        actors.push(actor);
        subject = actorSubject(actor);
      } else {
        ({ subject } = runtime.spawn(async (self, tokens: OwnSubject<Token>) => {
          for (;;) pass(index, await self.receiveForever(tokens));
        }));
      }
      ring.push({ subject, next: undefined });
    }
    ring.forEach((place, index) => (place.next = ring[(index + 1) % count]?.subject));
    ring[0]?.subject.send({ type: "token", hops: 0 });
    expect(await within(round, "The token does not come round")).toBe(2 * count);
    for (const actor of actors) actor.stop();
    await runtime.stop();
  });

  test(`pass a message up and down ${count} times between a machine and its process`, async () => {
    const runtime = createRuntime();
    const machine = setup({
      types: { context: {} as { hops: number }, events: {} as Token },
      actors: {
        echo: fromProcess(async (self, tokens: OwnSubject<Token>, { sendBack }) => {
          for (;;) sendBack(await self.receiveForever(tokens));
        }),
      },
    }).createMachine({
      context: { hops: 0 },
      initial: "on",
      invoke: { id: "echo", src: "echo" },
      states: {
        on: {
          on: {
            token: [
              { guard: ({ event }) => event.hops >= count, target: "off" },
              {
                actions: ({ self, event }) => {
                  const echo = self.getSnapshot().children["echo"] as AnyActorRef;
                  echo.send({ type: "token", hops: event.hops + 1 });
                },
              },
            ],
          },
        },
        off: { type: "final" },
      },
    });
    const actor = createActor(machine, { clock: clockOf(runtime) }).start();
    actor.send({ type: "token", hops: 0 });
    await until(() => actor.getSnapshot().status !== "active", "It does not end");
    expect(actor.getSnapshot().status).toBe("done");
    await runtime.stop();
  });
});

describe("1000 machines that are started and stopped", () => {
  const count = 1_000;

  test.each(["stop", "throw", "finish"] as const)(
    "leave nothing behind where they %s",
    async (how) => {
      await using server = await peerServer();
      const runtime = createRuntime();
      const where = { host: "127.0.0.1", port: server.port };
      const machine = setup({
        types: { events: {} as { type: "throw" } | { type: "finish" } },
        actors: {
          tcp: fromTcpSocket(),
          connect: fromConnect(),
          process: fromProcess((self) => self.sleep(Infinity)),
          server: fromServer(),
        },
      }).createMachine({
        initial: "on",
        invoke: [
          { src: "tcp", input: where },
          { src: "connect", input: where },
          { src: "process" },
          { src: "server", input: { host: "127.0.0.1", port: 0 } },
        ],
        states: {
          on: {
            on: {
              throw: {
                actions: () => {
                  throw new Error("oops");
                },
              },
              finish: "off",
            },
          },
          off: { type: "final" },
        },
      });
      for (let left = count; left > 0; left -= 50) {
        const batch = Array.from({ length: 50 }, () => createActor(machine, { clock: clockOf(runtime) }));
        for (const actor of batch) {
          actor.subscribe({ error: () => undefined });
          actor.start();
          actorOwner(actor as AnyActorRef);
        }
        if (left % 100 === 0) await turns(30); // half of them have connected by then
        for (const actor of batch) {
          if (how === "stop") actor.stop();
          else actor.send({ type: how });
          expect((actor as unknown as { observers: Set<unknown> }).observers.size).toBe(0);
        }
      }
      expect(await isSettledWithin(runtime.idle(), 2_000)).toBe(true);
      await runtime.stop();
    },
    60_000,
  );
});
