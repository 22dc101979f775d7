// One connection: an actor that obeys a client's lines, and writes whatever it is told to.

import { newSelector, send, shutdownWrite, type Self, type Subject } from "tankard";
import { continueWith, stop, type Next } from "tankard/otp";
import type { Connection, ConnectionHandler } from "tankard/server";
import { isHere, isRegistered, leave, tellNumeric, type Client, type ClientMessage, type House } from "./client.ts";
import { obey } from "./commands.ts";
import { takeInput } from "./input.ts";
import { formatLine } from "./irc.ts";

const REGISTER_WITHIN_MS = 60_000;
const FAREWELL_MS = 1_000;

/** Who serves the clients of a chat server. */
export function clientHandler(house: House): ConnectionHandler<Client, ClientMessage> {
  return {
    init(_connection, self) {
      const outbox = self.newSubject<ClientMessage>();
      self.sendAfter(outbox, REGISTER_WITHIN_MS, { type: "RegisterTimeout" });
      return { state: newClient(self, house, outbox), selector: newSelector().select(outbox) };
    },

    async onPacket(client, data) {
      if (!isHere(client)) return continueWith(client); // reads on until the client has closed too
      const { input, unended } = takeInput(client.unended, data);
      client.unended = unended;
      for (const piece of input) {
        if (!isHere(client)) break; // it has said QUIT
        if (piece.type === "Line") await obey(client, piece.line);
        else tellNumeric(client, "417", "Input line was too long");
      }
      return continueWith(client);
    },

    onMessage(client, message, connection) {
      switch (message.type) {
        case "Tell":
          if (client.phase !== "Gone" && message.notTo !== client.outbox) write(connection, client, message.line);
          return continueWith(client);
        case "Dismiss":
          return sayGoodbye(client, connection, message.why);
        case "RegisterTimeout":
          if (isRegistered(client)) return continueWith(client);
          return sayGoodbye(client, connection, "you did not say who you are");
        case "FarewellTimeout":
          return stop();
      }
    },

    onDrain: (client, connection) => sayGoodbye(client, connection, "the server is closing"),

    onClose(client, reason) {
      leave(client, typeof reason === "string" ? "Connection closed" : "Connection lost");
    },
  };
}

function newClient(self: Self, house: House, outbox: Client["outbox"]): Client {
  return {
    self,
    house,
    outbox,
    rooms: new Set(),
    nick: undefined,
    hasUser: false,
    phase: "Here",
    unended: Buffer.alloc(0),
  };
}

/** Does not wait: who is told more than it reads is held by the socket's `sendQueueLimit`, and then let go. */
function write({ socket }: Connection, { outbox }: { readonly outbox: Subject<ClientMessage> }, line: string): void {
  void send(socket, line).then((sent) => {
    // Of any other error the stream's end tells.
    if (!sent.ok && sent.error === "Enobufs") outbox.send({ type: "Dismiss", why: "you do not read" });
  });
}

/**
 * Says it without waiting for a client that does not read, and gives one that does the time to: to close over bytes that
 * nobody has read resets a connection, and a reset may overtake the last words.
 */
function sayGoodbye(client: Client, { socket }: Connection, why: string): Next<Client> {
  leave(client, why);
  if (client.phase === "Gone") return continueWith(client);
  client.phase = "Gone";
  void send(socket, formatLine({ command: "ERROR", params: [`Closing link: ${why}`] }));
  void shutdownWrite(socket);
  client.self.sendAfter(client.outbox, FAREWELL_MS, { type: "FarewellTimeout" });
  return continueWith(client);
}
