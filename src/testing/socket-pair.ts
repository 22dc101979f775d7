import { checkOptionNames } from "../process/option-names.ts";
import type { Owner } from "../process/owner.ts";
import { type Runtime, runtimeEngine } from "../process/runtime.ts";
import type { OwnedSocket, Socket } from "../tcp/message.ts";
import { checkByteSize, checkMethods, checkMilliseconds } from "../tcp/option-checks.ts";
import { checkSocketOptions, type SocketOptions, socketOptionNames } from "../tcp/options.ts";
import { SocketEngine } from "../tcp/socket-engine.ts";
import { MemoryTransport } from "./memory-transport.ts";

/** One end of a pair: whose it is, and the options of any socket. */
export interface EndOptions<O extends Owner | undefined = Owner | undefined> extends SocketOptions {
  readonly owner?: O;
}

/** What lies between the two ends. */
export interface WireOptions {
  /** Milliseconds that everything takes to the other end, on the runtime's clock. Default 0. */
  readonly latencyMs?: number | undefined;
  /** Bytes that wait for a reader, as in the kernel, before the other end's sends wait. Default 65536. */
  readonly capacity?: number | undefined;
  /** Where ends without an owner live, and whose clock `latencyMs` is of. Default: the default runtime. */
  readonly runtime?: Runtime | undefined;
}

type SocketOf<O> = [O] extends [Owner] ? OwnedSocket : Socket;

/**
 * Two connected sockets without a network between them: the same state machine, the same functions and messages as
 * those of `connect` and `accept`, over memory. With a runtime on a simulated clock, a test of them takes no time and
 * is the same each time. An open pair does not keep the program running.
 *
 * @throws TypeError or RangeError for options that no socket can have
 */
export function createSocketPair<O extends Owner | undefined = undefined, P extends Owner | undefined = undefined>(
  one: EndOptions<O> = {},
  other: EndOptions<P> = {},
  wire: WireOptions = {},
): readonly [SocketOf<O>, SocketOf<P>] {
  const action = "create a socket pair";
  checkOptionNames(action, wire, ["latencyMs", "capacity", "runtime"]);
  const { latencyMs = 0, capacity = 65_536, runtime } = wire;
  checkMilliseconds(action, "latencyMs", latencyMs);
  checkByteSize(action, "capacity", capacity, 1);
  const { clock } = runtimeEngine(runtime ?? one.owner?.runtime ?? other.owner?.runtime);
  const [transport, otherTransport] = MemoryTransport.pair({ clock, latencyMs, capacity });
  return [
    end(action, transport, one, runtime) as unknown as SocketOf<O>,
    end(action, otherTransport, other, runtime) as unknown as SocketOf<P>,
  ];
}

function end(
  action: string,
  transport: MemoryTransport,
  options: EndOptions,
  runtime: Runtime | undefined,
): SocketEngine {
  checkOptionNames(action, options, ["owner", ...socketOptionNames]);
  const { owner } = options;
  if (owner !== undefined) checkMethods(action, "owner", owner, ["deliver", "onExit"]);
  const engine = new SocketEngine(
    transport,
    checkSocketOptions(options, action),
    runtimeEngine(owner?.runtime ?? runtime),
    owner,
  );
  engine.unref(); // nobody outside this program will ever send anything
  return engine;
}
