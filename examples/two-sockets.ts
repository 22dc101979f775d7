// One actor owns two sockets and takes commands: its selector turns what each of the three says into its own messages.
//
// Prints: left returns ball 1
//         right returns ball 2
//         left returns ball 3
//         right returns ball 4

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import {
  connect,
  newSelector,
  receiveNextPacketAsMessage,
  selectTcpMessagesFrom,
  send,
  spawn,
  unwrap,
  type OwnedSocket,
  type OwnSubject,
} from "tankard";

type Command = { readonly type: "Serve"; readonly ball: number } | { readonly type: "Stop" };

// A server to play with: it sends back what it is sent.
const server = createServer((peer) => peer.pipe(peer)).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

const player = spawn(async (self, commands: OwnSubject<Command>) => {
  const left = unwrap(await connect({ host: "127.0.0.1", port, owner: self }));
  const right = unwrap(await connect({ host: "127.0.0.1", port, owner: self }));
  const withLeft = selectTcpMessagesFrom(newSelector().select(commands), left, (message) => ({
    type: "Left",
    message,
  }));
  const inbox = selectTcpMessagesFrom(withLeft, right, (message) => ({ type: "Right", message }));

  const play = async (socket: OwnedSocket, ball: number) => {
    unwrap(await send(socket, `${ball}`));
    receiveNextPacketAsMessage(socket);
  };
  for (;;) {
    const event = await self.receiveForever(inbox);
    switch (event.type) {
      case "Serve":
        await play(left, event.ball);
        break;
      case "Left": {
        if (event.message.type !== "Packet") return;
        const ball = Number(event.message.data);
        console.log(`left returns ball ${ball}`);
        await play(right, ball + 1);
        break;
      }
      case "Right": {
        if (event.message.type !== "Packet") return;
        const ball = Number(event.message.data);
        console.log(`right returns ball ${ball}`);
        commands.send(ball === 4 ? { type: "Stop" } : { type: "Serve", ball: ball + 1 });
        break;
      }
      case "Stop":
        return; // both sockets close with their owner
    }
  }
});
player.subject.send({ type: "Serve", ball: 1 });
await player.result;
server.close();
