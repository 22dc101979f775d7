// Ways in which a program asks a socket for what comes, to be mixed at random.

import { expect } from "@jest/globals";
import fc from "fast-check";
import {
  disarm,
  receiveExact,
  receiveNextPacketAsMessage,
  selectTcpPassive,
  setActive,
  type TcpMessage,
  tcpMessages,
} from "tankard";
import { type Connected, inMailbox, nextMessage, soonMs } from "./test-process.ts";
import { turns } from "./turns.ts";

/** How the reading side asks for the next bytes. */
export type Ask =
  | { readonly by: "receive"; readonly milliseconds: number }
  | { readonly by: "receiveExact"; readonly byteSize: number; readonly milliseconds: number }
  | { readonly by: "arm"; readonly times: number }
  | { readonly by: "armAndDisarm" }
  | { readonly by: "setActive"; readonly packets: number }
  | { readonly by: "wait" };

const milliseconds = fc.constantFrom(0, 1, soonMs);
export const asks: fc.Arbitrary<readonly Ask[]> = fc.array(
  fc.oneof(
    fc.record({ by: fc.constant("receive" as const), milliseconds }),
    fc.record({ by: fc.constant("receiveExact" as const), byteSize: fc.integer({ min: 1, max: 3_000 }), milliseconds }),
    fc.record({
      by: fc.constant("receiveExact" as const),
      byteSize: fc.integer({ min: 1, max: 300_000 }),
      milliseconds,
    }),
    fc.record({ by: fc.constant("arm" as const), times: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ by: fc.constant("armAndDisarm" as const) }),
    fc.record({ by: fc.constant("setActive" as const), packets: fc.integer({ min: 1, max: 10 }) }),
    fc.record({ by: fc.constant("wait" as const) }),
  ),
  { minLength: 1, maxLength: 20 },
);

type Asker = Pick<Connected, "socket" | "self">;

/** Asks in each of these ways in turn, over and over, until the end; `total` says how much can be asked for exactly. */
export async function readToEnd(client: Asker, asked: readonly Ask[], total: number): Promise<Buffer> {
  const received: Buffer[] = [];
  let left = total;
  const take = (data: Buffer): "more" => {
    received.push(Buffer.from(data)); // it may be lent
    left -= data.length;
    return "more";
  };
  const patient: Ask = { by: "receive", milliseconds: soonMs }; // all the others may take nothing, for ever
  for (let i = 0; ; i++) {
    if ((await askOnce(client, asked[i] ?? patient, left, take)) === "end") return Buffer.concat(received);
    if (i === asked.length) i = -1;
  }
}

async function askOnce(
  { socket, self }: Asker,
  ask: Ask,
  left: number,
  take: (data: Buffer) => "more",
): Promise<"end" | "more"> {
  switch (ask.by) {
    case "wait":
      await turns(1);
      return "more";
    case "receive":
    case "receiveExact": {
      const byteSize = ask.by === "receive" ? 0 : Math.min(ask.byteSize, left);
      const result = await receiveExact(socket, byteSize, ask.milliseconds);
      if (result.ok) return take(result.value);
      return result.error === "Timeout" ? "more" : ended(result.error);
    }
    case "armAndDisarm": {
      receiveNextPacketAsMessage(socket);
      disarm(socket);
      const message = await inMailbox(self);
      return message.ok ? takeMessage(message.value, take) : "more";
    }
    case "setActive": {
      setActive(socket, ask.packets);
      for (let message = await self.receive(allMessages, soonMs); message.ok;) {
        if (message.value.type === "TcpPassive") return "more";
        if (takeMessage(message.value, take) === "end") return "end";
        message = await self.receive(allMessages, soonMs);
      }
      return "more";
    }
    case "arm": {
      for (let times = ask.times; times > 0; times--) receiveNextPacketAsMessage(socket);
      const first = await nextMessage(self);
      if (first.ok && takeMessage(first.value, take) === "end") return "end";
      disarm(socket); // what had been read ahead was delivered at once, and the later calls armed again
      for (let message = await inMailbox(self); message.ok; message = await inMailbox(self)) {
        if (takeMessage(message.value, take) === "end") return "end";
      }
      return "more";
    }
  }
}

const allMessages = selectTcpPassive(tcpMessages, (passive) => passive);

function takeMessage(message: TcpMessage, take: (data: Buffer) => "more"): "end" | "more" {
  return message.type === "Packet" ? take(message.data) : ended(message.type);
}

function ended(by: string): "end" {
  expect(by).toMatch(/^(Closed|SocketClosed)$/);
  return "end";
}
