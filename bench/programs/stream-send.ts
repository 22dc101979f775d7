// A stream without end, sent: `stream-send <sender> <transport> <address>`. The operations are bytes. Every sender but those
// of whole pieces makes 64 KiB in a turn out of 64 writes.
import { once } from "node:events";
import type { Socket as NetSocket } from "node:net";
import { send, sendBuilder, unwrap } from "tankard";
import { batches, standBy } from "./rounds.ts";
import { type Transport, transportNamed } from "./transports.ts";

/** Connects to a sink. Gives what sends 64 KiB, and resolves when more may be sent. */
type Sender = (over: Transport, address: string) => Promise<() => Promise<unknown>>;

const whole = Buffer.alloc(64 * 1024, 1);
const small = Array.from({ length: 64 }, () => Buffer.alloc(1024, 1));

const senders: Record<string, Sender> = {
  "net, writes of 64 KiB": async (over, address) => {
    const socket = await over.connectRaw(address);
    return () => {
      socket.write(whole);
      return nextTurn(socket);
    };
  },

  "net, 64 writes of 1 KiB": async (over, address) => {
    const socket = await over.connectRaw(address);
    return () => {
      for (const piece of small) socket.write(piece);
      return nextTurn(socket);
    };
  },

  "net, 64 corked writes of 1 KiB": async (over, address) => {
    const socket = await over.connectRaw(address);
    return () => {
      socket.cork();
      for (const piece of small) socket.write(piece);
      socket.uncork();
      return nextTurn(socket);
    };
  },

  "sends of 64 KiB": async (over, address) => {
    const socket = await over.connect(address);
    return async () => {
      unwrap(await send(socket, whole));
      await turn();
    };
  },

  "64 sends of 1 KiB": async (over, address) => {
    const socket = await over.connect(address);
    return async () => {
      for (const piece of small.slice(1)) void send(socket, piece);
      unwrap(await send(socket, small[0] as Buffer)); // in order: it waits for those before it
      await turn();
    };
  },

  "`sendBuilder` of 64 times 1 KiB": async (over, address) => {
    const socket = await over.connect(address);
    return async () => {
      unwrap(await sendBuilder(socket, small));
      await turn();
    };
  },
};

const [name = "", transport, address = ""] = process.argv.slice(2);
const sender = senders[name];
if (sender === undefined) throw new Error(`There is no sender ${name}`);
const sendMore = await sender(transportNamed(transport), address);

standBy((milliseconds) =>
  batches(milliseconds, async () => {
    await sendMore();
    return whole.length;
  }),
);

async function nextTurn(socket: NetSocket): Promise<void> {
  if (socket.writableNeedDrain) await once(socket, "drain");
  await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
