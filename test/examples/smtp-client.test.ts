import { describe, expect, jest, test } from "@jest/globals";
import { createActor, SimulatedClock, toPromise } from "xstate";
import { createSimulatedClock } from "tankard/testing";
import { defaultPatience, type SmtpClientInput } from "../../examples/smtp-client/context.ts";
import { smtpClient } from "../../examples/smtp-client/machine.ts";
import { describeOutcome, type Outcome } from "../../examples/smtp-client/outcome.ts";
import { MAX_LINE_BYTES } from "../../examples/smtp-client/replies.ts";
import { ca, caFile, type CertificateName } from "../support/certificates.ts";
import { closedPort } from "../support/peer.ts";
import { runExample, startExample, startExampleIn } from "../support/run-example.ts";
import { runMachine } from "../support/run-machine.ts";
import { type Script, scriptedServer, type TurnFault, until } from "../support/scripted-server.ts";

jest.setTimeout(60_000);

const good = [
  "220 test.local ESMTP\r\n",
  "250-test.local\r\n250 HELP\r\n",
  "250 2.1.0 Ok\r\n",
  "250 2.1.5 Ok\r\n",
  "354 go on\r\n",
  "250 2.0.0 queued as 7\r\n",
  "221 2.0.0 bye\r\n",
];
/** The steps that wait for an answer, in the order of `good`. */
const steps = ["greeting", "ehlo", "mail", "rcpt", "data", "body", "quit"] as const;

/** A server that answers so, one command after the other, and the text behind a 354. */
function script(answers: readonly string[], fault?: TurnFault): Script {
  const requestAt = (at: number) =>
    at === 0 ? undefined : until(answers[at - 1]?.startsWith("354") ? "\r\n.\r\n" : "\r\n");
  return {
    turns: answers.map((answer, at) => ({ request: requestAt(at), answer })),
    faults: fault === undefined ? [] : [fault],
  };
}

function inputFor(port: number, changes: Partial<SmtpClientInput["mail"]> = {}): SmtpClientInput {
  return {
    server: { host: "127.0.0.1", port },
    mail: { from: "joe@example.org", to: ["ann@example.org"], text: "Subject: hi\n\nHello, Ann!\n", ...changes },
    clientName: "client.example",
  };
}

/** What becomes of a mail at a server with this script, and what that hears. */
async function outcomeAt(
  conversation: Script,
  changes?: Partial<SmtpClientInput["mail"]>,
): Promise<{ readonly outcome: Outcome | undefined; readonly requests: readonly string[] }> {
  await using server = await scriptedServer(conversation);
  const { snapshot } = await runMachine(smtpClient, inputFor(server.port, changes), server, defaultPatience.body);
  return { outcome: snapshot.output, requests: server.requests };
}

/** The good answers, but for one: by its place. */
function goodBut(changes: Readonly<Record<number, string>>): readonly string[] {
  return good.map((answer, at) => changes[at] ?? answer);
}

