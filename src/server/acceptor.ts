import { start, type Started, type StartError } from "../otp/start.ts";
import type { Host } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";
import type { Result } from "../result.ts";
import type { SocketError } from "../tcp/error.ts";
import { accept, type Listener } from "../tcp/listen.ts";
import type { Connections } from "./connections.ts";

/** The system is short of something, or a peer went too early: the listening socket is not to blame. */
const passing: readonly SocketError[] = ["Emfile", "Enfile", "Econnaborted", "Enobufs", "Enomem", "Eintr", "Eproto"];

const shortestPauseMs = 10;
const longestPauseMs = 1_000;

/** @internal The role that takes connections, one after the other, and offers them. */
export function startAcceptor(
  listener: Listener,
  connections: Connections,
  host: Host,
): Promise<Result<Started<undefined>, StartError>> {
  return start<undefined, never>(host, { initTimeoutMs: Infinity }, (self) => ({
    data: undefined,
    run: () => acceptAll(self, listener, connections),
  }));
}

async function acceptAll(self: Self, listener: Listener, connections: Connections): Promise<void> {
  for (let pauseMs = shortestPauseMs; ;) {
    const accepted = await accept(listener, Infinity, { owner: self });
    if (accepted.ok) {
      connections.offer(accepted.value);
      pauseMs = shortestPauseMs;
    } else if (passing.includes(accepted.error)) {
      connections.acceptFailed(accepted.error, pauseMs);
      await self.sleep(pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    } else if (accepted.error === "Closed") return;
    else throw new Error(`Cannot accept: ${accepted.error}`);
  }
}
