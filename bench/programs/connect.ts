// Connections that are made and reset or, over TLS, closed, one after the other: `connect <client> <port>`.
import { once } from "node:events";
import net from "node:net";
import tls, { type ConnectionOptions } from "node:tls";
import { abort, close, connect, unwrap } from "tankard";
import { connect as connectTls } from "tankard/tls";
import { batches, standBy } from "./rounds.ts";
import { client as tlsOptions, rawClient } from "./transports.ts";

const [name = "", portText] = process.argv.slice(2);
const at = { host: "127.0.0.1", port: Number(portText) };

/** Its version is known, so only that is tried. */
const atAddress = { ...at, ipVersionPreference: "Ipv4Only" } as const;

const secureContext = tls.createSecureContext(rawClient);

const clients: Record<string, () => Promise<void>> = {
  net: async () => {
    const socket = net.connect(at);
    await once(socket, "connect");
    socket.resetAndDestroy();
  },
  "connect, abort": async () => {
    abort(unwrap(await connect(atAddress)));
  },
  tls: () => secureAndClose(rawClient),
  "tls, one secure context for all": () => secureAndClose({ ...rawClient, secureContext }),
  "tls connect, close": async () => {
    await close(unwrap(await connectTls({ ...atAddress, tls: tlsOptions })));
  },
};

const client = clients[name];
if (client === undefined) throw new Error(`There is no client ${name}`);

standBy((milliseconds) =>
  batches(milliseconds, async () => {
    await client();
    return 1;
  }),
);

/** A TLS connection that is closed in order, and is gone then. */
async function secureAndClose(options: ConnectionOptions): Promise<void> {
  const socket = tls.connect({ ...at, ...options });
  await once(socket, "secureConnect");
  socket.end();
  socket.resume();
  await once(socket, "close");
}
