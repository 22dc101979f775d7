import type { OwnedSocket, TcpMessage, TcpPassive } from "../tcp/message.ts";
import { Abnormal, type ExitReason, Normal } from "./exit.ts";
import { ExitListeners } from "./exit-listeners.ts";
import type { Attachment, Owner, Resource } from "./owner.ts";
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

class CallbackOwner implements Owner, Runnable {
  readonly runtime: RuntimeEngine;
  readonly #callback: (message: TcpMessage) => void;
  readonly #onPassive: (message: TcpPassive) => void;
  #waiting: (TcpMessage | TcpPassive)[] = [];
  #isQueued = false;
  #ended: ExitReason | undefined;
  #listeners: ExitListeners | undefined;

  constructor(
    callback: (message: TcpMessage) => void,
    runtime: RuntimeEngine,
    onPassive: (message: TcpPassive) => void = ignore,
  ) {
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
    this.#waiting.push(message);
    this.#queueUp();
  }

  run(): void {
    this.#isQueued = false;
    try {
      for (let left = messagesPerVisit; left > 0; left--) {
        const message = this.#waiting.shift();
        if (message === undefined) return;
        if (message.type === "TcpPassive") this.#onPassive(message);
        else this.#callback(message);
      }
    } catch (error) {
      this.#crash(error);
    }
    if (this.#waiting.length > 0) this.#queueUp();
  }

  onExit(listener: (reason: ExitReason) => void, role: "resource" | "observer" = "observer"): () => void {
    if (this.#ended === undefined) return this.#heard.add(listener, role);
    listener(this.#ended);
    return () => undefined;
  }

  attach(resource: Resource): Attachment | undefined {
    return this.#ended === undefined ? this.#heard.attach(resource) : undefined;
  }

  get #heard(): ExitListeners {
    return (this.#listeners ??= new ExitListeners(this.runtime.rethrow));
  }

  exit(reason: ExitReason = Normal): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#waiting = [];
    this.#listeners?.tellResources(reason);
    this.#listeners?.tellObservers(reason);
  }

  takeBack(socket: OwnedSocket): (TcpMessage | TcpPassive)[] {
    const taken = this.#waiting.filter((message) => message.socket === socket);
    this.#waiting = this.#waiting.filter((message) => message.socket !== socket);
    return taken;
  }

  dropClosed(socket: OwnedSocket): void {
    this.#waiting = this.#waiting.filter((message) => message.socket !== socket || message.type !== "SocketClosed");
  }

  #queueUp(): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.runtime.scheduler.enqueue(this);
  }

  #crash(error: unknown): void {
    const isHeard = this.#listeners?.hasObservers === true;
    this.exit(Abnormal(error));
    if (!isHeard) this.runtime.rethrow(error);
  }
}

function ignore(): void {}
