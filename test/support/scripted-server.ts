// A server that follows a script, one connection after the other, and misbehaves where the script says so.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { credentials, type CertificateName } from "./certificates.ts";
import { within } from "./peer.ts";
import { turns } from "./turns.ts";

/** What the server waits for, and what it answers then. Where it answers nothing, it is silent and goes on. */
export interface Turn {
  /** How many bytes of what has come are the request; `undefined` where there is no whole one. Absent: waits for none. */
  readonly request?: ((received: Buffer) => number | undefined) | undefined;
  readonly answer: string | Buffer;
  /** Nothing is answered before: the test has something else happen first. */
  readonly after?: Promise<unknown> | undefined;
  /** Behind the answer the server speaks TLS, and shows this certificate. */
  readonly startsTls?: CertificateName | undefined;
}

/** The answer as it shall be, in other packets: the client must not see a difference. */
export type Cut = (typeof cuts)[number];
export const cuts = ["ByteByByte", "InTwo", "WithNext"] as const;

/** The end of the conversation: instead of the answer, or in the middle of it. */
export type BadEnd = (typeof badEnds)[number];
export const badEnds = ["Closes", "Resets", "Stalls", "ClosesHalfway", "ResetsHalfway", "StallsHalfway"] as const;

/** What the server does wrong in one turn. Behind another answer it says nothing more. */
export type Fault = Cut | BadEnd | { readonly says: string | Buffer };

export interface TurnFault {
  readonly at: number;
  readonly how: Fault;
}

export interface Script {
  readonly turns: readonly Turn[];
  /** One in a turn at most. */
  readonly faults?: readonly TurnFault[] | undefined;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  /** How many connections have come. */
  readonly accepted: number;
  /** What the client has said in each turn, of all connections. */
  readonly requests: readonly string[];
  /** What the clients have said that no turn has waited for, of all connections. */
  readonly unasked: string;
  /**
   * Resolves when a client waits in vain: it has been stalled, or has said something behind the end of the script. Then
   * it is for the clock to go on.
   */
  readonly stalled: Promise<void>;
  /** Resolves when every client that came has ended its side. */
  clientsEnded(): Promise<void>;
  /** Whether it listens: a client that connects otherwise is refused. It does, unless it is told. */
  listen(isListening: boolean): Promise<void>;
}