describe("smtpClient", () => {
  test("sends a mail", async () => {
    expect(await outcomeAt(script(good))).toEqual({
      outcome: { type: "Sent", text: "2.0.0 queued as 7", refused: [] },
      requests: [
        "EHLO client.example\r\n",
        "MAIL FROM:<joe@example.org>\r\n",
        "RCPT TO:<ann@example.org>\r\n",
        "DATA\r\n",
        "Subject: hi\r\n\r\nHello, Ann!\r\n.\r\n",
        "QUIT\r\n",
      ],
    });
  });

  test("says HELO to a server that does not know EHLO, and nobody sends the mail where the sender is empty", async () => {
    const [greeting = "", , ...others] = good;
    const { outcome, requests } = await outcomeAt(
      script([greeting, "502 what?\r\n", "250 test.local\r\n", ...others]),
      { from: "" },
    );
    expect(outcome).toMatchObject({ type: "Sent" });
    expect(requests.slice(0, 3)).toEqual(["EHLO client.example\r\n", "HELO client.example\r\n", "MAIL FROM:<>\r\n"]);
  });

  test("does not say HELO to a server that has no time for EHLO", async () => {
    const { outcome, requests } = await outcomeAt(script(["220 hi\r\n", "450 busy\r\n", "221 bye\r\n"]));
    expect(outcome).toEqual({ type: "Refused", at: "ehlo", code: 450, text: "busy", isTemporary: true, refused: [] });
    expect(requests).toEqual(["EHLO client.example\r\n", "QUIT\r\n"]);
  });

  test("takes dots, line ends of all kinds and no last one, and text that is not ASCII", async () => {
    const { requests } = await outcomeAt(script(good), { text: ".\n..two\r\nbare\rgrüße 🍺\n\n.last" });
    const text = "..\r\n...two\r\nbare\r\ngrüße 🍺\r\n\r\n..last\r\n.\r\n";
    expect(requests.at(-2)).toBe(Buffer.from(text).toString("latin1"));
  });

  test("reads a reply's lines, whatever is in them, as one text", async () => {
    const { outcome } = await outcomeAt(script(goodBut({ 5: "250-grüße\r\n250-\n250\r\n" })));
    expect(outcome).toEqual({ type: "Sent", text: "grüße\n\n", refused: [] });
  });

  test("sends to whom the server takes, and tells of the others", async () => {
    const answers = [
      ...good.slice(0, 3),
      "550 who?\r\n",
      "251 forwarded\r\n",
      "450-full\r\n450 up\r\n",
      ...good.slice(4),
    ];
    const { outcome, requests } = await outcomeAt(script(answers), { to: ["a@x", "b@x", "c@x"] });
    expect(outcome).toEqual({
      type: "Sent",
      text: "2.0.0 queued as 7",
      refused: [
        { address: "a@x", code: 550, text: "who?", isTemporary: false },
        { address: "c@x", code: 450, text: "full\nup", isTemporary: true },
      ],
    });
    expect(requests.slice(2, 6)).toEqual(["RCPT TO:<a@x>\r\n", "RCPT TO:<b@x>\r\n", "RCPT TO:<c@x>\r\n", "DATA\r\n"]);
  });

  test("sends nothing where all recipients are refused, and says that it may be tried again where one was for now", async () => {
    const answers = [...good.slice(0, 3), "550 no\r\n", "452 full\r\n", "221 bye\r\n"];
    const { outcome, requests } = await outcomeAt(script(answers), { to: ["a@x", "b@x"] });
    expect(outcome).toMatchObject({ type: "Refused", at: "rcpt", code: 452, isTemporary: true, refused: [{}, {}] });
    expect(requests.at(-1)).toBe("QUIT\r\n");
  });

  test.each(steps.slice(0, -1).map((step, at) => [step, at] as const))(
    "ends where the server says 421 at %s, without another word, and does not count it as a recipient's",
    async (step, at) => {
      const { outcome, requests } = await outcomeAt(script([...good.slice(0, at), "421 4.3.2 closing\r\n"]));
      expect(outcome).toEqual({
        type: "Refused",
        at: step,
        code: 421,
        text: "4.3.2 closing",
        isTemporary: true,
        refused: [],
      });
      expect(requests).toHaveLength(at);
    },
  );

  test("takes a 421 that the server says unasked for the answer to the next command", async () => {
    const { outcome } = await outcomeAt(script(goodBut({ 2: "250 ok\r\n421 closing\r\n" })));
    expect(outcome).toMatchObject({ type: "Refused", at: "rcpt", code: 421 });
  });

  test.each([
    ["a code that nobody says there", "354 go on\r\n", "354 go on"],
    ["a code that there is not", "650 ok\r\n", "650 ok"],
    ["another protocol", "HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400 Bad Request"],
    ["lines of two codes", "250-ok\r\n251 ok\r\n", "251 ok"],
    ["a line that is too long and has no end", `250 ${"x".repeat(MAX_LINE_BYTES)}`, `250 ${"x".repeat(76)}`],
    ["lines without end", "250-ok\r\n".repeat(100_000), "250-ok\r\n".repeat(10)],
  ])("gives up on %s", async (_, answer, said) => {
    const { outcome, requests } = await outcomeAt(script([...good.slice(0, 2), answer]));
    expect(outcome).toEqual({ type: "ProtocolError", at: "mail", said });
    expect(requests).toHaveLength(2);
  });

  test.each(["\r\nRSET", "\n", "\r", "\0", " ", ">", "<", "\u00e9", "x".repeat(255), ""])(
    "does not even connect for an address like %j",
    async (bad) => {
      await using server = await scriptedServer();
      for (const changes of [{ to: ["ann@example.org", bad] }, ...(bad === "" ? [] : [{ from: bad }])]) {
        const outcome = await toPromise(createActor(smtpClient, { input: inputFor(server.port, changes) }).start());
        expect(outcome).toEqual({ type: "Unsendable", why: expect.stringContaining(JSON.stringify(bad)) });
      }
      expect(server.accepted).toBe(0);
    },
  );

  test("does not connect for nobody, nor under a name with a line end in it", async () => {
    for (const input of [inputFor(0, { to: [] }), { ...inputFor(0), clientName: "me\r\nRSET" }]) {
      const outcome = await toPromise(createActor(smtpClient, { input }).start());
      expect(outcome.type).toBe("Unsendable");
    }
  });

  test("says why it cannot connect", async () => {
    const input = inputFor(await closedPort());
    const outcome = await toPromise(createActor(smtpClient, { input }).start());
    expect(outcome).toMatchObject({
      type: "ConnectFailed",
      error: { type: "ConnectFailedBoth", ipv4: "Econnrefused" },
    });
  });
});

