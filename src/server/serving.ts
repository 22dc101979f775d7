import type { Clock } from "../process/clock.ts";
import type { Owner } from "../process/owner.ts";
import { abort, controllingProcess, setopts } from "../tcp/socket.ts";
import type { CloseReason, Connection } from "./handler.ts";
import type { ServerSettings } from "./options.ts";
import { readProxyHeader } from "./proxy-protocol.ts";

/** @internal What is read before the handler has its own time. */
export function initTimeoutOf({ settings }: Serving): number {
  return settings.initTimeoutMs + (settings.proxyProtocol ? settings.handshakeTimeoutMs : 0);
}

/** @internal One connection in the hands of the server, and what it and whoever serves it have to say to each other. */
export class Serving {
  connection: Connection;
  readonly settings: ServerSettings;
  /** Of who has connected: the peer, or the proxy that connects for it. */
  readonly address: string;
  /** Why it is over, where that is not how its process ended. */
  closeReason: CloseReason | undefined;
  /** Tells whoever serves it that the server drains, where a signal is not enough. */
  onDrain: (() => void) | undefined;

  constructor(connection: Connection, settings: ServerSettings) {
    this.connection = connection;
    this.address = connection.remoteAddress;
    this.settings = settings;
  }

  /**
   * Reads what a proxy says of the peer, where one stands before the server.
   *
   * @throws Error where it says nothing that can be understood, or not in time
   */
  async meetProxy({ clock }: { readonly clock: Clock }): Promise<void> {
    const { proxyProtocol, handshakeTimeoutMs, listen } = this.settings;
    if (!proxyProtocol) return;
    setopts(this.connection.socket, { packet: "raw" }); // the header stands before the first frame
    const header = await readProxyHeader(this.connection.socket, handshakeTimeoutMs, () => clock.now());
    if (!header.ok) {
      abort(this.connection.socket);
      throw new Error(`Cannot read the header of the PROXY protocol: ${header.error}`);
    }
    setopts(this.connection.socket, { packet: listen.packet });
    this.connection = { ...this.connection, ...header.value };
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
