// Connections that are made and reset, one after the other: `connect <client> <port>`.
import { once } from "node:events";
import net from "node:net";
import { abort, connect, unwrap } from "tankard";
import { batches, standBy } from "./rounds.ts";

const [name = "", portText] = process.argv.slice(2);
const at = { host: "127.0.0.1", port: Number(portText) };

const clients: Record<string, () => Promise<void>> = {
  net: async () => {
    const socket = net.connect(at);
    await once(socket, "connect");
    socket.resetAndDestroy();
  },
  "connect, abort": async () => {
    abort(unwrap(await connect({ ...at, ipVersionPreference: "Ipv4Only" })));
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