describe("smtpClient with STARTTLS", () => {
  const ehlo = "250-test.local\r\n250 STARTTLS\r\n";
  const ready = "220 2.0.0 ready\r\n";
  const [greeting = "", , ...others] = good;
  const secureEhlo = "250-test.local\r\n250 AUTH PLAIN LOGIN\r\n";

  /** A server that speaks TLS behind its third answer. */
  function startsTls(
    answers: readonly string[],
    certificate: CertificateName = "localhost",
    fault?: TurnFault,
  ): Script {
    const { turns, faults } = script(answers, fault);
    return { turns: turns.map((turn, at) => (at === 2 ? { ...turn, startsTls: certificate } : turn)), faults };
  }

  async function securedAt(conversation: Script, changes: Partial<SmtpClientInput> = {}) {
    await using server = await scriptedServer(conversation);
    const input = { ...inputFor(server.port), startTls: { ca }, ...changes };
    const { snapshot } = await runMachine(smtpClient, input, server, defaultPatience.body);
    expect(server.requests.join("") + server.unasked).not.toMatch(/secret|c2VjcmV0/);
    return { snapshot, outcome: snapshot.output, requests: server.requests, unasked: server.unasked };
  }

  const login = { user: "joe", password: "secret" };

  test("sends a mail over TLS, and says EHLO again behind the handshake", async () => {
    const { outcome, requests } = await securedAt(startsTls([greeting, ehlo, ready, good[1] ?? "", ...others]));
    expect(outcome).toMatchObject({ type: "Sent" });
    expect(requests.slice(0, 4)).toEqual([
      "EHLO client.example\r\n",
      "STARTTLS\r\n",
      "EHLO client.example\r\n",
      "MAIL FROM:<joe@example.org>\r\n",
    ]);
  });

  test("tells a server that does not offer STARTTLS of no mail, as where somebody has taken it out", async () => {
    const { snapshot, outcome, requests } = await securedAt(script([greeting, good[1] ?? "", "221 bye\r\n"]));
    expect(snapshot.value).toBe("notSecured");
    expect(outcome).toEqual({ type: "NotSecured", refusal: undefined });
    expect(requests).toEqual(["EHLO client.example\r\n", "QUIT\r\n"]);
  });

  test("tells a server that refuses STARTTLS of no mail", async () => {
    const answers = [greeting, ehlo, "454 TLS not available\r\n", "221 bye\r\n"];
    const { snapshot, outcome, requests } = await securedAt(script(answers));
    expect(snapshot.value).toBe("notSecured");
    const refusal = { code: 454, text: "TLS not available", isTemporary: true };
    expect(outcome).toEqual({ type: "NotSecured", refusal });
    expect(requests).toEqual(["EHLO client.example\r\n", "STARTTLS\r\n", "QUIT\r\n"]);
  });

  test("takes nothing for the server's that came behind its yes in plain text", async () => {
    const injected = "250 you may go on\r\n";
    const { outcome, requests, unasked } = await securedAt(startsTls([greeting, ehlo, ready + injected]));
    expect(outcome).toEqual({ type: "ProtocolError", at: "startTls", said: injected });
    expect(requests).toEqual(["EHLO client.example\r\n", "STARTTLS\r\n"]);
    expect(unasked).toBe("");
  });

  test("takes nothing for the server's that comes in plain text instead of the handshake", async () => {
    const { snapshot, outcome } = await securedAt({
      turns: [...script([greeting, ehlo, ready]).turns, { answer: "250-test.local\r\n250 AUTH PLAIN\r\n" }],
    });
    expect(snapshot.value).toBe("tlsFailed");
    expect(outcome).toMatchObject({ type: "TlsFailed", error: { type: "TlsHandshakeFailed", reason: "NotTls" } });
  });

  test("forgets what the server could before TLS: a way to log in, and TLS itself", async () => {
    const before = "250-test.local\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n";
    const answers = [greeting, before, ready, "250 test.local\r\n", "221 bye\r\n"];
    const { snapshot, outcome, requests } = await securedAt(startsTls(answers), { login });
    expect(snapshot.value).toBe("notLoggedIn");
    expect(outcome).toEqual({ type: "NotLoggedIn", refusal: undefined });
    expect(requests.at(-1)).toBe("QUIT\r\n");
    expect(requests).toHaveLength(4);
  });

  test.each<[CertificateName, string]>([
    ["example-org", "HostnameCheckFailed"],
    ["expired", "CertExpired"],
    ["unknown-ca", "UnknownCa"],
    ["selfsigned", "SelfsignedPeer"],
  ])("says nothing to a server whose certificate is %s", async (certificate, reason) => {
    const { snapshot, outcome, requests, unasked } = await securedAt(
      startsTls([greeting, ehlo, ready, secureEhlo], certificate),
      { login },
    );
    expect(snapshot.value).toBe("tlsFailed");
    expect(outcome).toMatchObject({ type: "TlsFailed", error: { type: "TlsCertificateRejected", reason } });
    expect(requests).toHaveLength(2);
    expect(unasked).toBe("");
  });

  test("says that the handshake has failed, and not only that the server has gone, where it goes in the middle", async () => {
    const turns = [...script([greeting, ehlo, ready]).turns, { request: until("\x16"), answer: "x" }];
    const { outcome } = await securedAt({ turns, faults: [{ at: 3, how: "Closes" }] });
    expect(outcome).toMatchObject({ type: "TlsFailed", error: { type: "TlsHandshakeFailed", reason: "Closed" } });
  });

  test("gives up a handshake that the server does not go on with", async () => {
    const { outcome } = await securedAt(script([greeting, ehlo, ready]));
    expect(outcome).toEqual({ type: "TimedOut", at: "handshake" });
  });

  test("connects anew where it is restored during the handshake", async () => {
    const whole = startsTls([greeting, ehlo, ready, good[1] ?? "", ...others]);
    await using server = await scriptedServer(script([greeting, ehlo, ready]), whole);
    const input = { ...inputFor(server.port), startTls: { ca } };
    const first = createActor(smtpClient, { input }).start();
    await server.stalled;
    const snapshot = JSON.parse(JSON.stringify(first.getPersistedSnapshot())) as ReturnType<
      typeof first.getPersistedSnapshot
    >;
    first.stop();
    const second = createActor(smtpClient, { input, snapshot }).start();
    expect(second.getSnapshot().value).toEqual({ session: "handshake" });
    expect(await toPromise(second)).toMatchObject({ type: "Sent" });
    await server.clientsEnded();
  });

  test("is told by a server that it may not log in", async () => {
    await using server = await scriptedServer(
      startsTls([greeting, ehlo, ready, secureEhlo, "535 5.7.8 no\r\n", "221 bye\r\n"]),
    );
    const input = { ...inputFor(server.port), startTls: { ca }, login };
    const { snapshot } = await runMachine(smtpClient, input, server, defaultPatience.body);
    expect(snapshot.value).toBe("notLoggedIn");
    const refusal = { code: 535, text: "5.7.8 no", isTemporary: false };
    expect(snapshot.output).toEqual({ type: "NotLoggedIn", refusal });
    expect(server.requests.slice(3)).toEqual(["AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n", "QUIT\r\n"]);
  });
});

