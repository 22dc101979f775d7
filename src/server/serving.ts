import type { Owner } from "../process/owner.ts";
import { controllingProcess } from "../tcp/socket.ts";
import type { CloseReason, Connection } from "./handler.ts";
import type { ServerSettings } from "./options.ts";

/** @internal One connection in the hands of the server, and what it and whoever serves it have to say to each other. */
export class Serving {
  readonly connection: Connection;
  readonly settings: ServerSettings;
  /** Why it is over, where that is not how its process ended. */
  closeReason: CloseReason | undefined;
  /** Tells whoever serves it that the server drains, where a signal is not enough. */
  onDrain: (() => void) | undefined;

  constructor(connection: Connection, settings: ServerSettings) {
    this.connection = connection;
    this.settings = settings;
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
