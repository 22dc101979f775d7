// Turns what fast-check has thought up into a scenario: the steps, and what the model says that each shows.

import type { Scenario, Step } from "../scenario.ts";
import { type Actor, SocketModel } from "./socket-model.ts";

/** One thing that somebody does. What cannot be done when its turn comes is left out. */
export type Action =
  | { readonly type: "receive"; readonly actor: Actor; readonly size: number; readonly goesOn: boolean }
  | { readonly type: "await" }
  | { readonly type: "arm" | "shutdown" | "close" | "die" | "mailbox"; readonly actor: Actor }
  | { readonly type: "handOver"; readonly actor: Actor; readonly to: Actor }
  | { readonly type: "tell"; readonly actor: Actor }
  | { readonly type: "send"; readonly actor: Actor; readonly size: number }
  | PeersAction;

type PeersAction =
  | { readonly type: "peerSend"; readonly size: number }
  | { readonly type: "peerReceive" | "peerHalfClose" | "peerClose" | "peerReset" };

/** Long enough for everything to arrive on loopback, also on a busy machine. */
const SETTLE_MS = 20;
const TIMEOUT_MS = 10;
/** Longer than any script. */
const LONG_MS = 60_000;

export function scenarioOf(name: string, actions: readonly Action[]): Scenario {
  const script = new Script();
  for (const action of actions) script.take(action);
  script.finish();
  return { name, environment: "any", steps: script.steps, observed: script.observed };
}

class Script {
  readonly steps: Step[] = [];
  readonly observed: string[] = [];
  readonly #model = new SocketModel();
  #receives: { readonly id: string; readonly waiting: { readonly result: string | undefined } }[] = [];
  #ids = 0;
  #pieces = 0;

  constructor() {
    this.#add({ actor: "srv", op: "listen", as: "l" }, "Ok");
    this.#add({ actor: "b", op: "start" }, "Nil");
    const where = { host: "127.0.0.1", port: "l", preference: "ipv4_only", timeout: 1000 };
    this.#add({ actor: "a", op: "connect", ...where, socket: "c" }, "Ok(c)");
    this.#add({ actor: "srv", op: "accept", as: "s", listener: "l" }, "Ok");
  }

  take(action: Action): void {
    if ("actor" in action && !this.#canAct(action)) return;
    switch (action.type) {
      case "receive":
        this.#receive(action.actor, action.size, action.goesOn);
        break;
      case "await":
        this.#await();
        break;
      case "arm":
        if (this.#model.waiting !== undefined) return; // the driver's bug of finding 37
        this.#add({ actor: action.actor, op: "receive_next_packet_as_message", socket: "c" }, this.#model.arm());
        this.#settle();
        break;
      case "send": {
        const data = this.#piece(action.size);
        this.#add({ actor: action.actor, op: "send", socket: "c", data }, this.#model.send(data));
        this.#settle();
        break;
      }
      case "shutdown":
        this.#add({ actor: action.actor, op: "shutdown", socket: "c" }, this.#model.shutdown());
        this.#settle();
        break;
      case "close":
        if (action.actor !== this.#model.owner) return; // Erlang takes SocketClosed out of the caller's mailbox
        this.#add({ actor: action.actor, op: "close", socket: "c" }, this.#model.close());
        this.#settle();
        break;
      case "die":
        this.#add({ actor: action.actor, op: "die", how: "kill" }, this.#model.die(action.actor));
        this.#settle();
        break;
      case "handOver":
        this.#handOver(action.actor, action.to);
        break;
      case "tell":
        this.#tell(action.actor);
        break;
      case "mailbox":
        this.#add({ actor: action.actor, op: "mailbox", wait: 0 }, this.#model.mailbox(action.actor));
        break;
      default:
        if (!this.#model.isPeerOver) this.#takePeers(action);
    }
  }

  #takePeers(action: PeersAction): void {
    switch (action.type) {
      case "peerSend": {
        if (!this.#model.canPeerSend) return;
        const data = this.#piece(action.size);
        this.#addPeers({ op: "peer_send", data }, this.#model.peerSend(data));
        break;
      }
      case "peerReceive":
        if (!this.#model.canPeerRead) return;
        this.#addPeers({ op: "peer_receive", size: 0, timeout: TIMEOUT_MS }, this.#model.peerReceive());
        break;
      case "peerHalfClose":
        if (this.#model.canPeerEnd) this.#addPeers({ op: "peer_half_close" }, this.#model.peerHalfClose());
        break;
      case "peerClose":
        this.#addPeers({ op: "peer_close" }, this.#model.peerClose());
        break;
      case "peerReset":
        this.#addPeers({ op: "peer_reset" }, this.#model.peerReset());
        break;
      default:
        action satisfies never;
    }
  }

  /** How everything ends: the receives that wait, both mailboxes, and what the peer has seen. */
  finish(): void {
    while (this.#receives.length > 0) this.#await();
    for (const actor of ["a", "b"] as const) this.take({ type: "mailbox", actor });
    if (this.#model.canPeerRead)
      this.#addPeers({ op: "peer_read_to_end", timeout: SETTLE_MS }, this.#model.peerReadToEnd());
  }

  /** Whoever has ended does nothing, nor does who waits; and nobody ends while he waits (finding 36). */
  #canAct({ actor }: { readonly actor: Actor }): boolean {
    return this.#model.isAlive(actor) && this.#model.waiting !== actor;
  }

  #receive(actor: Actor, size: number, goesOn: boolean): void {
    const step = { actor, ...(size === 0 ? { op: "receive" } : { op: "receive_exact", size }), socket: "c" };
    if (!goesOn) {
      if (size > 0 && this.#model.hasNothing) return; // Erlang's next packet would be as large as this receive, no larger
      this.#add({ ...step, timeout: TIMEOUT_MS }, this.#model.receive(size));
      return;
    }
    const id = `r${this.#ids++}`;
    this.#receives.push({ id, waiting: this.#model.startReceive(actor, size) });
    this.#add({ ...step, timeout: LONG_MS, async: id }, "Started");
    this.#settle();
  }

  #await(): void {
    const receive = this.#receives.shift();
    if (receive === undefined) return;
    this.#add({ op: "await", id: receive.id, within: TIMEOUT_MS }, receive.waiting.result ?? "Blocked");
  }

  #handOver(actor: Actor, to: Actor): void {
    if (!this.#model.isAlive(to)) return;
    this.#add({ actor, op: "controlling_process", socket: "c", to }, this.#model.controllingProcess(actor, to));
  }

  #tell(actor: Actor): void {
    const to = actor === "a" ? "b" : "a";
    if (!this.#model.isAlive(to)) return;
    const word = `word_${this.#ids++}`;
    const shown = this.#model.tell(to, `Word${word.slice("word_".length)}`);
    this.#add({ actor, op: "tell", to, message: { atom: word.replace("_", "") } }, shown);
  }

  /** Bytes that no other piece of the script is made of. */
  #piece(size: number): string {
    const start = this.#pieces++ * 7;
    return Array.from({ length: size }, (_, index) => String.fromCharCode(97 + ((start + index) % 26))).join("");
  }

  #addPeers(step: Step, shown: string): void {
    this.#add({ actor: "srv", socket: "s", ...step }, shown);
    this.#settle();
  }

  #settle(): void {
    this.#add({ op: "sleep", ms: SETTLE_MS }, "Nil");
  }

  #add(step: Step, shown: string): void {
    this.steps.push(step);
    this.observed.push(shown);
  }
}