describe("smtpClient's password", () => {
  const login = { user: "joe", password: "secret" };
  const ehlo = "250-test.local\r\n250 AUTH LOGIN PLAIN\r\n";
  const [greeting = "", , ...others] = good;

  test("is not said in plain text: nobody is even called", async () => {
    await using server = await scriptedServer(script([]));
    const { snapshot } = await runMachine(smtpClient, { ...inputFor(server.port), login }, server, 0);
    expect(snapshot.output).toMatchObject({
      type: "Unsendable",
      why: expect.stringContaining("not said in plain text"),
    });
    expect(server.accepted).toBe(0);
  });

  test.each([
    [undefined, ["AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"], ["235 in\r\n"]],
    ["PLAIN", ["AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"], ["235 in\r\n"]],
    ["LOGIN", ["AUTH LOGIN\r\n", "am9l\r\n", "c2VjcmV0\r\n"], ["334 VXNlcjo=\r\n", "334 UGFzczo=\r\n", "235 in\r\n"]],
  ] as const)("is said where that is allowed, by the mechanism %s", async (mechanism, says, hears) => {
    await using server = await scriptedServer(script([greeting, ehlo, ...hears, ...others]));
    const input = { ...inputFor(server.port), login: { ...login, mechanism, isPlainTextAllowed: true } };
    const { snapshot } = await runMachine(smtpClient, input, server, defaultPatience.body);
    expect(snapshot.output).toMatchObject({ type: "Sent" });
    expect(server.requests.slice(1, 1 + says.length)).toEqual(says);
  });

  test.each([
    ["CRAM-MD5", undefined],
    ["PLAIN", "LOGIN"],
  ] as const)("is not said to a server that offers %s, where it may be said by %s", async (offered, mechanism) => {
    await using server = await scriptedServer(script([greeting, `250-x\r\n250 AUTH ${offered}\r\n`, "221 bye\r\n"]));
    const input = { ...inputFor(server.port), login: { ...login, mechanism, isPlainTextAllowed: true } };
    const { snapshot } = await runMachine(smtpClient, input, server, defaultPatience.body);
    expect(snapshot.output).toEqual({ type: "NotLoggedIn", refusal: undefined });
    expect(server.requests.at(-1)).toBe("QUIT\r\n");
  });

  test.each([
    { user: "", password: "secret" },
    { user: "joe", password: "" },
    { user: "joe\0ann", password: "secret" },
  ])("is not said where it could not be understood: %j", async (wrong) => {
    await using server = await scriptedServer(script([]));
    const input = { ...inputFor(server.port), login: wrong, startTls: { ca } };
    const { snapshot } = await runMachine(smtpClient, input, server, 0);
    expect(snapshot.value).toBe("unsendable");
  });
});

