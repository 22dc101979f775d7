// Replies and failures for people.

import type { Answer } from "./client.ts";
import type { Reply } from "./resp.ts";

export function replyText(reply: Reply): string {
  if (reply === null) return "nothing";
  if (typeof reply !== "object") return String(reply);
  if (Buffer.isBuffer(reply)) return JSON.stringify(reply.toString());
  return "type" in reply ? reply.text : `[${reply.map(replyText).join(", ")}]`;
}

export function failureText(failure: Extract<Answer, { readonly ok: false }>["error"]): string {
  switch (failure.type) {
    case "ErrorReply":
      return failure.text;
    case "QueueFull":
      return `not sent, ${failure.maxPending} commands wait already`;
    case "Closed":
      return "not sent, the client is closed";
    case "ConnectionLost":
      return `perhaps done, the connection was lost: ${failure.why}`;
    case "TimedOut":
      return `perhaps done, no answer within ${failure.withinMs} ms`;
  }
}
