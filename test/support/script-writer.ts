// What a server does on a path, written down while the path is reckoned: a turn for each of its steps.

import { type Gate, gate } from "./follow-path.ts";
import type { Fault, Script, Turn, TurnFault } from "./scripted-server.ts";

/** A step of the server's, which waits until the test comes to it. */
export interface ServerStep {
  readonly gate: Gate;
  /** How many requests the server has had when it is done. */
  readonly requestCount: number;
}

export class ScriptWriter {
  /** What the server is told before it does something, where there is anything. */
  readonly requests: string[] = [];
  /** By the place of the step on the path. */
  readonly steps: Map<number, ServerStep> = new Map();
  readonly #sessions: { readonly turns: Turn[]; readonly faults: TurnFault[] }[] = [];
  #said = "";
  #unanswered = "";

  /** What the server is told behind its last answer on a connection. */
  get unanswered(): string {
    return this.#unanswered + this.#said;
  }

  get scripts(): readonly Script[] {
    return this.#sessions;
  }

  /** A client comes. */
  connected(): void {
    this.#sessions.push({ turns: [], faults: [] });
    this.#unanswered += this.#said;
    this.#said = "";
  }

  /** The client says something (one character is one byte). */
  hear(text: string): void {
    this.#said += text;
  }

  /** The server waits for all that the client has said, and for the test; then it answers. */
  answer(at: number, answer: string, fault?: Fault): void {
    const said = this.#said;
    this.#said = "";
    if (said !== "") this.requests.push(said);
    const request = (all: Buffer): number | undefined => (all.length < said.length ? undefined : said.length);
    const door = gate();
    this.#turn({ request: said === "" ? undefined : request, answer, after: door.opened }, fault);
    this.steps.set(at, { gate: door, requestCount: this.requests.length });
  }

  /** The server closes behind its answer. */
  close(): void {
    this.#turn({ answer: "" }, "Closes");
  }

  #turn(turn: Turn, fault: Fault | undefined): void {
    const session = this.#sessions.at(-1);
    if (session === undefined) throw new Error("Nobody is connected");
    if (fault !== undefined) session.faults.push({ at: session.turns.length, how: fault });
    session.turns.push(turn);
  }
}