describe("smtpClient's patience", () => {
  test.each(steps.map((step, at) => [step, at] as const))(
    "is over at %s when it should, not sooner",
    async (step, at) => {
      await using server = await scriptedServer(script(good, { at, how: "StallsHalfway" }));
      const clock = createSimulatedClock();
      const client = createActor(smtpClient, { clock, input: inputFor(server.port) }).start();
      await server.stalled;
      await clock.advance(defaultPatience[step] - 1);
      expect(client.getSnapshot()).toMatchObject({ status: "active", value: { session: step } });
      await clock.advance(1);
      expect(client.getSnapshot()).toMatchObject(
        step === "quit"
          ? { value: "sent", output: { type: "Sent" } }
          : { value: "timedOut", output: { type: "TimedOut", at: step } },
      );
      await server.clientsEnded();
    },
  );

  test("is the input's, and XState's own simulated clock drives it too", async () => {
    await using server = await scriptedServer(script(good, { at: 2, how: "Stalls" }));
    const clock = new SimulatedClock();
    const input = { ...inputFor(server.port), patience: { mail: 20 } };
    const client = createActor(smtpClient, { clock, input }).start();
    await server.stalled;
    clock.increment(19);
    expect(client.getSnapshot().status).toBe("active");
    clock.increment(1);
    expect(await toPromise(client)).toEqual({ type: "TimedOut", at: "mail" });
    await server.clientsEnded();
  });
});

