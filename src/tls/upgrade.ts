import { Alarm } from "../process/alarm.ts";
import { err, type Result } from "../result.ts";
import type { SocketError } from "../tcp/error.ts";
import type { Socket } from "../tcp/message.ts";
import type { SocketEngine } from "../tcp/socket-engine.ts";
import { engineOf } from "../tcp/socket.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import { adoptOver } from "../tcp/node-transport.ts";
import type { NodeSocket } from "../tcp/transport.ts";
import { handshakeFailure } from "./error.ts";
import { type Handshake, startClientHandshake, startServerHandshake } from "./handshake.ts";
import { checkClientOptions, type TlsClientOptions } from "./options.ts";
import { remember } from "./secured.ts";
import { clientContext } from "./secure-context.ts";
import { contextOf, isServerContext, type TlsServerContext } from "./server-context.ts";

const defaultHandshakeTimeout = 10_000;

/**
 * Goes on in TLS on a socket that stands, as after STARTTLS: as the client, by options, or as the server, by a server's
 * context. It stays the same socket, with its owner and its options. The plain text that was sent leaves first; from
 * the call on nothing is sent or received in plain text, and what was received and not taken is no data any more (see
 * `unread`). The owner may ask for the next packet meanwhile, and gets the first one that came encrypted.
 *
 * Where it fails the connection is closed, and an owner that has asked is told.
 *
 * @returns what went wrong with the handshake; `Einval` where the socket is armed, `Ealready` where a receive waits or
 * another upgrade is under way, `Enotsup` where it speaks TLS already or is one of memory: nothing has happened then;
 * `Enotconn` or `Closed` where the connection is over or is closed here meanwhile
 * @throws TypeError or RangeError for options that no connection can have
 * Source: `ssl:connect` and `ssl:handshake` of a socket of gen_tcp, which have a new one for the same connection.
 */
export function upgrade(
  socket: Socket,
  tls: TlsClientOptions | TlsServerContext,
): Promise<Result<undefined, TlsError | SocketError>> {
  const action = "upgrade";
  return new Upgrade(engineOf(socket, action), planOf(action, tls)).run();
}

/** @internal As `upgrade`, for the client side; `host` is whom it has connected to, and `until` when its time is over. */
export function upgradeConnected(
  engine: SocketEngine,
  plan: Plan,
  until: number,
): Promise<Result<undefined, TlsError | SocketError>> {
  return new Upgrade(engine, plan).run(until);
}

/** What is to be done once the stream is there. */
export interface Plan {
  readonly unread: "HandOver" | "Discard";
  readonly timeout: number;
  begin(raw: NodeSocket): Handshake;
}

/** @internal What `tls` asks for. `host` stands in for a name that it does not say. */
export function planOf(action: string, tls: TlsClientOptions | TlsServerContext, host?: string): Plan {
  if (isServerContext(tls)) {
    const context = contextOf(tls, action);
    const { unread = "HandOver", handshakeTimeout: timeout = defaultHandshakeTimeout } = context.current.options;
    return { unread, timeout, begin: (raw) => startServerHandshake(raw, context.handshake) };
  }
  checkClientOptions(action, tls);
  const { unread = "HandOver", handshakeTimeout: timeout = defaultHandshakeTimeout } = tls;
  const { verify = "VerifyPeer", serverNameIndication: serverName = host } = tls;
  const { alpnAdvertisedProtocols: protocols, session } = tls;
  const verifies = verify === "VerifyPeer";
  if (verifies && serverName === undefined) {
    throw new TypeError(`Cannot ${action}: serverNameIndication must say whom the certificate has to be for`);
  }
  const { context, trust } = clientContext(action, tls);
  return {
    unread,
    timeout,
    begin: (raw) => startClientHandshake(raw, { context, serverName, verifies, protocols, session, trust }),
  };
}

/** One upgrade of one socket. */
class Upgrade {
  readonly #engine: SocketEngine;
  readonly #plan: Plan;
  #handshake: Handshake | undefined;
  #isOutOfTime = false;

  constructor(engine: SocketEngine, plan: Plan) {
    this.#engine = engine;
    this.#plan = plan;
  }

  async run(until = Infinity): Promise<Result<undefined, TlsError | SocketError>> {
    const { clock, alarms } = this.#engine.runtime;
    const alarm = new Alarm(() => {
      this.#runOutOfTime();
    });
    const end = Math.min(until, clock.now() + this.#plan.timeout);
    const started = this.#engine.startUpgrade(this.#plan.unread);
    if (end !== Infinity) alarms.set(alarm, end);
    const lent = await started;
    const result = lent.ok ? await this.#shake(lent.value.raw, lent.value.path) : lent;
    alarms.clear(alarm);
    return this.#isOutOfTime ? err(handshakeFailure("Timeout")) : result;
  }

  async #shake(raw: NodeSocket, path: string | undefined): Promise<Result<undefined, TlsError | SocketError>> {
    if (this.#isGone()) return err("Closed"); // in the moment since it was lent
    const handshake = this.#plan.begin(raw);
    this.#handshake = handshake;
    const result = await handshake.done;
    if (this.#isGone()) {
      handshake.secured.destroy();
      return err("Closed");
    }
    if (result.ok) {
      remember(this.#engine, handshake);
      this.#engine.finishUpgrade(
        adoptOver(handshake.secured, { path, under: raw, awaitsWords: () => handshake.awaitsTickets }),
      );
    } else this.#engine.failUpgrade();
    return result;
  }

  /** Whether it was closed here meanwhile: asked anew after each wait. */
  #isGone(): boolean {
    return this.#engine.isGone;
  }

  #runOutOfTime(): void {
    this.#isOutOfTime = true;
    if (this.#handshake === undefined)
      this.#engine.failUpgrade(); // the peer does not take what was sent before
    else this.#handshake.fail(handshakeFailure("Timeout"));
  }
}
