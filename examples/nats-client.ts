// A NATS client: an actor over a connection that comes back, which a framing of its own cuts into operations. It needs a
// nats-server.
//
// Prints: beers.new: Porter
//         beers.new: Stout
//         price of Porter: 4.50
//         price of water: nobody answers that
//         drained, with a last word
//         beers.last: Goodbye

import { type OwnSubject, type Self, spawn, unwrap } from "tankard";
import { readCommandLine } from "./command-line/address.ts";
import { startNatsClient } from "./nats-client/client.ts";
import type { NatsMessage, NatsNews } from "./nats-client/messages.ts";
import { failureText, newsText, printable } from "./nats-client/words.ts";

const NATS_PORT = 4222;
const WITHIN_MS = 2_000;

const commandLine = readCommandLine("Usage: nats-client [--host HOST] [--port PORT]");
if (commandLine !== undefined) {
  const { host, port } = commandLine.here;
  await spawn((self) => work(self, host, port === 0 ? NATS_PORT : port)).result;
}

/** One process for the news of the connection, one that answers requests, and this one. */
async function work(self: Self, host: string, port: number): Promise<void> {
  const reporter = self.spawn(report);
  const { data: nats } = unwrap(await startNatsClient({ host, port, news: reporter.subject }, self));
  const barkeeper = self.spawn(async (keeper, questions: OwnSubject<NatsMessage>) => {
    for (;;) {
      const { replyTo } = await keeper.receiveForever(questions);
      if (replyTo !== undefined) await nats.publish(replyTo, "4.50");
    }
  });
  const beers = self.newSubject<NatsMessage>();

  nats.subscribe("beers.*", beers);
  nats.subscribe("price.Porter", barkeeper.subject, { queue: "barkeepers" }); // one of them gets each question
  const ready = await nats.flush(WITHIN_MS);
  if (ready.ok) {
    await nats.publish("beers.new", "Porter");
    await nats.publish("beers.new", "Stout");
    await printNext();
    await printNext();

    for (const beer of ["Porter", "water"]) {
      const price = await nats.request(`price.${beer}`, "", WITHIN_MS);
      console.log(`price of ${beer}: ${price.ok ? wordsOf(price.value) : failureText(price.error)}`);
    }

    await nats.publish("beers.last", "Goodbye");
    unwrap(await nats.drain(WITHIN_MS)); // every message is in its mailbox now, and no other will come
    console.log("drained, with a last word");
    await printNext();
  } else {
    console.error(`Nothing can be done: ${failureText(ready.error)}.`);
    process.exitCode = 1;
  }
  await nats.close();

  async function printNext(): Promise<void> {
    const message = unwrap(await self.receive(beers, WITHIN_MS));
    console.log(`${message.subject}: ${wordsOf(message)}`);
  }
}

async function report(self: Self, news: OwnSubject<NatsNews>): Promise<never> {
  for (;;) {
    const message = await self.receiveForever(news);
    if (message.type !== "Connected") console.error(`${newsText(message)}.`);
  }
}

function wordsOf({ payload }: NatsMessage): string {
  return printable(payload.toString());
}