describe("smtpClient's socket", () => {
  test("reads as much as it is asked for: what a server says too much stays where it is", async () => {
    const flood = "250 ok\r\n".repeat(100_000);
    await using server = await scriptedServer(script([`220 hi\r\n${flood}`]));
    let packets = 0;
    const client = createActor(smtpClient, {
      input: inputFor(server.port),
      inspect: (seen) => {
        if (seen.type === "@xstate.event" && seen.event.type === "Packet") packets += 1;
      },
    });
    client.start();
    expect((await toPromise(client)).type).toBe("ProtocolError"); // at DATA: 250
    expect(packets).toBe(1);
    await server.clientsEnded();
  });

  test("closes when the machine is stopped, wherever that is", async () => {
    for (const at of steps.keys()) {
      await using server = await scriptedServer(script(good, { at, how: "Stalls" }));
      const client = createActor(smtpClient, { input: inputFor(server.port) }).start();
      await server.stalled;
      client.stop();
      await server.clientsEnded();
      expect(server.requests).toHaveLength(at);
    }
  });

  test("is made anew when the machine is restored, which begins from the greeting", async () => {
    const refusing = [...good.slice(0, 3), "550 no\r\n", ...good.slice(3)];
    const stalled = script(refusing, { at: 4, how: "StallsHalfway" });
    await using server = await scriptedServer(stalled, script(goodForTwo));
    const input = inputFor(server.port, { to: ["a@x", "b@x"] });
    const first = createActor(smtpClient, { input }).start();
    await server.stalled;
    const saved = JSON.parse(JSON.stringify(first.getPersistedSnapshot())) as ReturnType<
      typeof first.getPersistedSnapshot
    >;
    first.stop();
    const second = createActor(smtpClient, { input, snapshot: saved }).start();
    expect(second.getSnapshot().value).toEqual({ session: "rcpt" });
    expect(await toPromise(second)).toEqual({ type: "Sent", text: "2.0.0 queued as 7", refused: [] });
    expect(server.accepted).toBe(2);
    await server.clientsEnded();
  });

  test("sends nothing twice where the machine is restored when the mail was sent already", async () => {
    await using server = await scriptedServer(script(good, { at: 6, how: "Stalls" }), script([]));
    const input = inputFor(server.port);
    const first = createActor(smtpClient, { input }).start();
    await server.stalled;
    const snapshot = first.getPersistedSnapshot();
    first.stop();
    const second = createActor(smtpClient, { input, snapshot }).start();
    expect((await toPromise(second)).type).toBe("Sent");
    expect(server.requests).toHaveLength(6);
    await server.clientsEnded();
  });
});

