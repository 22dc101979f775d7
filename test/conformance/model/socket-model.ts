// The socket as findings.md, section 4, has it: a small state machine that says what each step must show.
//
// Between a step of the peer and the next one of the client there is time for everything to arrive, so what the
// kernel has is known, and nothing is left to chance.

import { showBytes } from "../bytes.ts";

const BUFFER = 1460;

export type Actor = "a" | "b";

/** A receive that waits. */
interface Waiting {
  readonly actor: Actor;
  readonly size: number;
  /** Resolves the step that started it. */
  result: string | undefined;
}

export class SocketModel {
  #phase: "open" | "dead" | "gone" = "open";
  #isArmed = false;
  #isShut = false;
  /** Read by a receiveExact that had not enough; given whole. */
  #leftover = "";
  /** What the kernel has and nobody has read. */
  #kernel = "";
  #hasFin = false;
  #hasReset = false;
  #saysClosedOnReceive = false;
  #saysClosedOnSend = false;
  #waiting: Waiting | undefined;

  #owner: Actor = "a";
  readonly #isAlive = { a: true, b: true };
  readonly #mailboxes: Record<Actor, string[]> = { a: [], b: [] };

  // The peer's kernel.
  #peerKernel = "";
  #peerHasFin = false;
  #peerHasReset = false;
  #isPeerClosed = false;
  #isPeerOver = false;
  #hasPeerReadEnd = false;
  #isPeerHalfClosed = false;

  // ── what a script has to know ──

  /** Who waits in a receive. */
  get waiting(): Actor | undefined {
    return this.#waiting?.actor;
  }

  /** Whether the peer does nothing more. */
  get isPeerOver(): boolean {
    return this.#isPeerClosed || this.#isPeerOver;
  }

  get canPeerEnd(): boolean {
    return this.canPeerSend && !this.#peerHasReset;
  }

  get canPeerSend(): boolean {
    return !this.#isPeerClosed && !this.#isPeerHalfClosed;
  }

  get owner(): Actor {
    return this.#owner;
  }

  /**
   * Not once it has read the end, nor where a reset came behind an end, its own or the other's: which of the two it
   * reads is the affair of its kernel and of Node.
   */
  get canPeerRead(): boolean {
    const isUnclear = this.#peerHasReset && (this.#peerHasFin || this.#isPeerHalfClosed);
    return !this.isPeerOver && !this.#hasPeerReadEnd && !isUnclear;
  }

  isAlive(actor: Actor): boolean {
    return this.#isAlive[actor];
  }

  /** Whether a receive would wait with nothing in its hands. */
  get hasNothing(): boolean {
    return this.#phase === "open" && this.#leftover + this.#kernel === "" && !this.#hasEnded;
  }

  // ── the client ──

  /** A receive that is awaited: it waits for its time, in which nothing else happens. */
  receive(size: number): string {
    const now = this.#receiveNow(size);
    return now ?? "Error(Timeout)";
  }

