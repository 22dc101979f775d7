// A child that ends and is started again, over and over: `restarts <kind>`.
import { type Process, spawn, unwrap } from "tankard";
import { type ChildSpec, continueWith, startActor, startFactorySupervisor, startSupervisor, stop } from "tankard/otp";
import { batches, standBy } from "./rounds.ts";

const restartTolerance = { intensity: Number.MAX_SAFE_INTEGER, periodMs: 1_000 };

let child: Process | undefined;
let restarted: () => void = () => undefined;

const start: ChildSpec["start"] = async (host) => {
  const started = await startActor(
    {
      state: null,
      onMessage: (state, message: "stop" | "stay") => (message === "stop" ? stop() : continueWith(state)),
    },
    host,
  );
  child = unwrap(started).process;
  restarted();
  return started;
};

const kinds: Record<string, () => Promise<unknown>> = {
  startSupervisor: () =>
    startSupervisor({ strategy: "OneForOne", restartTolerance, children: [{ id: "child", start }] }),
  startFactorySupervisor: async () => {
    const factory = await startFactorySupervisor<undefined, unknown>({
      start: (_, host) => start(host),
      restart: "Permanent",
      restartTolerance,
    });
    await unwrap(factory).data.startChild(undefined);
  },
};

const kind = kinds[process.argv[2] ?? ""];
if (kind === undefined) throw new Error(`There is no kind ${process.argv[2]}`);
await kind();
await spawn((self) => self.sleep(10)).result;

standBy((milliseconds) =>
  batches(milliseconds, async () => {
    for (let left = 50; left > 0; left--) {
      const again = new Promise<void>((resolve) => (restarted = resolve));
      (child as Process<unknown, "stop">).subject.send("stop");
      await again;
    }
    return 50;
  }),
);