const goodForTwo = [...good.slice(0, 4), ...good.slice(3)];

/** Runs the program, which mails a text to two people. */
async function sendByProgram(port: number, ...more: readonly string[]) {
  const people = ["--from", "joe@example.org", "--to", "ann@x", "--to", "ben@x"];
  await using example = startExample("smtp-client", "--host", "127.0.0.1", "--port", `${port}`, ...people, ...more);
  example.endInput("Hello\n.\n");
  return await example.ended;
}

describe("examples/smtp-client.ts", () => {
  test("sends what it reads and says so", async () => {
    await using server = await scriptedServer(script(goodForTwo));
    const ended = await sendByProgram(server.port, "--subject", "Grüße\r\nBcc: eve@x");
    expect(ended).toEqual({ code: 0, stdout: "The server has taken the mail over.\n", stderr: "" });
    const text = server.requests[5];
    expect(text).toMatch(
      /^From: joe@example\.org\r\nTo: ann@x, ben@x\r\nSubject: =\?UTF-8\?B\?R3LDvMOfZQ0KQmNjOiBldmVAeA==\?=\r\nDate: /,
    );
    expect(text).toMatch(/\r\n\r\nHello\r\n\.\.\r\n\.\r\n$/);
  });

  test("says who does not get the mail, and its exit code does too", async () => {
    const [refusing, closing] = [[...good.slice(0, 3), "550 no\r\n", ...good.slice(3)], ["421-not\r\n421 now\r\n"]];
    await using server = await scriptedServer(script(refusing), script(closing));
    expect(await sendByProgram(server.port)).toEqual({
      code: 1,
      stdout: "",
      stderr: "The server has taken the mail over.\nIt refuses ann@x: 550 no\n",
    });
    expect(await sendByProgram(server.port)).toEqual({
      code: 1,
      stdout: "",
      stderr: "The server refuses the connection: 421 not now (for now)\n",
    });
  });

  test("says what is wrong with the server, with an address and with the command line", async () => {
    const port = await closedPort();
    const refused = await sendByProgram(port);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^Cannot connect: could not connect over IPv4 .*refused.*\.\n$/);
    const injected = await sendByProgram(port, "--to", "eve@x\r\nRSET");
    expect(injected).toMatchObject({ code: 1, stdout: "" });
    expect(injected.stderr).toMatch(/^An address must be of ASCII .*, not "eve@x\\r\\nRSET"\.\n$/);
    const wrong = [["--port", "99999"], ["--frobnicate"], ["--ca", caFile], ["--user", "joe"], ["--allow-plain-text"]];
    for (const args of [[], ...wrong.map((words) => ["--to", "a@x", ...words])]) {
      const { code, stderr } = await runExample("smtp-client", ...args);
      expect({ code, usage: stderr.split("\n", 1)[0] }).toEqual({
        code: 2,
        usage: expect.stringMatching(/^Usage: smtp-/),
      });
    }
  });
});

