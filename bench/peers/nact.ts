// nact's actors: `nact ping-pong`, `ring`, `fan-in`, `spawn`, `call`, as the programs of these names do it.
import { dispatch, query, type Ref, spawn, spawnStateless, start, stop } from "nact";
import { batches, standBy } from "../programs/rounds.ts";

const system = start();
let left = 0;
let done: (value: unknown) => void = () => undefined;
const finished = (): Promise<unknown> => new Promise((resolve) => (done = resolve));
const countDown = (): void => {
  if (--left === 0) done(undefined);
};

const workloads: Record<string, () => () => Promise<number>> = {
  "ping-pong": () => {
    const batch = 1_000;
    const pong = spawnStateless(system, (from: Ref<null>) => dispatch(from, null));
    const ping: Ref<null> = spawnStateless(system, () => {
      if (left-- > 0) dispatch(pong, ping);
      else done(undefined);
    });
    return async () => {
      left = batch;
      const over = finished();
      dispatch(ping, null);
      await over;
      return batch;
    };
  },

  ring: () => {
    const size = 1_000;
    let next: Ref<null> = spawnStateless(system, () => done(undefined));
    for (let others = size - 1; others > 0; others--) {
      const to = next;
      next = spawnStateless(system, () => dispatch(to, null));
    }
    return async () => {
      const over = finished();
      dispatch(next, null);
      await over;
      return size;
    };
  },

  "fan-in": () => {
    const sink = spawnStateless(system, countDown);
    const senders = Array.from({ length: 100 }, () =>
      spawnStateless(system, () => {
        for (let i = 0; i < 10; i++) dispatch(sink, i);
      }),
    );
    return async () => {
      left = 1_000;
      const over = finished();
      for (const sender of senders) dispatch(sender, null);
      await over;
      return 1_000;
    };
  },

  spawn: () => async () => {
    for (let times = 0; times < 10; times++) {
      const over = finished();
      const actor = spawn(system, () => done(undefined));
      dispatch(actor, null);
      await over;
      stop(actor);
    }
    return 10;
  },

  call: () => {
    const callee = spawnStateless(system, ({ from }: { from: Ref<number> }) => dispatch(from, 1));
    return async () => {
      for (let times = 0; times < 100; times++) await query(callee, (from: Ref<number>) => ({ from }), 5_000);
      return 100;
    };
  },
};

const begin = workloads[process.argv[2] ?? ""];
if (begin === undefined) throw new Error(`There is no workload ${process.argv[2]}`);
const batch = begin();
standBy((milliseconds) => batches(milliseconds, batch));
