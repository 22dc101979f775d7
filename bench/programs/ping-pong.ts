// Two that answer each other: `ping-pong <kind>`. An operation is there and back.
import { type OwnSubject, spawn, type Subject, unwrap } from "tankard";
import { continueWith, startActor } from "tankard/otp";
import { type AnyActorRef, createActor, fromTransition, setup } from "xstate";
import { batches, standBy } from "./rounds.ts";

const batch = 10_000;

/** Gives what plays `batch` times, and resolves when that is done. */
const kinds: Record<string, () => Promise<() => Promise<unknown>>> = {
  "async process": async () => {
    const pong = spawn(async (self, inbox: OwnSubject<Subject<null>>) => {
      for (;;) (await self.receiveForever(inbox)).send(null);
    });
    return () =>
      spawn(async (self) => {
        const inbox = self.newSubject<null>();
        for (let left = batch; left > 0; left--) {
          pong.subject.send(inbox);
          await self.receiveForever(inbox);
        }
      }).result;
  },

  actor: async () => {
    const pong = unwrap(
      await startActor({
        state: null,
        onMessage: (state, from: Subject<null>) => {
          from.send(null);
          return continueWith(state);
        },
      }),
    ).data;
    let left = 0;
    let done: (value: unknown) => void = () => undefined;
    const ping: Subject<null> = unwrap(
      await startActor({
        state: null,
        onMessage: (state, _: null) => {
          if (left-- > 0) pong.send(ping);
          else done(undefined);
          return continueWith(state);
        },
      }),
    ).data;
    return () => {
      left = batch;
      ping.send(null);
      return new Promise((resolve) => (done = resolve));
    };
  },

  "XState transition": async () => playXState((onEvent) => fromTransition((state: null, event) => (onEvent(event), state), null)), // prettier-ignore

  "XState machine": async () =>
    playXState((onEvent) =>
      setup({ types: { events: {} as { type: "ping"; from?: AnyActorRef } } }).createMachine({
        on: { ping: { actions: ({ event }) => onEvent(event) } },
      }),
    ),
};

/** Each event is sent from within the handling of the one before; XState queues it. */
function playXState(logicOf: (onEvent: (event: { type: string; from?: AnyActorRef }) => void) => never | object) {
  let left = 0;
  let done: (value: unknown) => void = () => undefined;
  const pong: AnyActorRef = createActor(
    logicOf(({ from }) => from?.send({ type: "ping" })) as ReturnType<typeof fromTransition>,
  ).start() as AnyActorRef;
  const ping: AnyActorRef = createActor(
    logicOf(() => {
      if (left-- > 0) pong.send({ type: "ping", from: ping });
      else done(undefined);
    }) as ReturnType<typeof fromTransition>,
  ).start() as AnyActorRef;
  return () => {
    left = batch;
    const finished = new Promise((resolve) => (done = resolve));
    ping.send({ type: "ping" });
    return finished;
  };
}

const kind = kinds[process.argv[2] ?? ""];
if (kind === undefined) throw new Error(`There is no kind ${process.argv[2]}`);
const play = await kind();
standBy((milliseconds) => batches(milliseconds, () => play().then(() => batch)));
