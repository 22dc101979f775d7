import type { OwnedSocket, TcpMessage, TcpPassive } from "../tcp/message.ts";
import { Abnormal, type ExitReason, Normal } from "./exit.ts";
import type { ExitListener } from "./exit-listener.ts";
import { ExitListeners } from "./exit-listeners.ts";
import type { Owner } from "./owner.ts";
import { type Runtime, type RuntimeEngine, runtimeEngine } from "./runtime.ts";
import type { Runnable } from "./scheduler.ts";

/** Messages that one callback may handle before the next in the run queue has its turn. */
const messagesPerVisit = 32;

/**
 * A plain function as an owner of sockets. It gets its messages from the run queue, never inside the call that asked
 * for them. If it throws, the owner ends `Abnormal`: its sockets close, and the error is thrown as an uncaught
 * exception unless an observer hears of it. `exit` ends it, and its sockets with it. What `setActive` says at the end
 * of a count goes to `onPassive`, in order with the rest; without one, nobody hears of it.
 */
export function ownerFromCallback(
  callback: (message: TcpMessage) => void,
  runtime?: Runtime,
  onPassive?: (message: TcpPassive) => void,
): Owner & { exit(reason?: ExitReason): void } {
  return new CallbackOwner(callback, runtimeEngine(runtime), onPassive);
}

class CallbackOwner extends ExitListeners implements Owner, Runnable {
  readonly runtime: RuntimeEngine;
  readonly #callback: (message: TcpMessage) => void;
  readonly #onPassive: (message: TcpPassive) => void;
  /** Most of the time no more than one message waits, which costs no array. */
  #first: TcpMessage | TcpPassive | undefined;
  #behind: (TcpMessage | TcpPassive)[] | undefined;
  #isQueued = false;
  #ended: ExitReason | undefined;

  constructor(
    callback: (message: TcpMessage) => void,
    runtime: RuntimeEngine,
    onPassive: (message: TcpPassive) => void = ignore,
  ) {
    super();
    this.#callback = callback;
    this.#onPassive = onPassive;
    this.runtime = runtime;
  }

  deliver(message: TcpMessage): void {
    this.#append(message);
  }

  deliverPassive(message: TcpPassive): void {
    this.#append(message);
  }

  #append(message: TcpMessage | TcpPassive): void {
    if (this.#ended !== undefined) return;
    if (this.#first === undefined) this.#first = message;
    else (this.#behind ??= []).push(message);
    this.#queueUp();
  }

  run(): void {
    this.#isQueued = false;
    try {
      for (let left = messagesPerVisit; left > 0; left--) {
        const message = this.#first;
        if (message === undefined) return;
        this.#first = this.#behind?.shift();
        if (message.type === "TcpPassive") this.#onPassive(message);
        else this.#callback(message);
      }
    } catch (error) {
      this.#crash(error);
    }
    if (this.#first !== undefined) this.#queueUp();
  }

  onExit(listener: (reason: ExitReason) => void, role: "resource" | "observer" = "observer"): () => void {
    if (this.#ended === undefined) return this.add(listener, role);
    listener(this.#ended);
    return () => undefined;
  }

  attach(resource: ExitListener): boolean {
    if (this.#ended !== undefined) return false;
    this.addResource(resource);
    return true;
  }

  exit(reason: ExitReason = Normal): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#keep(() => false);
    this.tellResources(reason, this.runtime.rethrow);
    this.tellObservers(reason, this.runtime.rethrow);
  }

  takeBack(socket: OwnedSocket): (TcpMessage | TcpPassive)[] {
    return this.#keep((message) => message.socket !== socket);
  }

  dropClosed(socket: OwnedSocket): void {
    this.#keep((message) => message.socket !== socket || message.type !== "SocketClosed");
  }

  /** Gives the others. */
  #keep(isWanted: (message: TcpMessage | TcpPassive) => boolean): (TcpMessage | TcpPassive)[] {
    if (this.#first === undefined) return [];
    const all = [this.#first, ...(this.#behind ?? [])];
    const kept = all.filter(isWanted);
    this.#first = kept.shift();
    this.#behind = kept;
    return all.filter((message) => !isWanted(message));
  }

  #queueUp(): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.runtime.scheduler.enqueue(this);
  }

  #crash(error: unknown): void {
    const isHeard = this.hasObservers;
    this.exit(Abnormal(error));
    if (!isHeard) this.runtime.rethrow(error);
  }
}

function ignore(): void {}
