// Every way through the SMTP client's machine, over real sockets, and with each fault of the server's in each turn.

import { describe, expect, jest, test } from "@jest/globals";
import type { SnapshotFrom } from "xstate";
import {
  defaultPatience,
  smtpClient,
  type SmtpClientEvent,
  type SmtpClientInput,
} from "../../examples/smtp-client/machine.ts";
import type { Outcome, Step } from "../../examples/smtp-client/outcome.ts";
import { MAX_LINE_BYTES } from "../../examples/smtp-client/replies.ts";
import { type MachineRun, pathsToEnds, type PathStep, runsOf } from "../support/machine-paths.ts";
import { runMachine } from "../support/run-machine.ts";
import { badEnds, cuts, type Fault, scriptedServer, type Turn, until } from "../support/scripted-server.ts";

jest.setTimeout(60_000);

const mail = { from: "joe@example.org", to: ["ann@example.org", "ben@example.org"], text: "Subject: hi\n\n.dots\n" };

function inputFor(port: number): SmtpClientInput {
  return { server: { host: "127.0.0.1", port }, mail, clientName: "client.example" };
}

/** What each step says to the server, and the good answer to it. */
const dialogue: Record<Exclude<Step, "connect">, { readonly says: string; readonly hears: string }> = {
  greeting: { says: "", hears: "220-welcome\r\n220 to test.local\r\n" },
  ehlo: { says: "EHLO client.example\r\n", hears: "250-test.local\r\n250-SIZE 1000\r\n250 HELP\r\n" },
  helo: { says: "HELO client.example\r\n", hears: "250 test.local\r\n" },
  mail: { says: "MAIL FROM:<joe@example.org>\r\n", hears: "250 2.1.0 ok\r\n" },
  rcpt: { says: "RCPT TO:<RECIPIENT>\r\n", hears: "250 2.1.5 ok\r\n" },
  data: { says: "DATA\r\n", hears: "354 go on\r\n" },
  body: { says: "Subject: hi\r\n\r\n..dots\r\n.\r\n", hears: "250 2.0.0 queued\r\n" },
  quit: { says: "QUIT\r\n", hears: "221 bye\r\n" },
};
const badAnswers = ["450 later\r\n", "550-no\r\n550 never\r\n", "421 closing\r\n"];

type Snapshot = SnapshotFrom<typeof smtpClient>;

function stepOf({ context }: Snapshot): Step {
  return context.at;
}

/** The answer that a reply of the machine's stands for. */
function wire({ code, text }: { readonly code: number; readonly text: string }): string {
  const lines = text.split("\n");
  return lines.map((line, at) => `${code}${at === lines.length - 1 ? " " : "-"}${line}\r\n`).join("");
}

function reply(answer: string) {
  const text = answer
    .trimEnd()
    .split("\r\n")
    .map((line) => line.slice(4))
    .join("\n");
  return { type: "Reply", code: Number(answer.slice(0, 3)), text } as const;
}

const paths = pathsToEnds(smtpClient, {
  input: inputFor(0),
  events: (snapshot): readonly SmtpClientEvent[] => {
    const step = stepOf(snapshot);
    if (step === "connect") return [{ type: "Connected" }];
    const good = dialogue[step].hears;
    if (step === "quit") return [reply(good)];
    return [good, ...badAnswers, good.startsWith("3") ? "250 ok\r\n" : "354 go on\r\n"].map(reply);
  },
});

function turnOf({ before, event }: PathStep<typeof smtpClient>): Turn | undefined {
  if (event.type !== "Reply") return undefined;
  const step = stepOf(before);
  const end = step === "body" ? "\r\n.\r\n" : "\r\n";
  return { request: step === "greeting" ? undefined : until(end), answer: wire(event) };
}

const wrongAnswers = ["HTTP/1.1 400 Bad Request\r\n", `250 ${"x".repeat(MAX_LINE_BYTES)}`];
const faults: readonly Fault[] = [...cuts, ...badEnds, ...wrongAnswers.map((says) => ({ says }))];

const runs = runsOf(paths, turnOf, () => faults);

