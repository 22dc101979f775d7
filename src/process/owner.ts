// The one look upwards, at types alone: what an owner gets from its sockets is said where sockets are.
import type { OwnedSocket, TcpMessage, TcpPassive } from "../tcp/message.ts";
import type { ExitReason } from "./exit.ts";
import type { ExitListener } from "./exit-listener.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Whoever can own sockets and be watched: a process, a callback, an XState actor. Everything that a socket, a link
 * or a monitor has to know of its owner is here.
 */
export interface Owner {
  /** Puts one message last in the mailbox. Keeps call order, never throws; dropped after the owner's end. */
  deliver(message: TcpMessage): void;
  /** As `deliver`, for the end of what `setActive` counts. Where it is absent, the owner does not hear of it. */
  deliverPassive?(message: TcpPassive): void;
  /**
   * Calls `listener` once, when the owner ends; at once if it has. A "resource" (a socket) goes down with its owner;
   * an "observer" (a link, a monitor, a supervisor; the default) hears the reason, so that a crash which it hears is
   * not reported as unhandled. Resources are told before observers.
   *
   * @returns a function that takes the listener away again
   */
  onExit(listener: (reason: ExitReason) => void, role?: "resource" | "observer"): () => void;
  /** Asks the owner to end. Where it is absent, a link works one way. */
  exit?(reason: ExitReason): void;
  /** Its clock and hooks; the default runtime's where it is absent. */
  readonly runtime?: Runtime;
  /**
   * @internal As `onExit` for a resource, which costs no functions so, and leaves the owner that it had. Says false where
   * this one has ended: nothing changes then. Absent where only its functions are known.
   */
  attach?(resource: ExitListener): boolean;
  /** @internal For hand-over: this socket's messages that are queued and not yet taken. */
  takeBack?(socket: OwnedSocket): (TcpMessage | TcpPassive)[];
  /** @internal Takes back the `SocketClosed` of a socket that is closed before anybody has taken it. */
  dropClosed?(socket: OwnedSocket): void;
  /** @internal A message may come with the next poll: whoever looks without waiting lets that pass first. */
  awaitPoll?(): void;
  /** @internal The owner that this is but a view of. */
  readonly [viewed]?: Owner;
}

/** @internal */
export const viewed = Symbol("viewed");

/** @internal The owner itself, where a process speaks of itself as `self`. */
export function ownerItself(owner: Owner): Owner {
  return owner[viewed] ?? owner;
}

/**
 * @internal Watches `owner`, or says by `undefined` that it has ended already: then `ended` is never called.
 */
export function watch(
  owner: Owner,
  role: "resource" | "observer",
  ended: (reason: ExitReason) => void,
): (() => void) | undefined {
  const seen = { isWatching: false, hasEnded: false };
  const leave = owner.onExit((reason) => {
    seen.hasEnded = true;
    if (seen.isWatching) ended(reason);
  }, role);
  seen.isWatching = true;
  return seen.hasEnded ? undefined : leave;
}

/** @internal As `Owner.attach`, for any owner. */
export function attach(owner: Owner, resource: ExitListener): boolean {
  if (owner.attach !== undefined) return owner.attach(resource);
  const leave = watch(owner, "resource", (reason) => {
    if (resource.list !== place) return; // it has gone to another since, and this one calls it all the same
    resource.list = undefined;
    resource.hear(reason);
  });
  if (leave === undefined) return false;
  const place = { remove: leave };
  resource.leave();
  resource.list = place;
  return true;
}
