import { setMaxListeners } from "node:events";
import type { FactorySupervisor } from "../otp/factory-supervisor.ts";
import type { ExitReason } from "../process/exit.ts";
import { processEngine } from "../process/process.ts";
import type { SocketError } from "../tcp/error.ts";
import type { OwnedSocket, Socket } from "../tcp/message.ts";
import { abort, controllingProcess, peername } from "../tcp/socket.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import { isCrash, type RefusalReason, type ServerEvent, type ServerInfo } from "./events.ts";
import type { CloseReason, Connection } from "./handler.ts";
import { IdleWatch } from "./idle-watch.ts";
import type { ServerSettings } from "./options.ts";
import { Serving } from "./serving.ts";

/** A connection that was accepted and that nobody serves yet. */
interface Arrival {
  readonly socket: Socket;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/**
 * @internal Whom a server serves, who waits, and who is turned away; and what was counted of them. It knows nothing of
 * how connections come: the acceptor offers them.
 */
export class Connections {
  readonly #settings: ServerSettings;
  readonly #draining = new AbortController();
  #supervisor: FactorySupervisor<Serving, undefined> | undefined;
  readonly #open = new Map<number, Serving>();
  #waiting: Arrival[] = [];
  /** Served and waiting connections of each address. */
  readonly #perAddress = new Map<string, number>();
  #ids = 0;
  #accepted = 0;
  #refused = 0;
  #handshakesFailed = 0;
  #acceptErrors = 0;
  #crashed = 0;
  #whenNone: (() => void)[] = [];

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    setMaxListeners(0, this.#draining.signal); // one for each connection is no leak
  }

  /** From now on this one starts who serves a connection. Those that another had started have ended with it. */
  useSupervisor(supervisor: FactorySupervisor<Serving, undefined>): void {
    this.#supervisor = supervisor;
  }

  get list(): readonly Connection[] {
    return Array.from(this.#open.values(), ({ connection }) => connection);
  }

  get info(): Omit<ServerInfo, "isListening"> {
    return {
      open: this.#open.size,
      waiting: this.#waiting.length,
      accepted: this.#accepted,
      refused: this.#refused,
      handshakesFailed: this.#handshakesFailed,
      acceptErrors: this.#acceptErrors,
      crashed: this.#crashed,
    };
  }

  /** A connection has been accepted: it is served, waits for that, or is reset. */
  offer(socket: Socket): void {
    // Whoever accepted it may end before it is served.
    if (this.#supervisor !== undefined) controllingProcess(socket, this.#supervisor.process);
    const peer = peername(socket);
    const { address: remoteAddress, port: remotePort } = peer.ok ? peer.value : { address: "", port: 0 };
    const arrival: Arrival = { socket, remoteAddress, remotePort };
    const refusal = this.#refusalOf(arrival);
    if (refusal !== undefined) {
      this.#refuse(arrival, refusal);
      return;
    }
    this.#perAddress.set(remoteAddress, this.#countOf(remoteAddress) + 1);
    if (this.#open.size < this.#settings.maxConnections) this.#serve(arrival);
    else {
      this.#waiting.push(arrival);
      this.#tell({ type: "ConnectionWaits", remoteAddress, remotePort });
    }
  }

  /** The system could not accept a connection. */
  acceptFailed(error: SocketError, retryInMs: number): void {
    this.#acceptErrors++;
    this.#tell({ type: "AcceptFailed", error, retryInMs });
  }

  /** Nobody else is served; who is, is told. */
  drain(): void {
    for (const arrival of this.#waiting.splice(0)) {
      this.#release(arrival.remoteAddress);
      this.#refuse(arrival, "Draining");
    }
    this.#draining.abort();
    for (const serving of this.#open.values()) serving.drained?.drain();
  }

  /** The time is over: no peer is waited for any more to say who it is. Whose handler has begun is its own process's. */
  giveUpMeeting(): void {
    for (const serving of this.#open.values()) serving.giveUp();
  }

  /** Resolves when nobody is served any more. */
  whenNone(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenNone.push(resolve));
  }

  #refusalOf({ remoteAddress }: Arrival): RefusalReason | undefined {
    const { blockList, maxPerAddress, maxConnections, maxWaiting } = this.#settings;
    if (remoteAddress !== "" && blockList.check(remoteAddress, remoteAddress.includes(":") ? "ipv6" : "ipv4"))
      return "Blocked";
    if (this.#draining.signal.aborted) return "Draining";
    if (this.#countOf(remoteAddress) >= maxPerAddress) return "TooManyFromAddress";
    return this.#open.size >= maxConnections && this.#waiting.length >= maxWaiting ? "Full" : undefined;
  }

  #refuse({ socket, remoteAddress, remotePort }: Arrival, why: RefusalReason, reason?: unknown): void {
    abort(socket);
    this.#refused++;
    this.#tell({ type: "ConnectionRefused", remoteAddress, remotePort, why, reason });
  }

  #serve(arrival: Arrival): void {
    const { remoteAddress, remotePort } = arrival;
    const socket = arrival.socket as OwnedSocket; // it will be, as soon as somebody serves it
    const connection = { id: ++this.#ids, socket, remoteAddress, remotePort, draining: this.#draining.signal };
    const serving = new Serving(connection, this.#settings, this);
    this.#open.set(connection.id, serving);
    void this.#start(serving, arrival);
  }

  async #start(serving: Serving, arrival: Arrival): Promise<void> {
    const started = await this.#supervisor?.startChild(serving);
    if (started?.ok !== true) {
      this.#forget(serving);
      if (serving.isGivenUp) this.#refuse(arrival, "Draining");
      else if (!serving.hasFailedHandshake) this.#refuse(arrival, "InitFailed", started?.error);
      return;
    }
    const process = processEngine(started.value.process);
    this.#accepted++;
    this.#tell({ type: "ConnectionOpened", connection: serving.connection });
    if (this.#settings.idleTimeoutMs !== Infinity) serving.idleWatch = new IdleWatch(serving, process);
    process.observeExit(serving);
  }

  handshakeFailed({ connection }: Serving, error: TlsError): void {
    this.#handshakesFailed++;
    this.#tell({ type: "HandshakeFailed", connection, error });
  }

  ended(serving: Serving, exitReason: ExitReason): void {
    const { connection } = serving;
    serving.idleWatch?.stop();
    // A bug counts for more than what led to it.
    const reason: CloseReason = isCrash(exitReason) ? exitReason : (serving.closeReason ?? exitReason);
    if (isCrash(reason)) this.#crashed++;
    this.#tell({ type: "ConnectionClosed", connection, reason });
    this.#forget(serving);
  }

  /** There is room for one more. */
  #forget(serving: Serving): void {
    this.#open.delete(serving.connection.id);
    this.#release(serving.address);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#serve(next);
    else if (this.#open.size === 0) for (const resolve of this.#whenNone.splice(0)) resolve();
  }

  #countOf(address: string): number {
    return this.#perAddress.get(address) ?? 0;
  }

  #release(address: string): void {
    const count = this.#countOf(address) - 1;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }

  #tell(event: ServerEvent): void {
    this.#settings.onEvent(event);
  }
}
