// The smallest socket actor: it asks for one packet, deals with it, and asks for the next, until the stream ends.
//
// Prints: 3
//         2
//         1
//         Lift-off

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { connect, receiveNextPacketAsMessage, send, spawn, tcpMessages, unwrap } from "tankard";

// A server to talk to: it counts down by one whenever it is asked, and closes in the end.
const server = createServer((peer) => {
  let count = 3;
  peer.on("data", () => (count > 0 ? peer.write(`${count--}`) : peer.end()));
}).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

const counter = spawn(async (self) => {
  const socket = unwrap(await connect({ host: "127.0.0.1", port, owner: self }));
  for (;;) {
    unwrap(await send(socket, "next"));
    receiveNextPacketAsMessage(socket);
    const message = await self.receiveForever(tcpMessages);
    switch (message.type) {
      case "Packet":
        console.log(message.data.toString("utf8"));
        break;
      case "TcpError":
      case "SocketClosed":
        console.log("Lift-off");
        return;
    }
  }
});
await counter.result;
server.close();
