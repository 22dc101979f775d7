// Every way through the SMTP client's machine, over real sockets, and with each fault of the server's in each turn.

import { describe, expect, jest, test } from "@jest/globals";
import type { SnapshotFrom } from "xstate";
import { defaultPatience, type SmtpClientInput } from "../../examples/smtp-client/context.ts";
import { smtpClient, type SmtpClientEvent } from "../../examples/smtp-client/machine.ts";
import type { Outcome, Step } from "../../examples/smtp-client/outcome.ts";
import { MAX_LINE_BYTES } from "../../examples/smtp-client/replies.ts";
import { type MachinePath, type MachineRun, pathsToEnds, type PathStep, runsOf } from "../support/machine-paths.ts";
import { runMachine } from "../support/run-machine.ts";
import { ca } from "../support/certificates.ts";
import { badEnds, cuts, type Fault, scriptedServer, type Turn, until } from "../support/scripted-server.ts";

jest.setTimeout(60_000);

/** A client that is to send a mail, and how a server may answer it. */
interface Plan {
  readonly name: string;
  readonly inputFor: (port: number) => SmtpClientInput;
  /** Answers beside the good one and those that are bad in every step. */
  readonly answers: (snapshot: Snapshot) => readonly string[];
  /** Whether the server's answers and faults in this step are this plan's concern. */
  readonly isAbout: (step: Step) => boolean;
  readonly ends: readonly string[];
}

const mail = { from: "joe@example.org", to: ["ann@example.org", "ben@example.org"], text: "Subject: hi\n\n.dots\n" };

const plain: Plan = {
  name: "in plain text, to two",
  inputFor: (port) => ({ server: { host: "127.0.0.1", port }, mail, clientName: "client.example" }),
  answers: () => [],
  isAbout: () => true,
  ends: ["protocolError", "refused", "sent"],
};

/** What a server says before TLS that it can do is not true later. */
const secured: Plan = {
  name: "over TLS, logged in, to one",
  inputFor: (port) => ({
    ...plain.inputFor(port),
    mail: { ...mail, to: mail.to.slice(0, 1) },
    startTls: { ca },
    login: { user: "joe", password: "secret" },
  }),
  answers: ({ context: { at, isSecured } }) => {
    if (at !== "ehlo") return [];
    if (!isSecured) return ["250-test.local\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"];
    return ["250-test.local\r\n250 auth login plain\r\n", "250-test.local\r\n250-SIZE\r\n250 AUTH LOGIN\r\n"];
  },
  isAbout: (step) => !["greeting", "helo", "mail", "rcpt", "data", "body", "quit"].includes(step),
  ends: ["notLoggedIn", "notSecured", "protocolError", "refused", "sent"],
};

/** What each step says to the server, and the good answer to it. */
const dialogue: Record<Exclude<Step, "connect">, { readonly says: string; readonly hears: string }> = {
  greeting: { says: "", hears: "220-welcome\r\n220 to test.local\r\n" },
  ehlo: { says: "EHLO client.example\r\n", hears: "250-test.local\r\n250-SIZE 1000\r\n250 HELP\r\n" },
  helo: { says: "HELO client.example\r\n", hears: "250 test.local\r\n" },
  startTls: { says: "STARTTLS\r\n", hears: "220 2.0.0 ready\r\n" },
  handshake: { says: "", hears: "" },
  authPlain: { says: "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n", hears: "235 2.7.0 in\r\n" },
  authLogin: { says: "AUTH LOGIN\r\n", hears: "334 VXNlcm5hbWU6\r\n" },
  user: { says: "am9l\r\n", hears: "334 UGFzc3dvcmQ6\r\n" },
  password: { says: "c2VjcmV0\r\n", hears: "235 2.7.0 in\r\n" },
  mail: { says: "MAIL FROM:<joe@example.org>\r\n", hears: "250 2.1.0 ok\r\n" },
  rcpt: { says: "RCPT TO:<RECIPIENT>\r\n", hears: "250 2.1.5 ok\r\n" },
  data: { says: "DATA\r\n", hears: "354 go on\r\n" },
  body: { says: "Subject: hi\r\n\r\n..dots\r\n.\r\n", hears: "250 2.0.0 queued\r\n" },
  quit: { says: "QUIT\r\n", hears: "221 bye\r\n" },
};
/** The steps to which a server says yes by 3xx. */
const asksForMore: readonly Step[] = ["authLogin", "user", "data"];
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

function pathsOf({ inputFor, answers, isAbout }: Plan): MachinePath<typeof smtpClient>[] {
  return pathsToEnds(smtpClient, {
    input: inputFor(0),
    events: (snapshot): readonly SmtpClientEvent[] => {
      const step = stepOf(snapshot);
      if (step === "connect") return [{ type: "Connected" }];
      if (step === "handshake") return [{ type: "Upgraded" }];
      const good = dialogue[step].hears;
      if (step === "quit" || !isAbout(step)) return [reply(good)];
      return [
        good,
        ...answers(snapshot),
        ...badAnswers,
        asksForMore.includes(step) ? "250 ok\r\n" : "354 go on\r\n",
      ].map(reply);
    },
  });
}

