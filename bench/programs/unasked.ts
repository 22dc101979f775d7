// How much is read of a stream of which one packet is asked for and no more: `unasked <client> <port>`. Prints KiB, and how
// much resident memory grew meanwhile.
import { once } from "node:events";
import { connect, getstat, receiveNextPacketAsMessage, spawn, tcpMessages, unwrap } from "tankard";
import { transports } from "./transports.ts";

/** Time for whatever would be read. */
const waitMs = 1_000;
const [name = "", address = ""] = process.argv.slice(2);

/** Each gives the bytes that it has read in the end. */
const clients: Record<string, () => Promise<number>> = {
  "net, paused after the first": async () => {
    const socket = await transports.tcp.connectRaw(address);
    await once(socket, "data");
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    return socket.bytesRead;
  },
  "one packet asked for": () =>
    spawn(async (self) => {
      const socket = unwrap(await connect({ ...transports.tcp.connectOptions(address), owner: self }));
      receiveNextPacketAsMessage(socket);
      await self.receiveForever(tcpMessages);
      await self.sleep(waitMs);
      return unwrap(getstat(socket)).recvOct;
    }).result,
};

const client = clients[name];
if (client === undefined) throw new Error(`There is no client ${name}`);
const before = process.memoryUsage.rss();
const read = await client();
console.log(`${read / 1024} ${(process.memoryUsage.rss() - before) / 1024}`);
process.exit();
