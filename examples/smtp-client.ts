// Sends a mail by an XState machine whose socket is its child:
//
//   echo "Hello, Mike!" | smtp-client --host localhost --port 25 --from joe@example.org --to mike@example.org
//
// With --starttls it does so over TLS, or not at all, and with --user it logs in. Prints what became of it. The exit code is 0 where the server has taken the mail over for everybody.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import type { TlsClientOptions } from "tankard/tls";
import { createActor, toPromise } from "xstate";
import { trust } from "./command-line/tls.ts";
import { smtpClient } from "./smtp-client/machine.ts";
import { compose } from "./smtp-client/message.ts";
import { describeOutcome } from "./smtp-client/outcome.ts";
import { readSettings, USAGE, type Settings } from "./smtp-client/settings.ts";

const settings = readSettings(process.argv.slice(2), process.env.SMTP_PASSWORD);
const trusted = trust(settings?.caFile);
if (settings === undefined || !trusted.ok) {
  console.error(trusted.ok ? USAGE : trusted.error);
  process.exitCode = 2;
} else if (!(await isSent(settings, trusted.value))) {
  process.exitCode = 1;
}

async function isSent(settings: Settings, trusted: TlsClientOptions): Promise<boolean> {
  const { server, from, to, subject, isStartTls, login } = settings;
  const clientName = hostname();
  const mail = compose({
    from,
    to,
    subject,
    body: process.stdin.isTTY ? "Hello, Joe!\n" : await text(process.stdin),
    date: new Date(),
    messageId: `${randomUUID()}@${clientName}`,
  });
  const startTls = isStartTls ? trusted : undefined;
  const client = createActor(smtpClient, { input: { server, startTls, login, mail, clientName } }).start();
  const outcome = await toPromise(client);
  const isWhole = outcome.type === "Sent" && outcome.refused.length === 0;
  (isWhole ? console.log : console.error)(describeOutcome(outcome));
  return isWhole;
}