/** What becomes of a mail whose steps are answered like this, as RFC 5321 has it and not as the machine is built. */
function outcomeOf({
  path,
  fault,
  faultyStep,
}: MachineRun<typeof smtpClient>): Partial<Outcome> & Pick<Outcome, "type"> {
  const refused: { address: string; code: number }[] = [];
  let isSent = false;
  for (const step of path.steps) {
    const at = stepOf(step.before);
    if (step.event.type !== "Reply") continue;
    if (at === "quit") break;
    const how = step === faultyStep ? fault : undefined;
    if (typeof how === "object") return { type: "ProtocolError", at };
    if (how?.startsWith("Closes")) return { type: "ConnectionLost", at, reason: "Closed" };
    if (how?.startsWith("Resets")) return { type: "ConnectionLost", at, reason: "Econnreset" };
    if (how?.startsWith("Stalls")) return { type: "TimedOut", at };

    const { code } = step.event;
    if (code === 421) return { type: "Refused", at, code };
    if (at === "rcpt" && code >= 400) refused.push({ address: mail.to[step.before.context.answered] ?? "", code });
    else if (code >= 500 && at === "ehlo") continue;
    else if (code >= 400) return { type: "Refused", at, code };
    else if (code >= 300 !== (at === "data")) return { type: "ProtocolError", at };
    if (refused.length === mail.to.length)
      return { type: "Refused", at, code: refused.some((one) => one.code === 450) ? 450 : 550 };
    if (at === "body") isSent = true;
  }
  if (!isSent) throw new Error("The path has no end");
  return { type: "Sent", text: "2.0.0 queued", refused: refused.map((one) => expect.objectContaining(one) as never) };
}

/** What the client says until the conversation is over. */
function requestsOf({ path, fault, faultyStep }: MachineRun<typeof smtpClient>): string[] {
  const requests: string[] = [];
  for (const { before, event } of path.steps) {
    const at = stepOf(before);
    if (at === "connect") continue;
    if (at !== "greeting")
      requests.push(dialogue[at].says.replace("RECIPIENT", mail.to[before.context.answered] ?? ""));
    const isOver = typeof fault === "object" || badEnds.some((end) => end === fault);
    if (isOver && faultyStep?.before === before && faultyStep.event === event) break;
  }
  return requests;
}

const LONGEST_MS = Math.max(...Object.values(defaultPatience));

const stateOf: Record<Outcome["type"], Snapshot["value"]> = {
  Sent: "sent",
  Refused: "refused",
  ConnectFailed: "connectFailed",
  TimedOut: "timedOut",
  ConnectionLost: "connectionLost",
  ProtocolError: "protocolError",
  Unsendable: "unsendable",
};

/** Every run belongs to one of these. */
const kinds = ["Nothing", ...cuts, ...badEnds, "AnswersWrongly"] as const;

function kindOf({ fault }: MachineRun<typeof smtpClient>): (typeof kinds)[number] {
  if (fault === undefined) return "Nothing";
  return typeof fault === "string" ? fault : "AnswersWrongly";
}

describe("smtpClient, on every way through it and in every step", () => {
  test("has ways to every end that the server's words lead to", () => {
    const ends = new Set(paths.map(({ end }) => end.value));
    expect([...ends].sort()).toEqual(["protocolError", "refused", "sent"]);
    expect(paths.length).toBeGreaterThan(100);
  });

  test.each(kinds)(
    "ends as RFC 5321 has it and leaves nothing open where what the server does wrong is: %s",
    async (kind) => {
      const ofKind = runs.filter((run) => kindOf(run) === kind);
      expect(ofKind.length).toBeGreaterThanOrEqual(paths.length / 2);
      for (const run of ofKind) {
        await using server = await scriptedServer(run.script);
        const { snapshot, passedMs } = await runMachine(smtpClient, inputFor(server.port), server, LONGEST_MS);
        const outcome = outcomeOf(run);
        const isWhole = kind === "Nothing" || cuts.some((cut) => cut === kind);
        expect({
          run: run.name,
          state: snapshot.value,
          output: snapshot.output,
          requests: server.requests,
          pure: isWhole && snapshot.output,
        }).toEqual({
          run: run.name,
          state: stateOf[outcome.type],
          output: expect.objectContaining(outcome),
          requests: requestsOf(run),
          pure: isWhole && run.path.end.output,
        });
        const isStalled = kind.startsWith("Stalls") || kind === "AnswersWrongly";
        expect({ run: run.name, hasWaited: passedMs > 0 }).toEqual({
          run: run.name,
          hasWaited: isStalled && passedMs > 0,
        });
      }
    },
  );
});
