// mug's functions, and what inet has beside them.

import {
  close,
  type ConnectError,
  controllingProcess,
  getstat,
  newSelector,
  type OwnedSocket,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  type Result,
  selectTcpMessages,
  type Self,
  send,
  sendBuilder,
  shutdown,
  type SocketError,
  type TcpMessage,
} from "tankard";
import { bytesOf, showBytes } from "./bytes.ts";
import { connectionOptions } from "./options.ts";
import { bytesTree } from "./tree.ts";
import { show, showTcpMessage } from "./value.ts";
import type { Operation } from "./world.ts";

export const tcpOperations: Readonly<Record<string, Operation>> = {
  connect: (world, step) =>
    world.do(step, async (self) => {
      const connected = await world.place.connect({ ...connectionOptions(world, step), owner: self });
      if (!connected.ok) return `Error(${showConnectError(connected.error)})`;
      const name = world.text(step, "socket");
      world.name(name, connected.value);
      return `Ok(${name})`;
    }),

  send: (world, step) =>
    world.do(step, async () => showDone(await send(world.socket(step), bytesOf(step.data) ?? Buffer.alloc(0)))),

  send_builder: (world, step) =>
    world.do(step, async () => showDone(await sendBuilder(world.socket(step), bytesTree(step.tree)))),

  send_many: (world, step) =>
    world.do(step, async () => {
      const results = new Set<string>();
      const data = bytesOf(step.data) ?? Buffer.alloc(0);
      for (let count = world.number(step, "times"); count > 0; count--)
        results.add(showDone(await send(world.socket(step), data)));
      return `[${[...results].join(", ")}]`;
    }),

  receive: (world, step) =>
    world.do(step, async () => showReceived(await receive(world.socket(step), world.number(step, "timeout")))),

  receive_exact: (world, step) =>
    world.do(step, async () => {
      const size = world.number(step, "size");
      return showReceived(await receiveExact(world.socket(step), size, world.number(step, "timeout")));
    }),

  receive_sizes: (world, step) =>
    world.do(step, async () => {
      const { chunks, end } = await receiveAll(world.socket(step), world.number(step, "timeout"));
      return `Sizes(chunks=[${runs(chunks.map(({ length }) => length))}], then=${end})`;
    }),

  receive_all: (world, step) =>
    world.do(step, async () => {
      const { chunks, end } = await receiveAll(world.socket(step), world.number(step, "timeout"));
      return showAllReceived(chunks, end);
    }),

  active_once_all: (world, step) =>
    world.do(step, async (self) => {
      const chunks: Buffer[] = [];
      const messages = selectTcpMessages(newSelector(), (message) => message);
      for (;;) {
        receiveNextPacketAsMessage(world.socket(step));
        const message = await self.receive(messages, world.number(step, "timeout"));
        if (!message.ok) return showAllReceived(chunks, "Timeout");
        if (message.value.type !== "Packet") return showAllReceived(chunks, showEnd(message.value));
        chunks.push(message.value.data);
      }
    }),

  receive_next_packet_as_message: (world, step) =>
    world.do(step, () => {
      const armed = receiveNextPacketAsMessage(world.socket(step));
      return armed.ok ? "Nil" : `Error(${armed.error})`;
    }),

  select_tcp_messages: (world, step) =>
    world.do(step, async (self) => {
      const selector = selectTcpMessages(newSelector(), (message) => showTcpMessage(message, world));
      return showSelected(await self.receive(selector, world.number(step, "timeout")));
    }),

  select_tcp_messages_or_other: (world, step) =>
    world.do(step, async (self) => {
      const selector = selectTcpMessages(newSelector(), (message) => showTcpMessage(message, world));
      const orOther = selector.selectOther((message) => `Other(${show(message, world)})`);
      return showSelected(await self.receive(orOther, world.number(step, "timeout")));
    }),

  shutdown: (world, step) => world.do(step, async () => showDone(await shutdown(world.socket(step)))),

  close: (world, step) =>
    world.do(step, async () => {
      await close(world.socket(step));
      return "Ok";
    }),

  controlling_process: (world, step) =>
    world.do(step, async (self: Self) => {
      const { process } = await world.actor(world.text(step, "to"));
      const handedOver = controllingProcess(world.socket(step), process, { from: self });
      return handedOver.ok ? "Ok" : `Error(${handedOver.error})`;
    }),

  /** Options belong to `connect` here, which has been given them already. */
  setopts: () => "Ok",

  same_socket: (world, step) => (world.socket(step) === world.socket(step, "other") ? "True" : "False"),

  unsent_bytes_queued: async (world, step) => {
    await new Promise(setImmediate); // what is sent in one turn leaves at its end
    const stat = getstat(world.socket(step));
    if (stat.ok) return stat.value.sendPend > 0 ? "True" : "False";
    return stat.error === "Closed" ? "NoPort" : "False";
  },
};

function showDone(result: Result<undefined, SocketError>): string {
  return result.ok ? "Ok(Nil)" : `Error(${result.error})`;
}

function showReceived(result: Result<Buffer, SocketError>): string {
  return result.ok ? `Ok(${showBytes(result.value)})` : `Error(${result.error})`;
}

function showSelected(result: Result<string, "Timeout">): string {
  return result.ok ? `Ok(${result.value})` : "Error(Nil)";
}

function showEnd(message: TcpMessage): string {
  return message.type === "TcpError" ? `TcpError(${message.error})` : message.type;
}

function showConnectError(error: ConnectError): string {
  switch (error.type) {
    case "ConnectFailedIpv4":
      return `ConnectFailedIpv4(${error.ipv4})`;
    case "ConnectFailedIpv6":
      return `ConnectFailedIpv6(${error.ipv6})`;
    case "ConnectFailedBoth":
      return `ConnectFailedBoth(${error.ipv4}, ${error.ipv6})`;
    case "ConnectFailedUnix":
    case "ConnectAborted":
      return error.type;
    default:
      return error satisfies never;
  }
}

async function receiveAll(
  socket: OwnedSocket,
  timeout: number,
): Promise<{ readonly chunks: readonly Buffer[]; readonly end: string }> {
  const chunks: Buffer[] = [];
  for (;;) {
    const received = await receive(socket, timeout);
    if (!received.ok) return { chunks, end: `Error(${received.error})` };
    chunks.push(received.value);
  }
}

function showAllReceived(chunks: readonly Buffer[], end: string): string {
  const largest = chunks.reduce((most, { length }) => Math.max(most, length), 0);
  const data = showBytes(Buffer.concat(chunks));
  const isAny = chunks.length > 0 ? "True" : "False";
  return `Received(data=${data}, largest=${largest}, at_least_one_packet=${isAny}, then=${end})`;
}

/** Numbers in a row that are the same, counted: `1460x2, 80x1`. */
function runs(numbers: readonly number[]): string {
  const found: { readonly number: number; count: number }[] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last?.number === number) last.count++;
    else found.push({ number, count: 1 });
  }
  return found.map(({ number, count }) => `${number}x${count}`).join(", ");
}