function turnOf({ before, event }: PathStep<typeof smtpClient>): Turn | undefined {
  if (event.type !== "Reply") return undefined;
  const step = stepOf(before);
  const end = step === "body" ? "\r\n.\r\n" : "\r\n";
  const turn: Turn = { request: step === "greeting" ? undefined : until(end), answer: wire(event) };
  return step === "startTls" && event.code === 220 ? { ...turn, startsTls: "localhost" } : turn;
}

const wrongAnswers = ["HTTP/1.1 400 Bad Request\r\n", `250 ${"x".repeat(MAX_LINE_BYTES)}`];
const faults: readonly Fault[] = [...cuts, ...badEnds, ...wrongAnswers.map((says) => ({ says }))];

/** What comes together with the server's yes to STARTTLS is no cut: somebody has put it there. */
const faultsOfStartTls = faults.filter((fault) => fault !== "WithNext");

function runsOfPlan(plan: Plan, paths: readonly MachinePath<typeof smtpClient>[]): MachineRun<typeof smtpClient>[] {
  return runsOf(paths, turnOf, ({ before }) => {
    const at = stepOf(before);
    if (!plan.isAbout(at)) return [];
    return at === "startTls" ? faultsOfStartTls : faults;
  });
}

/** What becomes of a mail whose steps are answered like this, as RFC 5321 has it and not as the machine is built. */
function outcomeOf(
  { path, fault, faultyStep }: MachineRun<typeof smtpClient>,
  { mail, startTls }: SmtpClientInput,
): Partial<Outcome> & Pick<Outcome, "type"> {
  let isSecured = startTls === undefined;
  const refused: { address: string; code: number }[] = [];
  let isSent = false;
  for (const step of path.steps) {
    const at = stepOf(step.before);
    if (step.event.type === "Upgraded") isSecured = true;
    if (step.event.type !== "Reply") continue;
    if (at === "quit") break;
    const how = step === faultyStep ? fault : undefined;
    if (typeof how === "object") return { type: "ProtocolError", at };
    if (how?.startsWith("Closes")) return { type: "ConnectionLost", at, reason: "Closed" };
    if (how?.startsWith("Resets")) return { type: "ConnectionLost", at, reason: "Econnreset" };
    if (how?.startsWith("Stalls")) return { type: "TimedOut", at };

    const { code, text } = step.event;
    if (code === 421) return { type: "Refused", at, code };
    if (at === "rcpt" && code >= 400) refused.push({ address: mail.to[step.before.context.answered] ?? "", code });
    else if (code >= 500 && at === "ehlo") continue;
    else if (code >= 400 && at === "startTls")
      return { type: "NotSecured", refusal: expect.objectContaining({ code }) as never };
    else if (code >= 400 && ["authPlain", "authLogin", "user", "password"].includes(at))
      return { type: "NotLoggedIn", refusal: expect.objectContaining({ code }) as never };
    else if (code >= 400) return { type: "Refused", at, code };
    else if (code >= 300 !== asksForMore.includes(at)) return { type: "ProtocolError", at };
    if (at === "ehlo" || at === "helo") {
      if (!isSecured && !text.includes("STARTTLS")) return { type: "NotSecured", refusal: undefined };
      if (isSecured && startTls !== undefined && !/auth/i.test(text))
        return { type: "NotLoggedIn", refusal: undefined };
    }
    if (refused.length === mail.to.length)
      return { type: "Refused", at, code: refused.some((one) => one.code === 450) ? 450 : 550 };
    if (at === "body") isSent = true;
  }
  if (!isSent) throw new Error("The path has no end");
  return { type: "Sent", text: "2.0.0 queued", refused: refused.map((one) => expect.objectContaining(one) as never) };
}

/** What the client says until the conversation is over. */
function requestsOf({ path, fault, faultyStep }: MachineRun<typeof smtpClient>, { mail }: SmtpClientInput): string[] {
  const requests: string[] = [];
  for (const { before, event } of path.steps) {
    const at = stepOf(before);
    if (event.type !== "Reply") continue;
    if (at !== "greeting")
      requests.push(
        dialogue[at as keyof typeof dialogue].says.replace("RECIPIENT", mail.to[before.context.answered] ?? ""),
      );
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
  NotSecured: "notSecured",
  TlsFailed: "tlsFailed",
  NotLoggedIn: "notLoggedIn",
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

describe.each([plain, secured])("smtpClient $name, on every way through it and in every step", (plan) => {
  const paths = pathsOf(plan);
  const runs = runsOfPlan(plan, paths);

  test("has ways to every end that the server's words lead to", () => {
    const ends = new Set(paths.map(({ end }) => end.value));
    expect([...ends].sort()).toEqual(plan.ends);
    expect(paths.length).toBeGreaterThan(30);
  });

  test.each(kinds)(
    "ends as the RFCs have it and leaves nothing open where what the server does wrong is: %s",
    async (kind) => {
      const ofKind = runs.filter((run) => kindOf(run) === kind);
      expect(ofKind.length).toBeGreaterThanOrEqual(paths.length / 2);
      for (const run of ofKind) {
        await using server = await scriptedServer(run.script);
        const input = plan.inputFor(server.port);
        const { snapshot, passedMs } = await runMachine(smtpClient, input, server, LONGEST_MS);
        const outcome = outcomeOf(run, input);
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
          requests: requestsOf(run, input),
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
