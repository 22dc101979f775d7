// Sends back what comes: `echo-server <server> <transport> [where]`.
import { servers } from "./echo-servers.ts";
import { serveAt } from "./rounds.ts";
import { transportNamed } from "./transports.ts";

const [name = "", transport, where] = process.argv.slice(2);
const server = servers[name];
if (server === undefined) throw new Error(`There is no server ${name}`);
serveAt(await server(transportNamed(transport), where));
