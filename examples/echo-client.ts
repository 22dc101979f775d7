// Says hello to an echo server and prints the answer, as mug's README does. Prints: Hello, Joe!

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { connect, newOptions, receive, send, shutdown, timeout, unwrap } from "tankard";

// A server to talk to: it sends back what it is sent.
const server = createServer((peer) => peer.pipe(peer)).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

// Form a connection
const socket = unwrap(await connect(timeout(newOptions("127.0.0.1", { port }), 500)));

// Send a packet
unwrap(await send(socket, "Hello, Joe!\n"));

// Receive a packet
const packet = unwrap(await receive(socket, 100));
process.stdout.write(packet);

unwrap(await shutdown(socket));
server.close();
