import { checkDelay } from "../process/clock.ts";
import type { Server } from "./server.ts";

/**
 * Lets `server` drain when the program is asked to end (`SIGTERM`, Ctrl-C), within `withinMs` milliseconds, default
 * 15000; asked once more, it stops at once. When nothing else keeps the program running, it ends by itself.
 *
 * @returns a function that undoes it
 */
export function drainOnSignals(server: Server, { withinMs = 15_000 }: { readonly withinMs?: number } = {}): () => void {
  checkDelay("drain on signals", "withinMs", withinMs);
  let isDraining = false;
  const end = (): void => {
    void (isDraining ? server.stop() : server.drain(withinMs));
    isDraining = true;
  };
  const undo = (): void => {
    for (const signal of signals) process.removeListener(signal, end);
  };
  for (const signal of signals) process.on(signal, end);
  void server.process.exited.then(undo);
  return undo;
}

const signals = ["SIGTERM", "SIGINT"] as const;
