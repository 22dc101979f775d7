import { start, type Started, type StartError } from "../otp/start.ts";
import { Shutdown } from "../process/exit.ts";
import { type Host, runtimeEngine } from "../process/runtime.ts";
import { selectSpecificMonitor } from "../process/monitor.ts";
import { newSelector } from "../process/selector.ts";
import type { Result } from "../result.ts";
import { valueText } from "../process/value-text.ts";
import { close } from "../tcp/socket.ts";
import { startCallbackConnection } from "./callback-connection.ts";
import type { AnyHandler, ConnectionOwner, ConnectionProcess } from "./handler.ts";
import { type Serving, startOptionsOf } from "./serving.ts";

/** @internal Starts whoever serves one connection, as the kind of handler wants it. */
export function startConnection(
  serving: Serving,
  handler: AnyHandler,
  host: Host,
): Promise<Result<Started<undefined>, StartError>> {
  if (typeof handler === "function") return startProcess(serving, handler, host);
  if ("createOwner" in handler) return startOwner(serving, handler, host);
  return startCallbackConnection(serving, handler, host);
}

function startProcess(serving: Serving, run: ConnectionProcess, host: Host) {
  return start<undefined, never>(host, startOptionsOf(serving), async (self) => {
    serving.giveTo(self);
    await serving.meetPeer(runtimeEngine(self.runtime));
    return { data: undefined, run: () => run(serving.connection, self) };
  });
}

/** The owner is no process of ours: one watches it, so that the tree has somebody to end. */
function startOwner(serving: Serving, handler: ConnectionOwner, host: Host) {
  return start<undefined, never>(host, startOptionsOf(serving), async (self) => {
    await serving.meetPeer(runtimeEngine(self.runtime));
    const owner = handler.createOwner(serving.connection, self);
    self.onExit((reason) => {
      owner.exit?.(reason.type === "Normal" ? Shutdown : reason); // a process takes no notice of a normal exit
      void close(serving.connection.socket); // an owner need not end by it
    }, "resource");
    serving.giveTo(owner);
    const ended = selectSpecificMonitor(newSelector(), self.monitor(owner), ({ reason }) => reason);
    return {
      data: undefined,
      run: async () => {
        self.exit(await self.receiveForever(ended));
      },
    };
  });
}

/**
 * @internal
 * @throws TypeError for what serves no connection
 */
export function checkHandler(handler: unknown): void {
  if (typeof handler === "function") return;
  const { init, onPacket, createOwner } = (handler ?? {}) as Partial<Record<string, unknown>>;
  if (typeof createOwner === "function" || (typeof init === "function" && typeof onPacket === "function")) return;
  throw new TypeError(
    `Cannot start a server: the handler must be a function, or have init and onPacket, or createOwner, received ${valueText(handler)}`,
  );
}
