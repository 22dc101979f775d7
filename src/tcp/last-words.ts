import type { SocketError } from "./error.ts";

/** Whom how it ended has still to be said, and as which error. */
export interface Words {
  readonly toReceive?: SocketError | undefined;
  readonly toSend?: SocketError | undefined;
}

/**
 * What a dead socket still has to say. In each direction that has not heard how it ended, it says so once, and
 * `Enotconn` after that, as inet's driver does.
 */
export class LastWords {
  #toReceive: SocketError | undefined;
  #toSend: SocketError | undefined;

  constructor({ toReceive, toSend }: Words) {
    this.#toReceive = toReceive;
    this.#toSend = toSend;
  }

  /** The error that whoever arms the socket hears of first; a plain end is none. */
  get error(): SocketError | undefined {
    return this.#toReceive === "Closed" ? undefined : this.#toReceive;
  }

  /** Whoever hears by receiving how it ended has heard it for sending too. */
  toReceive(): SocketError {
    const error = this.#toReceive;
    if (error === undefined) return "Enotconn";
    this.#toReceive = undefined;
    this.#toSend = undefined;
    return error;
  }

  toSend(): SocketError {
    const error = this.#toSend ?? "Enotconn";
    this.#toSend = undefined;
    return error;
  }
}

/** Of all sockets that have not died. */
export const noLastWords = new LastWords({});