/** Each connection has the next script, and one that is too many is reset. */
export async function scriptedServer(...scripts: readonly Script[]): Promise<ScriptedServer> {
  const conversations: Conversation[] = [];
  const requests: string[] = [];
  let isStalled = (): void => undefined;
  const stalled = new Promise<void>((resolve) => (isStalled = resolve));
  const accept = (socket: Socket): void => {
    const script = scripts[conversations.length];
    const conversation = new Conversation(socket, requests, isStalled);
    conversations.push(conversation);
    if (script === undefined) socket.resetAndDestroy();
    else void conversation.follow(script);
  };
  let server = await listening(accept, 0);
  /** Both ends of a connection that keeps the port from others while nobody listens. */
  let keepers: readonly Socket[] = [];
  const release = (): void => {
    for (const socket of keepers) socket.destroy();
    keepers = [];
  };
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get accepted() {
      return conversations.length;
    },
    requests,
    get unasked() {
      return conversations.map((conversation) => conversation.unasked).join("");
    },
    stalled,
    clientsEnded: async () => {
      await within(Promise.all(conversations.map(({ ended }) => ended)), "A client does not end its side");
    },
    listen: async (isListening) => {
      if (isListening === server.listening) return;
      if (isListening) {
        server = await listening(accept, port);
        release();
        return;
      }
      server.off("connection", accept);
      const connection = once(server, "connection");
      const own = connect(port, "127.0.0.1");
      const [accepted] = (await connection) as [Socket];
      keepers = [own, accepted];
      server.close(); // at once, for those who are not connected yet
    },
    [Symbol.asyncDispose]: async () => {
      for (const conversation of conversations) conversation.end();
      release();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listening(accept: (socket: Socket) => void, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept).listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Matches what ends with `end`: a line, or all lines to one of dots. */
export function until(end: string): (received: Buffer) => number | undefined {
  return (received) => {
    const at = received.indexOf(end);
    return at === -1 ? undefined : at + Buffer.byteLength(end);
  };
}

class Conversation {
  /** Resolves when the client has ended its side, or the server has reset it. */
  readonly ended: Promise<void>;
  /** What the two speak over: the connection, or TLS on it. */
  #stream: Socket;
  readonly #socket: Socket;
  readonly #requests: string[];
  readonly #stall: () => void;
  #received: Buffer = Buffer.alloc(0);
  #isEnded = false;
  #wake = (): void => undefined;
  readonly #end: () => void;

  constructor(socket: Socket, requests: string[], stall: () => void) {
    this.#socket = socket;
    this.#stream = socket;
    this.#requests = requests;
    this.#stall = stall;
    let isOver = (): void => undefined;
    this.ended = new Promise((resolve) => (isOver = resolve));
    this.#end = () => {
      this.#isEnded = true;
      this.#wake();
      isOver();
    };
    this.#listen();
  }

  get unasked(): string {
    return this.#received.toString("latin1");
  }

  async follow({ turns: script, faults = [] }: Script): Promise<void> {
    // A client that is reset before it has seen that it is connected is not: that would be another fault.
    await turns();
    for (const [at, turn] of script.entries()) {
      if (!(await this.#request(turn))) break;
      await Promise.race([turn.after, this.ended]);
      const how = faults.find((fault) => fault.at === at)?.how;
      const before = faults.find((fault) => fault.at === at - 1)?.how;
      const answer = Buffer.from(turn.answer as string);
      const goesOn = before === "WithNext" || (await this.#answer(answer, how, script[at + 1]?.answer)); // or it has been said
      if (!goesOn) break;
      if (turn.startsTls !== undefined) this.#startTls(turn.startsTls);
    }
    if (await this.#hasMore()) this.#stall();
    await this.ended;
    this.end();
  }

  end(): void {
    this.#stream.destroy();
    this.#socket.destroy();
  }

  #listen(): void {
    this.#stream.on("end", this.#end).on("close", this.#end);
    this.#stream.on("error", () => undefined); // a reset is an end like another; of a handshake the client says what it is
    this.#stream.on("data", (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
  }

  #startTls(certificate: CertificateName): void {
    this.#socket.removeAllListeners("data").pause();
    this.#socket.unshift(this.#received); // the client's hello, where that came with its request
    this.#received = Buffer.alloc(0);
    this.#stream = new TLSSocket(this.#socket, { isServer: true, ...credentials(certificate) });
    this.#listen();
  }

  /** Waits for the turn's request. Whether it has come: the client may have ended. */
  async #request({ request }: Turn): Promise<boolean> {
    if (request === undefined) return true;
    for (;;) {
      const byteSize = request(this.#received);
      if (byteSize !== undefined) {
        this.#requests.push(this.#received.toString("latin1", 0, byteSize));
        this.#received = this.#received.subarray(byteSize);
        return true;
      }
      if (this.#isEnded) return false;
      await this.#change();
    }
  }

  /** Whether the client says something more before it ends. */
  async #hasMore(): Promise<boolean> {
    while (this.#received.length === 0 && !this.#isEnded) await this.#change();
    return this.#received.length > 0;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /** Says whether the script goes on. */
  async #answer(answer: Buffer, how: Fault | undefined, next: string | Buffer | undefined): Promise<boolean> {
    const half = Math.floor(answer.length / 2);
    switch (how) {
      case undefined:
        await this.#send(answer);
        return true;
      case "ByteByByte":
        for (const byte of answer) await this.#send(Buffer.of(byte));
        return true;
      case "InTwo":
        await this.#send(answer.subarray(0, half));
        await this.#send(answer.subarray(half));
        return true;
      case "WithNext":
        await this.#send(Buffer.concat([answer, Buffer.from((next ?? "") as string)]));
        return true;
      case "ClosesHalfway":
      case "ResetsHalfway":
      case "StallsHalfway":
        await this.#send(answer.subarray(0, half));
        this.#endBadly(how);
        return false;
      case "Closes":
      case "Resets":
      case "Stalls":
        this.#endBadly(how);
        return false;
      default:
        await this.#send(Buffer.from(how.says as string));
        return false;
    }
  }

  #endBadly(how: BadEnd): void {
    if (how.startsWith("Closes")) this.#stream.end();
    else if (how.startsWith("Resets")) this.#socket.resetAndDestroy();
    else this.#stall();
  }

  /** Sends one packet: the client has its turn to read it before there is another. */
  async #send(data: Buffer): Promise<void> {
    if (this.#isEnded || data.length === 0) return;
    await new Promise((resolve) => this.#stream.write(data, resolve));
    await turns(2);
  }
}
