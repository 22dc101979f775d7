import { ExitListener } from "../process/exit-listener.ts";
import { type Owner, attach, ownerItself } from "../process/owner.ts";
import type { RuntimeEngine } from "../process/runtime.ts";
import type { OwnedSocket, TcpMessage, TcpPassive } from "./message.ts";

/**
 * What a socket has of its owner: who gets its messages, and at whose end it ends. Nobody's, until somebody takes it. A base
 * of the socket and no part of it: an owner's listener for its end is the socket itself.
 */
export abstract class Owned extends ExitListener {
  // Only declared, as in `ExitListener`.
  declare protected owner: Owner | undefined;
  abstract readonly runtime: RuntimeEngine;

  constructor() {
    super();
    this.owner = undefined;
  }

  /** Sockets with and without an owner are one thing at run time. */
  get asOwned(): OwnedSocket {
    return this as unknown as OwnedSocket;
  }

  protected isWith(owner: Owner): boolean {
    return this.owner === ownerItself(owner);
  }

  /** Says false where `owner` has ended: then everything is as it was. */
  protected goTo(owner: Owner): boolean {
    const next = ownerItself(owner);
    if (!attach(next, this)) return false;
    this.owner = next;
    return true;
  }

  /** As `goTo`, and the messages that wait in the old owner's mailbox come along, in order. */
  protected moveTo(owner: Owner): boolean {
    const previous = this.owner;
    if (!this.goTo(owner)) return false;
    for (const message of previous?.takeBack?.(this.asOwned) ?? []) {
      if (message.type === "TcpPassive") this.tellPassive(message);
      else this.tell(message);
    }
    return true;
  }

  /** An owner must not throw here; if one does, the stream does not suffer for it. */
  protected tell(message: TcpMessage): void {
    try {
      this.owner?.deliver(message);
    } catch (error) {
      this.runtime.rethrow(error);
    }
  }

  protected tellPassive(message: TcpPassive): void {
    try {
      this.owner?.deliverPassive?.(message);
    } catch (error) {
      this.runtime.rethrow(error);
    }
  }
}
