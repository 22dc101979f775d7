// The smallest socket actor: it asks for one packet, deals with it, and asks for the next, until the stream ends.
//
// Prints: got "one"
//         got "two"
//         the server has closed

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { connect, receiveNextPacketAsMessage, send, spawn, tcpMessages, unwrap } from "tankard";

// A server to talk to: it sends back what it is sent, and closes after the second packet.
const server = createServer((peer) => {
  let packets = 0;
  peer.on("data", (data) => (++packets === 2 ? peer.end(data) : peer.write(data)));
}).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

await spawn(async (self) => {
  const socket = unwrap(await connect({ host: "127.0.0.1", port, owner: self }));
  unwrap(await send(socket, "one"));
  for (;;) {
    receiveNextPacketAsMessage(socket);
    const message = await self.receiveForever(tcpMessages);
    switch (message.type) {
      case "Packet":
        console.log(`got "${message.data.toString("utf8")}"`);
        unwrap(await send(socket, "two"));
        break;
      case "TcpError":
      case "SocketClosed":
        console.log("the server has closed");
        return;
    }
  }
}).result;
server.close();
