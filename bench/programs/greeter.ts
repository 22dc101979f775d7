// A server that greets each connection with one byte and waits for its end: `greeter <server>`.
import { accept, listen, receive, send, type Socket, spawn, unwrap } from "tankard";
import { startServer } from "tankard/server";
import { serveAt } from "./rounds.ts";
import { transports } from "./transports.ts";

const { tcp } = transports;

const greeters: Record<string, () => Promise<string | number>> = {
  net: () =>
    tcp.listenRaw(undefined, (socket) => {
      socket.on("error", () => undefined).resume();
      socket.write("!");
    }),

  accept: async () => {
    const listener = unwrap(await listen(tcp.listenOptions(undefined)));
    void (async () => {
      for (;;) void greet(unwrap(await accept(listener, Infinity)));
    })();
    return listener.port;
  },

  "accept, process for each": async () => {
    const listener = unwrap(await listen(tcp.listenOptions(undefined)));
    const next = (): void => {
      spawn(async (self) => {
        const socket = unwrap(await accept(listener, Infinity, { owner: self }));
        next();
        await greet(socket);
      });
    };
    next();
    return listener.port;
  },

  startServer: async () => {
    const server = await startServer(tcp.listenOptions(undefined), ({ socket }) => greet(socket));
    return unwrap(server).port;
  },
};

const [name = ""] = process.argv.slice(2);
const greeter = greeters[name];
if (greeter === undefined) throw new Error(`There is no greeter ${name}`);
serveAt(await greeter());

async function greet(socket: Socket): Promise<void> {
  await send(socket, "!");
  await receive(socket, 5_000);
}
