// One actor owns two sockets and takes commands: a selector turns what each of the three says into the actor's messages.
//
// Prints: left returns ball 1
//         right returns ball 2
//         left returns ball 3
//         right returns ball 4

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { connect, newSelector, receiveNextPacketAsMessage, selectTcpMessagesFrom, send, spawn, unwrap } from "tankard";
import type { OwnedSocket, OwnSubject, TcpMessage } from "tankard";

// A server to play with: it sends back what it is sent.
const server = createServer((peer) => peer.pipe(peer)).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

const player = spawn(async (self, commands: OwnSubject<{ readonly type: "Serve"; readonly ball: number }>) => {
  const left = unwrap(await connect({ host: "127.0.0.1", port, owner: self }));
  const right = unwrap(await connect({ host: "127.0.0.1", port, owner: self }));
  const commandsAndLeft = selectTcpMessagesFrom(newSelector().select(commands), left, (message) => ({
    type: "Left",
    ball: ballIn(message),
  }));
  const inbox = selectTcpMessagesFrom(commandsAndLeft, right, (message) => ({ type: "Right", ball: ballIn(message) }));
  for (;;) {
    const { type, ball } = await self.receiveForever(inbox);
    switch (type) {
      case "Serve":
        await play(left, ball);
        break;
      case "Left":
        console.log(`left returns ball ${ball}`);
        await play(right, ball + 1);
        break;
      case "Right":
        console.log(`right returns ball ${ball}`);
        if (ball === 4) return; // both sockets close with their owner
        await play(left, ball + 1);
        break;
    }
  }
});
player.subject.send({ type: "Serve", ball: 1 });
await player.result;
server.close();

async function play(socket: OwnedSocket, ball: number): Promise<void> {
  unwrap(await send(socket, `${ball}`));
  receiveNextPacketAsMessage(socket);
}

function ballIn(message: TcpMessage): number {
  if (message.type !== "Packet") throw new Error("The server has gone");
  return Number(message.data);
}
