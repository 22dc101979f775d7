// Sends a mail by an XState machine whose socket is its child:
//
//   echo "Hello, Mike!" | smtp-client --host localhost --port 25 --from joe@example.org --to mike@example.org
//
// Prints what became of it. The exit code is 0 where the server has taken the mail over for everybody.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { createActor, toPromise } from "xstate";
import { smtpClient } from "./smtp-client/machine.ts";
import { compose } from "./smtp-client/message.ts";
import { describeOutcome } from "./smtp-client/outcome.ts";
import { readSettings, USAGE, type Settings } from "./smtp-client/settings.ts";

const settings = readSettings(process.argv.slice(2));
if (settings === undefined) {
  console.error(USAGE);
  process.exitCode = 2;
} else if (!(await isSent(settings))) {
  process.exitCode = 1;
}

async function isSent({ server, from, to, subject }: Settings): Promise<boolean> {
  const clientName = hostname();
  const mail = compose({
    from,
    to,
    subject,
    body: process.stdin.isTTY ? "Hello, Joe!\n" : await text(process.stdin),
    date: new Date(),
    messageId: `${randomUUID()}@${clientName}`,
  });
  const client = createActor(smtpClient, { input: { server, mail, clientName } }).start();
  const outcome = await toPromise(client);
  const isWhole = outcome.type === "Sent" && outcome.refused.length === 0;
  (isWhole ? console.log : console.error)(describeOutcome(outcome));
  return isWhole;
}