describe("examples/smtp-client.ts --starttls", () => {
  const [greeting = "", , ...others] = goodForTwo;
  const ehlo = "250-test.local\r\n250-STARTTLS\r\n250 AUTH LOGIN\r\n";

  async function sendSecurely(conversation: Script, ...more: readonly string[]) {
    await using server = await scriptedServer(conversation);
    const people = ["--to", "ann@x", "--to", "ben@x", "--starttls"];
    const words = ["--host", "127.0.0.1", "--port", `${server.port}`, ...people, ...more];
    await using example = startExampleIn({ SMTP_PASSWORD: "secret" }, "smtp-client", ...words);
    example.endInput("Hello\n");
    return { ...(await example.ended), requests: server.requests, accepted: server.accepted };
  }

  function startsTls(...answers: readonly string[]): Script {
    const { turns } = script([greeting, ehlo, "220 ready\r\n", ...answers]);
    return { turns: turns.map((turn, at) => (at === 2 ? { ...turn, startsTls: "localhost" } : turn)) };
  }

  test("sends over TLS, and logs in by the environment's password", async () => {
    const login = ["334 VXNlcjo=\r\n", "334 UGFzczo=\r\n", "235 in\r\n"];
    const sent = await sendSecurely(startsTls(ehlo, ...login, ...others), "--ca", caFile, "--user", "joe");
    expect(sent).toMatchObject({ code: 0, stdout: "The server has taken the mail over.\n", stderr: "" });
    expect(sent.requests.slice(3, 6)).toEqual(["AUTH LOGIN\r\n", "am9l\r\n", "c2VjcmV0\r\n"]);
  });

  test.each([
    [
      "a certificate that nobody has signed whom it trusts",
      startsTls(),
      "Cannot speak TLS with the server: the peer's certificate was rejected: nobody who is trusted has signed it ",
      [],
    ],
    [
      "a server without STARTTLS",
      script([greeting, good[1] ?? "", "221 bye\r\n"]),
      "The server does not offer STARTTLS, so it was told of no mail.",
      ["--ca", caFile],
    ],
    [
      "a server that has no TLS now",
      script([greeting, ehlo, "454 later\r\n", "221 bye\r\n"]),
      "The server refuses STARTTLS: 454 later (for now)",
      ["--ca", caFile],
    ],
    [
      "a server that refuses its login",
      startsTls(ehlo, "535 no\r\n", "221 bye\r\n"),
      "The server refuses the login: 535 no",
      ["--ca", caFile, "--user", "joe"],
    ],
    [
      "a server that knows no login",
      startsTls("250 test.local\r\n", "221 bye\r\n"),
      "The server offers no way to log in that is known here.",
      ["--ca", caFile, "--user", "joe"],
    ],
  ])("says what is wrong with %s", async (_what, conversation, sentence, more) => {
    const { code, stdout, stderr, requests } = await sendSecurely(conversation, ...more);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.slice(0, sentence.length)).toBe(sentence);
    expect(stderr).toMatch(/^[^\n]*\n$/);
    expect(requests.join("")).not.toContain("MAIL");
  });

  test("says which file holds no certificate, and calls nobody", async () => {
    for (const [file, sentence] of [
      ["/nowhere/ca.pem", "Cannot read /nowhere/ca.pem: ENOENT.\n"],
      ["/dev/null", "Cannot use /dev/null: it holds no certificate in PEM.\n"],
    ] as const) {
      const { code, stderr, accepted } = await sendSecurely(script([]), "--ca", file);
      expect({ code, stderr, accepted }).toEqual({ code: 2, stderr: sentence, accepted: 0 });
    }
  });
});

describe("describeOutcome", () => {
  test("says each outcome in a sentence", () => {
    const outcomes: readonly Outcome[] = [
      { type: "TimedOut", at: "connect" },
      { type: "TimedOut", at: "ehlo" },
      { type: "ConnectionLost", at: "body", reason: "Econnreset" },
      { type: "ProtocolError", at: "greeting", said: "HTTP/1.1 400" },
    ];
    expect(outcomes.map(describeOutcome)).toEqual([
      "The server did not answer the call in time.",
      "The server did not answer EHLO in time.",
      "The connection ended before the answer to the text: connection reset by the peer.",
      'The server answered the connection with "HTTP/1.1 400", which it must not.',
    ]);
  });
});
