// What a NATS client says, in words.

import { describeError } from "tankard";
import type { DisconnectReason } from "tankard/reconnect";
import type { NatsFailure, NatsNews } from "./messages.ts";

export function newsText(news: NatsNews): string {
  switch (news.type) {
    case "Connected":
      return "Connected";
    case "Disconnected":
      return `No connection: ${reasonText(news.reason)}`;
    case "ServerError":
      return `The server says: ${printable(news.text)}`;
  }
}

export function failureText(failure: NatsFailure): string {
  switch (failure.type) {
    case "NoResponders":
      return "nobody answers that";
    case "PayloadTooLarge":
      return `${failure.byteSize} bytes are too many, the server takes ${failure.maxPayload}`;
    case "CallTimeout":
      return `no answer within ${failure.withinMs} ms`;
    case "QueueFull":
      return "too much waits for a connection already";
    case "Disconnected":
      return reasonText(failure.reason);
    case "SendFailed":
      return describeError(failure.error);
    case "Closed":
      return "the client is closed";
  }
}

function reasonText(reason: DisconnectReason): string {
  switch (reason.type) {
    case "ConnectFailed":
    case "ConnectionLost":
      return describeError(reason.error);
    case "HandshakeFailed":
      return handshakeText(reason.error);
    case "HandshakeTimeout":
      return "the server does not let us in";
    case "PeerSilent":
      return "the server does not answer";
    case "Asked":
      return "it is made anew";
  }
}

/** A `HandshakeError`, how the socket has failed, or what was thrown. */
function handshakeText(error: unknown): string {
  if (typeof error !== "object" || error === null || !("type" in error)) return String(error);
  if ("text" in error) return printable(String(error.text));
  return error.type === "TlsRequired" ? "the server wants TLS" : "that is no NATS server";
}

/** A server's words on somebody's terminal: no control characters. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
