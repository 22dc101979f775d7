// One connection: a process that reads a client's lines, and writes whatever it is told to.

import {
  controllingProcess,
  newSelector,
  receiveNextPacketAsMessage,
  send,
  shutdownWrite,
  tcpMessages,
  type OwnedSocket,
  type OwnSubject,
  type Packet,
  type Self,
  type Socket,
  type Subject,
} from "tankard";
import { isRegistered, newSession, obey, type Session } from "./commands.ts";
import { readUntilClosed } from "./farewell.ts";
import { formatLine, takeLines } from "./irc.ts";
import type { RoomMessage, ToClient } from "./room.ts";

/** How the sockets of clients are: who does not read loses the connection when this much waits for it. */
export const clientSocketOptions = { sendQueueLimit: 512 * 1024, linger: 1_000 };

const REGISTER_WITHIN_MS = 60_000;
const FAREWELL_MS = 1_000;

interface Connection {
  readonly self: Self;
  readonly socket: OwnedSocket;
  /** Its own mailbox. Everything that goes out passes through it, and so goes out in the order in which it happened. */
  readonly outbox: OwnSubject<ToClient>;
  readonly session: Session;
  /** Lines that have come and are not obeyed yet. */
  readonly lines: string[];
  rest: Buffer;
  isTooLong: boolean;
}

/** The body of a connection's process. */
export function clientConnection(accepted: Socket, room: Subject<RoomMessage>) {
  return async (self: Self, outbox: OwnSubject<ToClient>): Promise<void> => {
    const owned = controllingProcess(accepted, self);
    if (!owned.ok) return; // it has gone already
    const session = newSession(self, room);
    await serve({ self, socket: owned.value, outbox, session, lines: [], rest: Buffer.alloc(0), isTooLong: false });
  };
}

async function serve(connection: Connection): Promise<void> {
  const { self, socket, outbox, session, lines } = connection;
  const late = self.newSubject<{ readonly type: "Late" }>();
  self.sendAfter(late, REGISTER_WITHIN_MS, { type: "Late" });
  const inbox = newSelector().select(outbox).select(late).merge(tcpMessages);
  receiveNextPacketAsMessage(socket);
  for (;;) {
    // A line is obeyed when nothing waits to be told, and the next packet asked for when no line is left.
    const message = await self.receive(inbox, lines.length > 0 ? 0 : Infinity);
    if (!message.ok) {
      for (const answer of await obey(session, lines.shift() ?? "")) outbox.send(answer);
      if (lines.length === 0) askForMore(connection);
      continue;
    }
    switch (message.value.type) {
      case "Tell":
        write(connection, message.value.line);
        break;
      case "Dismiss":
        return dismiss(connection, message.value.why);
      case "Late":
        if (!isRegistered(session)) return dismiss(connection, "you did not say who you are");
        break;
      case "Packet":
        onPacket(connection, message.value);
        break;
      case "TcpError":
      case "SocketClosed":
        return;
      default:
        message.value satisfies never;
    }
  }
}

function onPacket(connection: Connection, packet: Packet): void {
  const { lines, rest, isTooLong } = takeLines(connection.rest, packet.data);
  connection.lines.push(...lines);
  connection.rest = rest;
  connection.isTooLong = isTooLong;
  if (connection.lines.length === 0) askForMore(connection);
}

function askForMore({ socket, outbox, isTooLong }: Connection): void {
  if (isTooLong) outbox.send({ type: "Dismiss", why: "a line is too long" });
  else receiveNextPacketAsMessage(socket);
}

/** Does not wait: whoever is told more than it reads is held by the socket's limits, and then let go. */
function write({ socket, outbox }: Connection, line: string): void {
  void send(socket, line).then((sent) => {
    if (!sent.ok) outbox.send({ type: "Dismiss", why: "you do not read" });
  });
}

/** Says goodbye: without waiting for a client that does not read, and giving one that does the time to read it. */
async function dismiss({ self, socket }: Connection, why: string): Promise<void> {
  void send(socket, formatLine({ command: "ERROR", params: [`Closing link: ${why}`] }));
  void shutdownWrite(socket);
  await readUntilClosed(self, socket, FAREWELL_MS);
}
