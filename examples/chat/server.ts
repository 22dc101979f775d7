// A small IRC server: a room, a process that accepts, and a process for every connection.

import {
  accept,
  closeListener,
  describeError,
  listen,
  ok,
  type Host,
  type Listener,
  type Result,
  type Self,
  type SocketError,
  type Subject,
} from "tankard";
import { clientConnection, clientSocketOptions } from "./connection.ts";
import { chatRoom, type RoomMessage } from "./room.ts";

export interface ChatServer {
  readonly host: string;
  readonly port: number;
  /** Stops listening, says goodbye to everybody, and resolves when all have gone. */
  readonly close: () => Promise<void>;
}

const HOST = "127.0.0.1";
const PAUSE_MS = 100;

/** Starts it on a free port of this machine alone. */
export async function startChatServer(host: Host): Promise<Result<ChatServer, SocketError>> {
  const listening = await listen({ host: HOST, port: 0, ...clientSocketOptions });
  if (!listening.ok) return listening;
  const listener = listening.value;
  const room = host.spawn(chatRoom);
  host.spawn((self) => acceptClients(self, listener, room.subject));
  return ok({
    host: HOST,
    port: listener.port,
    close: async () => {
      await closeListener(listener);
      room.subject.send({ type: "Close" });
      await room.exited;
    },
  });
}

async function acceptClients(self: Self, listener: Listener, room: Subject<RoomMessage>): Promise<void> {
  for (;;) {
    const accepted = await accept(listener, Infinity);
    if (accepted.ok) {
      // Without a link: a connection that crashes takes nobody with it. The room watches it.
      const client = self.spawnUnlinked(clientConnection(accepted.value, room));
      room.send({ type: "Arrive", client, outbox: client.subject });
      continue;
    }
    switch (accepted.error) {
      case "Closed":
        return;
      case "Econnaborted": // the client gave up while it waited
        break;
      case "Emfile": // no descriptor left: one comes free when somebody goes
      case "Enfile":
        await self.sleep(PAUSE_MS);
        break;
      default:
        throw new Error(`Cannot accept a connection: ${describeError(accepted.error)}`);
    }
  }
}
