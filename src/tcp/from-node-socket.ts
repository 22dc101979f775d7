import { checkOptionNames } from "../process/option-names.ts";
import type { Owner } from "../process/owner.ts";
import { runtimeEngine } from "../process/runtime.ts";
import type { OwnedSocket, Socket } from "./message.ts";
import { checkMethods } from "./option-checks.ts";
import { checkSocketOptions, type SocketOptions, socketOptionNames } from "./options.ts";
import { SocketEngine } from "./socket-engine.ts";
import { adopt } from "./node-transport.ts";
import type { NodeSocket } from "./transport.ts";

/** Who gets an adopted socket, and what has been read of it. */
export interface AdoptContext<O extends Owner | undefined = Owner | undefined> extends SocketOptions {
  readonly owner?: O;
  /** The bytes that were read from it already, as an HTTP upgrade gives them; they come first. */
  readonly head?: Uint8Array | undefined;
}

/**
 * Adopts a connected socket of `node:net`: an HTTP upgrade, a proxy's CONNECT. From now on it is Tankard's alone:
 * whoever had it must not read, write or close it any more, and its listeners for data have to be gone. One of TLS has
 * no reset: where another would be reset it just closes, which TLS tells from an end.
 *
 * @throws TypeError for something that is not a socket, is not connected, or has an encoding
 */
export function fromNodeSocket<O extends Owner | undefined = undefined>(
  raw: NodeSocket,
  context: AdoptContext<O> = {},
): [O] extends [Owner] ? OwnedSocket : Socket {
  const action = "adopt a socket";
  checkOptionNames(action, context, ["owner", "head", ...socketOptionNames]);
  checkMethods(action, "the socket", raw, ["pause", "resume", "resetAndDestroy"]);
  if (raw.connecting) throw new TypeError(`Cannot ${action}: it is still connecting`);
  if (raw.pending && !raw.destroyed) throw new TypeError(`Cannot ${action}: it is not connected`);
  if (raw.readableEncoding !== null) {
    throw new TypeError(`Cannot ${action}: its bytes are turned into text, received ${raw.readableEncoding}`);
  }
  if (context.owner !== undefined) checkMethods(action, "owner", context.owner, ["deliver", "onExit"]);
  const options = checkSocketOptions(context, action);
  const { owner, head } = context;
  const engine = new SocketEngine(adopt(raw, options), options, runtimeEngine(owner?.runtime), owner, head);
  return engine as unknown as OwnedSocket;
}
