import type { Socket } from "../tcp/message.ts";
import type { TlsConnectionOptions } from "../tls/connect.ts";
import { session } from "../tls/secured.ts";

/** The TLS session of each host's last connection. One attempt is made at a time, so it is clear whose a socket is. */
export class Sessions {
  readonly #kept = new Map<TlsConnectionOptions, Buffer>();
  #tried: TlsConnectionOptions | undefined;

  /** The options for the next attempt. The session is tried once: if it is no good, the attempt after it is without. */
  resume(where: TlsConnectionOptions): TlsConnectionOptions {
    this.#tried = where;
    const kept = this.#kept.get(where);
    this.#kept.delete(where);
    return kept === undefined ? where : { ...where, tls: { ...where.tls, session: kept } };
  }

  /** The connection of that attempt is over. */
  keep(socket: Socket): void {
    const newest = session(socket);
    if (newest.ok && this.#tried !== undefined) this.#kept.set(this.#tried, newest.value);
  }
}
