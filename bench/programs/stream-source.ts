// A stream without end in pieces of 64 KiB, to whoever connects: `stream-source <transport>`. For what C does not speak.
import type { Socket } from "node:net";
import { serveAt } from "./rounds.ts";
import { transportNamed } from "./transports.ts";

const whole = Buffer.alloc(64 * 1024, 1);

const [transport] = process.argv.slice(2);
serveAt(await transportNamed(transport).listenRaw(undefined, pour));

function pour(socket: Socket): void {
  socket.on("error", () => undefined);
  const next = (error?: Error | null): void => {
    if (error === undefined || error === null) socket.write(whole, next);
  };
  next();
}
