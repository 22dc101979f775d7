// Who stands between a client and a server, and does one thing to what they say.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What is done to one direction once so many of its bytes have passed. */
export interface Fault {
  readonly direction: "ToClient" | "ToServer";
  readonly offset: number;
  /**
   * `Split`: the rest comes a little later. `Stall`: nothing comes any more. `End`: the end comes instead. `Reset`: both
   * are reset. `Flip`: the next byte is another. `Garbage`: some bytes of nobody's come first, which make no record longer.
   */
  readonly what: "Split" | "Stall" | "End" | "Reset" | "Flip" | "Garbage";
}

/** What one of the two said at once. */
export interface Said {
  readonly direction: Fault["direction"];
  readonly data: Buffer;
}

export interface ManInTheMiddle extends AsyncDisposable {
  readonly port: number;
  /** All that has come, in both directions, as it was read. */
  readonly said: readonly Said[];
  /** How many bytes have come in each direction. */
  readonly seen: { ToClient: number; ToServer: number };
}

/** Passes everything on between those who connect to it and the server at `port`, but for the faults. */
export async function manInTheMiddle(port: number, ...faults: readonly Fault[]): Promise<ManInTheMiddle> {
  const sockets = new Set<Socket>();
  const seen = { ToClient: 0, ToServer: 0 };
  const said: Said[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    for (const [from, direction] of [
      [client, "ToServer"],
      [upstream, "ToClient"],
    ] as const) {
      from.on("data", (data: Buffer) => said.push({ direction, data }));
    }
    pass(client, upstream, "ToServer", faults, seen);
    pass(upstream, client, "ToClient", faults, seen);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    said,
    seen,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Begins with a zero: where a record says the low byte of its length, a higher one would have its reader wait for more. */
const garbage = Buffer.from("\0This is not what you have been waiting for.\r\n");

function pass(
  from: Socket,
  to: Socket,
  direction: Fault["direction"],
  faults: readonly Fault[],
  seen: ManInTheMiddle["seen"],
): void {
  const due = faults.filter((fault) => fault.direction === direction).sort((one, other) => one.offset - other.offset);
  let isOver = false;
  const act = ({ what }: Fault, rest: Buffer): Buffer | undefined => {
    switch (what) {
      case "Split":
        from.pause();
        // Time, so that the other side reads what has come before the rest does.
        setTimeout(() => {
          from.resume();
          take(rest);
        }, 2);
        return undefined;
      case "Flip":
        return Buffer.concat([Buffer.of((rest[0] ?? 0) ^ 0x55), rest.subarray(1)]);
      case "Garbage":
        return Buffer.concat([garbage, rest]);
      case "End":
        to.end();
        break;
      case "Reset":
        from.resetAndDestroy();
        to.resetAndDestroy();
        break;
      case "Stall":
        break;
    }
    isOver = true;
    return undefined;
  };
  const take = (data: Buffer): void => {
    let rest: Buffer | undefined = data;
    for (let fault = due[0]; rest !== undefined && rest.length > 0 && fault !== undefined; fault = due[0]) {
      const left = fault.offset - seen[direction];
      if (left >= rest.length) break;
      due.shift();
      to.write(rest.subarray(0, left));
      seen[direction] += left;
      rest = act(fault, rest.subarray(left));
    }
    if (rest === undefined || rest.length === 0) return;
    seen[direction] += rest.length;
    to.write(rest);
  };
  from.on("data", (data: Buffer) => {
    if (!isOver) take(data);
  });
  from.on("end", () => {
    if (!isOver) to.end();
  });
  from.on("close", () => {
    if (!isOver && from.errored !== null) to.resetAndDestroy();
  });
}
