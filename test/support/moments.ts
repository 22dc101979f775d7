// What a program may be doing with a socket when its connection breaks, and what it may go on to do.

import {
  abort,
  close,
  controllingProcess,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  send,
  shutdown,
  shutdownWrite,
  toDuplex,
} from "tankard";
import type { FarEnd } from "./peer.ts";
import { type Connected, readAhead } from "./test-process.ts";
import { turns } from "./turns.ts";

const tooMuch = Buffer.alloc(24 * 1024 * 1024);

/** What the program is doing with its socket when the connection breaks. */
export const moments: readonly (readonly [string, (client: Connected<FarEnd>) => unknown])[] = [
  ["nothing", () => undefined],
  ["a receive waits", ({ socket }) => void receive(socket, -1)],
  ["it is armed", ({ socket }) => receiveNextPacketAsMessage(socket)],
  ["bytes are stashed", (client) => readAhead(client, "unread")],
  ["bytes are queued", ({ socket }) => send(socket, tooMuch)],
  [
    "sends wait",
    async ({ socket }) => {
      await send(socket, tooMuch);
      void send(socket, "waits");
    },
  ],
  ["it was shut down", ({ socket }) => shutdown(socket)],
  [
    "it was shut down with bytes queued",
    async ({ socket }) => {
      await send(socket, tooMuch);
      await shutdown(socket);
    },
  ],
  ["our side was ended", ({ socket }) => shutdownWrite(socket)],
  [
    "it is closing with bytes queued",
    async ({ socket }) => {
      await send(socket, tooMuch);
      void close(socket);
    },
  ],
  ["it is closed", ({ socket }) => close(socket)],
  ["it was aborted", ({ socket }) => abort(socket)],
  ["its owner was killed", ({ process }) => process.kill()],
  [
    "its owner was killed with bytes queued",
    async ({ socket, process }) => {
      await send(socket, tooMuch);
      process.kill();
    },
  ],
  [
    "it was handed over",
    ({ socket }) => {
      receiveNextPacketAsMessage(socket);
      controllingProcess(
        socket,
        ownerFromCallback(() => undefined),
      );
    },
  ],
  [
    "a stream reads it",
    ({ socket }) =>
      void toDuplex(socket)
        .on("error", () => undefined)
        .resume(),
  ],
];

/** Everything that a program may go on to do with a connection that has broken. */
export async function useEverything({ socket }: Pick<Connected, "socket">): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await turns(2);
    void receive(socket, 0);
    void send(socket, "x");
    receiveNextPacketAsMessage(socket);
    void shutdown(socket);
    void shutdownWrite(socket);
  }
  abort(socket);
  await close(socket);
}