  /** A receive that goes on while other steps are done. */
  startReceive(actor: Actor, size: number): Waiting {
    const waiting: Waiting = { actor, size, result: this.#receiveNow(size) };
    if (waiting.result === undefined) this.#waiting = waiting;
    return waiting;
  }

  #receiveNow(size: number): string | undefined {
    if (this.#phase === "gone") return "Error(Closed)";
    if (this.#phase === "dead") return `Error(${this.#closedOnReceive()})`;
    if (this.#isArmed) return "Error(Einval)";
    if (this.#waiting !== undefined) return "Error(Ealready)";
    return this.#take(size);
  }

  /** Bytes, or the end; nothing where there is neither. */
  #take(size: number): string | undefined {
    const data = size === 0 ? this.#takePacket() : this.#takeExactly(size);
    if (data !== undefined) return `Ok(${shown(data)})`;
    if (!this.#hasEnded) return undefined;
    this.#die({ closedOnSend: true });
    return "Error(Closed)";
  }

  #takePacket(): string | undefined {
    const packet = this.#leftover === "" ? this.#kernel.slice(0, BUFFER) : this.#leftover;
    if (this.#leftover === "") this.#kernel = this.#kernel.slice(packet.length);
    this.#leftover = "";
    return packet === "" ? undefined : packet;
  }

  #takeExactly(size: number): string | undefined {
    if (this.#leftover.length + this.#kernel.length < size) {
      this.#leftover += this.#kernel; // the driver keeps what it has read so far
      this.#kernel = "";
      return undefined;
    }
    const data = (this.#leftover + this.#kernel).slice(0, size);
    const fromKernel = Math.max(0, size - this.#leftover.length);
    this.#leftover = this.#leftover.slice(size);
    this.#kernel = this.#kernel.slice(fromKernel);
    return data;
  }

  arm(): string {
    if (this.#phase === "gone") return "Nil";
    if (this.#phase === "dead") this.#tellClosed();
    else {
      this.#isArmed = true;
      this.#hand();
    }
    return "Nil";
  }

  send(data: string): string {
    if (this.#phase === "gone") return "Error(Closed)";
    if (this.#phase === "dead") return `Error(${this.#closedOnSend()})`;
    if (data === "") return "Ok(Nil)";
    if (this.#isShut || this.#hasReset) return this.#failSend();
    if (this.#isPeerClosed) this.#meetReset();
    else this.#peerKernel += data;
    return "Ok(Nil)";
  }

  /** A send that fails throws away what was not read. */
  #failSend(): string {
    const hadWaiting = this.#waiting !== undefined;
    this.#wake("Error(Closed)");
    this.#die({ closedOnReceive: !hadWaiting });
    return "Error(Closed)";
  }

  shutdown(): string {
    if (this.#phase === "gone") return "Error(Closed)";
    if (this.#phase === "dead" || this.#hasReset || (this.#isShut && this.#hasFin)) return "Error(Enotconn)";
    if (this.#isShut) return "Ok(Nil)";
    this.#isShut = true;
    this.#peerHasFin = true;
    this.#hand();
    return "Ok(Nil)";
  }

  close(): string {
    this.#mailboxes[this.#owner] = this.#mailboxes[this.#owner].filter((message) => message !== "SocketClosed(c)");
    if (this.#phase !== "gone") this.#goAway();
    return "Ok";
  }

  die(actor: Actor): string {
    this.#isAlive[actor] = false;
    this.#mailboxes[actor] = [];
    if (actor === this.#owner && this.#phase !== "gone") this.#goAway();
    return `Exited(${actor}, Killed)`;
  }

  controllingProcess(from: Actor, to: Actor): string {
    if (this.#phase === "gone") return "Error(Closed)";
    if (to === this.#owner) return "Ok"; // whoever asks
    if (from !== this.#owner) return "Error(NotOwner)";
    const mine = (message: string) => message.includes("(c");
    this.#mailboxes[to].push(...this.#mailboxes[from].filter(mine));
    this.#mailboxes[from] = this.#mailboxes[from].filter((message) => !mine(message));
    this.#owner = to;
    return "Ok";
  }

  tell(to: Actor, message: string): string {
    if (this.#isAlive[to]) this.#mailboxes[to].push(message);
    return "Nil";
  }

  mailbox(actor: Actor): string {
    const messages = this.#mailboxes[actor];
    this.#mailboxes[actor] = [];
    return `[${messages.join(", ")}]`;
  }

  // ── the peer ──

  peerSend(data: string): string {
    if (this.#peerHasReset) {
      this.#isPeerOver = true; // what becomes of bytes that it has not read is no concern of the client's
      return "Error(Econnreset)";
    }
    if (this.#phase !== "open") {
      this.#peerHasReset = true; // nobody is there any more, and the kernel says so
    } else if (this.#isShut) {
      this.#peerHasReset = true; // the kernel refuses what comes after shutdown
      this.#hasReset = true;
    } else {
      this.#kernel += data;
      this.#hand();
    }
    return "Ok";
  }

  peerReceive(): string {
    const data = this.#peerKernel;
    this.#peerKernel = "";
    if (data !== "") return `Ok(${shown(data)})`;
    this.#hasPeerReadEnd = this.#peerHasReset || this.#peerHasFin;
    if (this.#peerHasReset) return "Error(Econnreset)";
    return this.#peerHasFin ? "Error(Closed)" : "Error(Timeout)";
  }

  peerReadToEnd(): string {
    const data = shown(this.#peerKernel);
    this.#peerKernel = "";
    if (this.#peerHasReset) return `Rst(${data})`;
    return this.#peerHasFin ? `Fin(${data})` : `StillOpen(${data})`;
  }

  peerHalfClose(): string {
    this.#isPeerHalfClosed = true;
    this.#meetFin();
    return "Ok";
  }

  /** Closing over bytes that it has not read makes it a reset. */
  peerClose(): string {
    if (this.#peerKernel !== "") return this.peerReset();
    this.#isPeerClosed = true;
    this.#meetFin();
    return "Ok";
  }

  peerReset(): string {
    this.#isPeerClosed = true;
    if (this.#phase === "open") this.#meetReset();
    return "Ok";
  }

  // ── inside ──

  get #hasEnded(): boolean {
    return this.#hasFin || this.#hasReset || this.#isShut;
  }

  #meetFin(): void {
    this.#hasFin = true;
    this.#hand();
  }

  #meetReset(): void {
    this.#hasReset = true;
    this.#hand();
  }

  /** Gives what there is to the receive that waits, or to the owner that has armed the socket. */
  #hand(): void {
    if (this.#phase !== "open") return;
    if (this.#waiting !== undefined) {
      const result = this.#take(this.#waiting.size);
      if (result !== undefined) this.#wake(result);
    } else if (this.#isArmed) this.#deliver();
  }

  #deliver(): void {
    const data = this.#takePacket();
    if (data === undefined && !this.#hasEnded) return;
    this.#isArmed = false;
    if (data === undefined) this.#tellClosed();
    else this.#mailboxes[this.#owner].push(`Packet(c, ${shown(data)})`);
  }

  #tellClosed(): void {
    if (this.#phase === "open") this.#leave();
    this.#phase = "gone";
    this.#mailboxes[this.#owner].push("SocketClosed(c)");
  }

  #wake(result: string): void {
    if (this.#waiting !== undefined) this.#waiting.result = result;
    this.#waiting = undefined;
  }

  #die(says: { readonly closedOnReceive?: boolean; readonly closedOnSend?: boolean }): void {
    this.#leave();
    this.#phase = "dead";
    this.#saysClosedOnReceive = says.closedOnReceive === true;
    this.#saysClosedOnSend = says.closedOnSend === true;
  }

  #goAway(): void {
    if (this.#phase === "open") this.#leave();
    this.#phase = "gone";
    this.#isArmed = false;
    this.#wake("Error(Closed)");
  }

  /** The descriptor closes: over bytes that were not read, by a reset. */
  #leave(): void {
    if (this.#kernel !== "") this.#peerHasReset = true;
    else if (!this.#hasReset) this.#peerHasFin = true;
    this.#kernel = "";
    this.#leftover = "";
  }

  #closedOnReceive(): string {
    const says = this.#saysClosedOnReceive ? "Closed" : "Enotconn";
    this.#saysClosedOnReceive = false;
    return says;
  }

  #closedOnSend(): string {
    const says = this.#saysClosedOnSend ? "Closed" : "Enotconn";
    this.#saysClosedOnSend = false;
    return says;
  }
}

function shown(data: string): string {
  return showBytes(Buffer.from(data));
}
