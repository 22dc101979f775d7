import { ExitListener } from "../process/exit-listener.ts";
import { type Owner, attach, ownerItself } from "../process/owner.ts";
import type { RuntimeEngine } from "../process/runtime.ts";
import type { OwnedSocket, TcpMessage, TcpPassive } from "./message.ts";

interface Owned {
  readonly runtime: RuntimeEngine;
  ownerEnded(): void;
}

/** Whose a socket is: who gets its messages, and at whose end it ends. Nobody's, until somebody takes it. */
export class Ownership extends ExitListener {
  readonly #owned: Owned;
  #owner: Owner | undefined;

  constructor(owned: Owned) {
    super();
    this.#owned = owned;
  }

  get isTaken(): boolean {
    return this.#owner !== undefined;
  }

  isWith(owner: Owner): boolean {
    return this.#owner === ownerItself(owner);
  }

  /** Says false where `owner` has ended: then everything is as it was. */
  take(owner: Owner): boolean {
    const next = ownerItself(owner);
    if (!attach(next, this)) return false;
    this.#owner = next;
    return true;
  }

  hear(): void {
    this.#owned.ownerEnded();
  }

  /** As `take`, and the messages of `socket` that wait in the old owner's mailbox come along, in order. */
  handOver(owner: Owner, socket: OwnedSocket): boolean {
    const previous = this.#owner;
    if (!this.take(owner)) return false;
    for (const message of previous?.takeBack?.(socket) ?? []) {
      if (message.type === "TcpPassive") this.deliverPassive(message);
      else this.deliver(message);
    }
    return true;
  }

  /** An owner must not throw here; if one does, the stream does not suffer for it. */
  deliver(message: TcpMessage): void {
    try {
      this.#owner?.deliver(message);
    } catch (error) {
      this.#owned.runtime.rethrow(error);
    }
  }

  deliverPassive(message: TcpPassive): void {
    try {
      this.#owner?.deliverPassive?.(message);
    } catch (error) {
      this.#owned.runtime.rethrow(error);
    }
  }

  /** Nobody wants to hear any more that `socket` is over. */
  dropClosed(socket: OwnedSocket): void {
    this.#owner?.dropClosed?.(socket);
  }

  /** A packet was asked for: what the kernel has of it comes with the next poll. */
  awaitPoll(): void {
    this.#owner?.awaitPoll?.();
  }
}
