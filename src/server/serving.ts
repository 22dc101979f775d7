import type { Clock } from "../process/clock.ts";
import type { ExitReason } from "../process/exit.ts";
import { ExitListener } from "../process/exit-listener.ts";
import type { Owner } from "../process/owner.ts";
import { err, ok, type Result } from "../result.ts";
import { describeError } from "../tcp/error.ts";
import { abort, controllingProcess, engineOf, setopts } from "../tcp/socket.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import { handshakeFailure } from "../tls/error.ts";
import type { TlsServerContext } from "../tls/server-context.ts";
import { type Plan, planOf, upgradeConnected } from "../tls/upgrade.ts";
import type { CloseReason, Connection } from "./handler.ts";
import type { ServerSettings } from "./options.ts";
import { readProxyHeader } from "./proxy-protocol.ts";

/** @internal How a process that serves is started: what comes before the handler has its own time. */
export function startOptionsOf({ settings }: Serving) {
  const { initTimeoutMs, handshakeTimeoutMs, mailbox } = settings;
  return { initTimeoutMs: initTimeoutMs + (meetsPeers(settings) ? handshakeTimeoutMs : 0), mailbox };
}

/** Whether peers have to say something before the handler hears of them. */
function meetsPeers({ proxyProtocol, tls }: ServerSettings): boolean {
  return proxyProtocol || tls !== undefined;
}

/** What a connection tells its server. */
interface ServingEvents {
  handshakeFailed(serving: Serving, error: TlsError): void;
  /** The process that served it has ended. */
  ended(serving: Serving, reason: ExitReason): void;
}

/** Who serves a connection, where it has to be told that the server drains. */
export interface Drained {
  drain(): void;
}

/** @internal One connection in the hands of the server, and what it and whoever serves it have to say to each other. */
export class Serving extends ExitListener {
  connection: Connection;
  readonly settings: ServerSettings;
  /** Of who has connected: the peer, or the proxy that connects for it. */
  readonly address: string;
  /** Why it is over, where that is not how its process ended. */
  closeReason: CloseReason | undefined;
  /** Who is told that the server drains, where a signal is not enough. */
  drained: Drained | undefined;
  /** Where there is a time in which something has to move on it. */
  idleWatch: { stop(): void } | undefined;
  /** Whether it was to speak TLS and did not come to it, which has been told. */
  hasFailedHandshake = false;
  /** Whether it is the peer's turn, before the handler hears of it. */
  #isMeeting: boolean;
  #isGivenUp = false;
  readonly #events: ServingEvents;

  constructor(connection: Connection, settings: ServerSettings, events: ServingEvents) {
    super();
    this.connection = connection;
    this.address = connection.remoteAddress;
    this.settings = settings;
    this.#isMeeting = meetsPeers(settings);
    this.#events = events;
  }

  hear(reason: ExitReason): void {
    this.#events.ended(this, reason);
  }

  /**
   * Reads what a proxy says of the peer, where one stands before the server, and shakes hands, where TLS is spoken.
   *
   * @throws Error where it says nothing that can be understood, or not in time
   */
  async meetPeer({ clock }: { readonly clock: Clock }): Promise<void> {
    const { proxyProtocol, tls } = this.settings;
    const until = clock.now() + this.settings.handshakeTimeoutMs;
    if (proxyProtocol) await this.#readProxyHeader(clock, until);
    if (tls !== undefined) await this.#secure(tls, until);
    this.#isMeeting = false;
  }

  /** Ends a connection that the handler has not heard of: nobody else would, until the peer has said enough or its time is over. */
  giveUp(): void {
    if (!this.#isMeeting) return;
    this.#isGivenUp = true;
    abort(this.connection.socket);
  }

  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  async #readProxyHeader(clock: Clock, until: number): Promise<void> {
    const { socket } = this.connection;
    setopts(socket, { packet: "raw" }); // the header stands before the first frame
    const header = await readProxyHeader(socket, () => Math.max(0, until - clock.now()));
    if (!header.ok) {
      abort(socket);
      throw new Error(`Cannot read the header of the PROXY protocol: ${header.error}`);
    }
    setopts(socket, { packet: this.settings.listen.packet });
    this.connection = { ...this.connection, ...header.value };
  }

  async #secure(tls: TlsServerContext, until: number): Promise<void> {
    // What was read behind the header has begun the handshake, whatever `unread` says.
    const secured = await this.#shakeHands({ ...planOf("serve", tls), unread: "HandOver" }, until);
    if (secured.ok) return;
    abort(this.connection.socket);
    throw new Error(`Cannot speak TLS: ${describeError(secured.error)}`);
  }

  /**
   * Goes on in TLS.
   *
   * @returns why not: the connection is over then
   * @throws Error where it speaks TLS already, or who serves it uses the socket meanwhile
   */
  upgrade(context: TlsServerContext): Promise<Result<undefined, TlsError | "Closed">> {
    const { runtime } = engineOf(this.connection.socket, "upgrade");
    return this.#shakeHands(planOf("upgrade", context), runtime.clock.now() + this.settings.handshakeTimeoutMs);
  }

  async #shakeHands(plan: Plan, until: number): Promise<Result<undefined, TlsError | "Closed">> {
    const engine = engineOf(this.connection.socket, "upgrade");
    const shaken = await upgradeConnected(engine, plan, until);
    if (shaken.ok) return ok();
    const { error } = shaken;
    if (error === "Enotsup" || error === "Ealready" || error === "Einval") {
      throw new Error(`Cannot upgrade a connection: ${error}`);
    }
    if (typeof error === "string" && engine.isGone) return err("Closed"); // we have closed it ourselves: no failure
    const failure = typeof error === "string" ? handshakeFailure("Closed") : error;
    this.hasFailedHandshake = true;
    this.#events.handshakeFailed(this, failure);
    return err(failure);
  }

  /**
   * Gives the socket to whoever serves it: it closes when they end.
   *
   * @throws Error where it is closed already: its server has stopped meanwhile
   */
  giveTo(owner: Owner): void {
    const given = controllingProcess(this.connection.socket, owner);
    if (!given.ok) throw new Error(`Cannot serve a connection: ${given.error}`);
  }
}
