// The server's side: a listener, and peers that read and write only as the steps say.

import { bytesOf, showBytes } from "./bytes.ts";
import type { ReadToEnd } from "./place.ts";
import type { Step } from "./scenario.ts";
import type { Operation, World } from "./world.ts";

/** How long a peer waits for the rest of what it was promised. */
const REST_WITHIN_MS = 1_000;

export const serverOperations: Readonly<Record<string, Operation>> = {
  listen: async (world, step) => {
    const { ip = "127.0.0.1", same_port_as: samePortAs, v6only } = step as Step & ListenArguments;
    const port = samePortAs === undefined ? 0 : (world.thing(samePortAs) as { readonly port: number }).port;
    world.name(world.text(step, "as"), await world.place.listen({ ip, port, isIpv6Only: v6only === true }));
    return "Ok";
  },

  closed_port: async (world, step) => {
    const { ip = "127.0.0.1" } = step as Step & ListenArguments;
    world.name(world.text(step, "as"), { port: await world.place.closedPort(ip) });
    return "Ok";
  },

  fill_backlog: async (world, step) => {
    await world.server(step).fillBacklog();
    return "Ok";
  },

  accept: async (world, step) => {
    const peer = await world.server(step).accept();
    if (peer === undefined) return "Error(Timeout)";
    world.name(world.text(step, "as"), peer);
    return "Ok";
  },

  close_listener: async (world, step) => {
    await world.server(step).close();
    return "Ok";
  },

  peer_send: async (world, step) => showDone(await world.peer(step).send(bytesOf(step.data) ?? Buffer.alloc(0))),

  peer_receive: async (world, step) => {
    const received = await world.peer(step).receive(world.number(step, "size"), world.number(step, "timeout"));
    return typeof received === "string" ? `Error(${received})` : `Ok(${showBytes(received)})`;
  },

  peer_receive_blocks: async (world, step) => {
    const blocks = (step.blocks as readonly unknown[]).map((block) => bytesOf(block) ?? Buffer.alloc(0));
    const size = blocks.reduce((sum, { length }) => sum + length, 0);
    const received = await world.peer(step).receive(size, world.number(step, "timeout") + REST_WITHIN_MS);
    return received instanceof Buffer && isMadeOf(received, blocks) ? "True" : "False";
  },

  peer_echo: async (world, step) => showDone(await world.peer(step).echo()),

  peer_read_to_end: async (world, step) => {
    const { how, data } = await readToEnd(world, step);
    return `${how}(${showBytes(data)})`;
  },

  peer_read_to_end_of: async (world, step) => {
    const { how, data } = await readToEnd(world, step);
    return `${how}(${data.length >= expectedSize(step) ? "Everything" : "Truncated"})`;
  },

  peer_half_close: async (world, step) => showDone(await world.peer(step).halfClose()),

  peer_shutdown: (world, step) => {
    world.peer(step).shutdown();
    return "Ok";
  },

  peer_close: async (world, step) => {
    await world.peer(step).close();
    return "Ok";
  },

  peer_reset: (world, step) => {
    world.peer(step).reset();
    return "Ok";
  },
};

interface ListenArguments {
  readonly ip?: string;
  readonly same_port_as?: string;
  readonly v6only?: boolean;
}

function showDone(done: "Ok" | "Closed" | "Econnreset" | "Enotconn"): string {
  return done === "Ok" ? "Ok" : `Error(${done})`;
}

function readToEnd(world: World, step: Step): Promise<ReadToEnd> {
  return world.peer(step).readToEnd(world.number(step, "timeout"));
}

/** How much the whole stream is: the step's one argument that is bytes or a number of them. */
function expectedSize(step: Step): number {
  const { op: _op, actor: _actor, socket: _socket, timeout: _timeout, async: _async, ...rest } = step;
  const [whole] = Object.values(rest);
  return typeof whole === "number" ? whole : (bytesOf(whole)?.length ?? Infinity);
}

/** Whether it is the blocks, each whole, in whatever order. */
function isMadeOf(data: Buffer, blocks: readonly Buffer[]): boolean {
  if (blocks.length === 0) return data.length === 0;
  return blocks.some(
    (block, index) =>
      data.subarray(0, block.length).equals(block) &&
      isMadeOf(
        data.subarray(block.length),
        blocks.filter((_, other) => other !== index),
      ),
  );
}
