// One client: its packets become commands, and whatever a packet asks is answered in one piece.

import type { Self, Subject } from "tankard";
import { continueWith, type Next, stop } from "tankard/otp";
import { type ConnectionHandler, withReply } from "tankard/server";
import { type Answer, type Task, taskOf } from "./commands.ts";
import { CommandDecoder, type Decoded, encode, failure, type Reply } from "./resp.ts";
import type { StoreMessage } from "./store.ts";

/** A client that asks for more in one packet is let go, as Redis does with those who have too much to read. */
const MAX_REPLY_BYTES = 256 * 1024 * 1024;

const RESTARTING = failure("ERR store is restarting, its data is lost");

export function keyValueConnection(store: Subject<StoreMessage>): ConnectionHandler<CommandDecoder, never> {
  return {
    init: () => ({ state: new CommandDecoder() }),
    onPacket(decoder, data, _connection, self) {
      const decoded = decoder.decode(data);
      const tasks = decoded.commands.map(taskOf);
      if (tasks.every(isAnswer)) return next(decoder, decoded, tasks.map(({ reply }) => reply)); // prettier-ignore
      return ask(self, store, tasks).then((replies) => next(decoder, decoded, replies));
    },
    onDrain: () => stop(),
  };
}

/** No time limit is needed: the store never waits, so it answers or crashes, and then the call fails at once. */
async function ask(self: Self, store: Subject<StoreMessage>, tasks: readonly Task[]): Promise<readonly Reply[]> {
  const called = await self.call(store, Infinity, (reply) => ({ type: "Batch", tasks, reply }));
  return called.ok ? called.value : tasks.map((task) => (isAnswer(task) ? task.reply : RESTARTING));
}

function next(decoder: CommandDecoder, { error }: Decoded, replies: readonly Reply[]): Next<CommandDecoder> {
  let text = "";
  for (const reply of replies) {
    text += encode(reply);
    if (text.length > MAX_REPLY_BYTES) return stop();
  }
  if (error !== undefined) return withReply(stop(), Buffer.from(text + encode(error), "latin1"));
  return text === "" ? continueWith(decoder) : withReply(continueWith(decoder), Buffer.from(text, "latin1"));
}

function isAnswer(task: Task): task is Answer {
  return task.type === "Answer";
}
