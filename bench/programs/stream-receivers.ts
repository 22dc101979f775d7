// Ways to receive a stream: each hands on how many bytes have come, and reads no further once it is told to stop.
import { once } from "node:events";
import net, { type OnReadOpts } from "node:net";
import {
  connect,
  type OwnedSocket,
  type Owner,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  spawn,
  tcpMessages,
  unwrap,
} from "tankard";
import type { Transport } from "./transports.ts";

/** Says whether to go on. */
export type Take = (byteCount: number) => boolean;
/** Connects to a source. Gives what begins to receive, again after each stop. */
export type Receiver = (over: Transport, address: string, take: Take) => Promise<() => void>;

type Connecting = (over: Transport, address: string, owner: Owner) => Promise<OwnedSocket>;

const timeLimitMs = 5_000;

export const receivers: Record<string, Receiver> = {
  "net `data`": async (over, address, take) => {
    const socket = await over.connectRaw(address);
    socket.on("data", (data: Buffer) => {
      if (!take(data.length)) socket.pause();
    });
    socket.pause();
    return () => socket.resume();
  },

  "net `for await`": async (over, address, take) => {
    const socket = await over.connectRaw(address);
    const gate = new Gate();
    void (async () => {
      await gate.opened;
      for await (const data of socket) if (!take((data as Buffer).length)) await gate.opened;
    })();
    return () => gate.open();
  },

  // One buffer for all that comes, as with `reuseBuffers`.
  "net `onread`": async (over, address, take) => {
    const onread: OnReadOpts = { buffer: Buffer.allocUnsafeSlow(65_536), callback: take };
    const socket = net.connect({ ...over.connectOptions(address), onread });
    await once(socket.pause(), "connect");
    return () => socket.resume();
  },

  "callback owner": callbackOwner(connected),
  "callback owner, `reuseBuffers`": callbackOwner(connectedReusing),
  "async process": asyncProcess(connected),
  "async process, `reuseBuffers`": asyncProcess(connectedReusing),

  "passive receive": async (over, address, take) => {
    const socket = await over.connect(address);
    const gate = new Gate();
    void (async () => {
      await gate.opened;
      for (;;) {
        const data = unwrap(await receive(socket, timeLimitMs));
        if (!take(data.length)) await gate.opened;
      }
    })();
    return () => gate.open();
  },
};

function callbackOwner(connecting: Connecting): Receiver {
  return async (over, address, take) => {
    const owner = ownerFromCallback((message) => {
      if (message.type === "Packet" && take(message.data.length)) receiveNextPacketAsMessage(message.socket);
    });
    const socket = await connecting(over, address, owner);
    return () => void receiveNextPacketAsMessage(socket);
  };
}

function asyncProcess(connecting: Connecting): Receiver {
  return async (over, address, take) => {
    const process = spawn(async (self) => {
      for (;;) {
        const message = await self.receive(tcpMessages, timeLimitMs);
        if (message.ok && message.value.type === "Packet" && take(message.value.data.length))
          receiveNextPacketAsMessage(message.value.socket);
      }
    });
    const socket = await connecting(over, address, process);
    return () => void receiveNextPacketAsMessage(socket);
  };
}

function connected(over: Transport, address: string, owner: Owner): Promise<OwnedSocket> {
  return over.connect(address, owner);
}

/** Over TCP and unix sockets: elsewhere there is nothing to reuse. */
async function connectedReusing(over: Transport, address: string, owner: Owner): Promise<OwnedSocket> {
  return unwrap(await connect({ ...over.connectOptions(address), owner, reuseBuffers: true }));
}

/** Where who has stopped waits until it may go on. */
class Gate {
  #open: () => void = () => undefined;

  get opened(): Promise<void> {
    return new Promise((resolve) => (this.#open = resolve));
  }

  open(): void {
    this.#open();
  }
}
