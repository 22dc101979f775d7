// The SMTP client at a real server, OpenSMTPD, which delivers what it takes over.

import { execFile, spawn } from "node:child_process";
import { chmod, chown, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, jest, test } from "@jest/globals";
import { createActor, toPromise } from "xstate";
import type { SmtpClientInput } from "../../examples/smtp-client/context.ts";
import { smtpClient } from "../../examples/smtp-client/machine.ts";
import type { Outcome } from "../../examples/smtp-client/outcome.ts";
import { ca, caFile, type CertificateName } from "../support/certificates.ts";
import { startDovecot } from "../support/dovecot.ts";
import { findProgram } from "../support/find-program.ts";
import { eventually, served } from "../support/other-program.ts";
import { closedPort, temporaryFolder } from "../support/peer.ts";
import { startExample, startExampleIn } from "../support/run-example.ts";
import { startStunnel } from "../support/stunnel.ts";

jest.setTimeout(60_000);

const smtpd = findProgram("smtpd");
const unshare = findProgram("unshare");
const describeWithSmtpd = smtpd !== undefined && (await canMount()) ? describe : describe.skip;

const text = "Subject: dots\n\n.\n..\n.one\n\ngr\u00fc\u00dfe \u{1f37a}\n.\nlast";

describeWithSmtpd("smtp-client at OpenSMTPD", () => {
  test("has its mail delivered, line for line, to whom the server knows", async () => {
    await using server = await startSmtpd();
    const outcome = await sendTo(server.port, ["ann@test.local", "nobody-known@test.local", "ben@test.local"]);
    expect(outcome).toMatchObject({
      type: "Sent",
      refused: [{ address: "nobody-known@test.local", code: 524, isTemporary: false }],
    });
    for (const name of ["ann", "ben"]) {
      const [header = "", ...body] = (await server.mailOf(name)).split("\n\n");
      expect(header).toMatch(/^Return-Path: <joe@example\.org>\n/);
      expect(header).toContain("from client.example (localhost [127.0.0.1])");
      expect(header).toContain("\nSubject: dots\n");
      expect(body.join("\n\n")).toBe(".\n..\n.one\n\ngr\u00fc\u00dfe \u{1f37a}\n.\nlast\n");
    }
  });

  test("has a large mail delivered whole", async () => {
    await using server = await startSmtpd();
    const lines = Array.from({ length: 40_000 }, (_, at) => `${at % 3 === 0 ? "." : ""}${at} ${"x".repeat(60)}\n`);
    const outcome = await sendTo(server.port, ["ann@test.local"], `Subject: large\n\n${lines.join("")}`);
    expect(outcome).toMatchObject({ type: "Sent", refused: [] });
    const [, ...body] = (await server.mailOf("ann")).split("\n\n");
    expect(body.join("\n\n") === lines.join("")).toBe(true);
  });

  test("says what the server says where it takes the mail for nobody, and where the mail is too large", async () => {
    await using server = await startSmtpd("smtp max-message-size 1000");
    expect(await sendTo(server.port, ["eve@test.local", "ann@elsewhere.example"])).toMatchObject({
      type: "Refused",
      at: "rcpt",
      refused: [
        { address: "eve@test.local", code: 524 },
        { address: "ann@elsewhere.example", code: 550 },
      ],
    });
    const large = `Subject: large\n\n${"x\n".repeat(2_000)}`;
    expect(await sendTo(server.port, ["ann@test.local"], large)).toMatchObject({
      type: "Refused",
      at: "body",
      code: 554,
    });
  });

  test("is a program, which mails what it reads", async () => {
    await using server = await startSmtpd();
    const words = [
      "--host",
      "127.0.0.1",
      "--port",
      `${server.port}`,
      "--to",
      "ann@test.local",
      "--subject",
      "Gr\u00fc\u00dfe",
    ];
    await using example = startExample("smtp-client", ...words);
    example.endInput("Hello, Ann!\n.\n");
    expect(await example.ended).toEqual({ code: 0, stdout: "The server has taken the mail over.\n", stderr: "" });
    expect(await server.mailOf("ann")).toMatch(
      /\nFrom: tankard@localhost\nTo: ann@test\.local\nSubject: =\?UTF-8\?B\?R3LDvMOfZQ==\?=\n(?:.+\n)*\nHello, Ann!\n\.\n$/,
    );
  });
});

const stunnel = findProgram("stunnel4");
const describeWithStunnel = stunnel === undefined ? describe.skip : describeWithSmtpd;

// The OpenSMTPD of Debian 12 cannot finish a TLS handshake, with whatever key: it was made for an older OpenSSL. So it is
// stunnel that offers STARTTLS here, and hands what comes over TLS on to OpenSMTPD.
describeWithStunnel("smtp-client at OpenSMTPD behind a stunnel that offers STARTTLS", () => {
  test("has its mail delivered over TLS, line for line, to whom the server knows", async () => {
    await using made = await startSecured();
    const outcome = await sendTo(made.port, ["ann@test.local", "nobody-known@test.local"], text, { startTls: { ca } });
    expect(outcome).toMatchObject({ type: "Sent", refused: [{ address: "nobody-known@test.local", code: 524 }] });
    const [, ...body] = (await made.server.mailOf("ann")).split("\n\n");
    expect(body.join("\n\n")).toBe(".\n..\n.one\n\ngr\u00fc\u00dfe \u{1f37a}\n.\nlast\n");
  });

  test.each<[CertificateName, SmtpClientInput["startTls"], string]>([
    ["localhost", {}, "UnknownCa"],
    ["localhost", { ca, serverNameIndication: "example.org" }, "HostnameCheckFailed"],
    ["expired", { ca }, "CertExpired"],
  ])(
    "sends nothing where the certificate %s is refused, and says why, case %#",
    async (certificate, startTls, reason) => {
      await using made = await startSecured(certificate);
      expect(await sendTo(made.port, ["ann@test.local"], text, { startTls })).toMatchObject({
        type: "TlsFailed",
        error: { type: "TlsCertificateRejected", reason },
      });
    },
  );

  test("sends nothing to the same server without stunnel, where TLS is a must", async () => {
    await using server = await startSmtpd();
    const outcome = await sendTo(server.port, ["ann@test.local"], text, { startTls: { ca } });
    expect(outcome).toEqual({ type: "NotSecured", refusal: undefined });
  });

  test("sends no password to a server that knows no login", async () => {
    await using made = await startSecured();
    const more = { startTls: { ca }, login: { user: "joe", password: "secret" } };
    const outcome = await sendTo(made.port, ["ann@test.local"], text, more);
    expect(outcome).toEqual({ type: "NotLoggedIn", refusal: undefined });
  });

  test("is a program that speaks TLS where its command line says so", async () => {
    await using made = await startSecured();
    const words = [
      "--host",
      "127.0.0.1",
      "--port",
      `${made.port}`,
      "--to",
      "ann@test.local",
      "--starttls",
      "--ca",
      caFile,
    ];
    await using example = startExample("smtp-client", ...words);
    example.endInput("Hello, Ann!\n");
    expect(await example.ended).toEqual({ code: 0, stdout: "The server has taken the mail over.\n", stderr: "" });
    expect(await made.server.mailOf("ann")).toMatch(/\n\nHello, Ann!\n$/);
  });
});

const dovecot = findProgram("dovecot");
const describeWithDovecot = dovecot === undefined ? describe.skip : describeWithSmtpd;

describeWithDovecot("smtp-client at a Dovecot that wants TLS and a password, in front of OpenSMTPD", () => {
  const login = { user: "joe", password: "secret" };
  const startTls = { ca };
  const to = ["ann@test.local"];

  test.each([undefined, "PLAIN", "LOGIN"] as const)(
    "has its mail delivered over TLS, logged in by the mechanism %s",
    async (mechanism) => {
      await using server = await startSmtpd();
      await using front = await startDovecot(dovecot ?? "", server.port);
      const outcome = await sendTo(front.port, to, text, { startTls, login: { ...login, mechanism } });
      expect(outcome).toMatchObject({ type: "Sent", refused: [] });
      const [, ...body] = (await server.mailOf("ann")).split("\n\n");
      expect(body.join("\n\n")).toBe(".\n..\n.one\n\ngr\u00fc\u00dfe \u{1f37a}\n.\nlast\n");
    },
  );

  test("says what it says to a wrong password, and where there is no login or no TLS", async () => {
    await using server = await startSmtpd();
    await using front = await startDovecot(dovecot ?? "", server.port);
    const wrong = { ...login, password: "wrong" };
    expect(await sendTo(front.port, to, text, { startTls, login: wrong })).toMatchObject({
      type: "NotLoggedIn",
      refusal: { code: 535, isTemporary: false },
    });
    expect(await sendTo(front.port, to, text, { startTls })).toMatchObject({ type: "Refused", at: "mail", code: 530 });
    expect(await sendTo(front.port, to, text)).toMatchObject({ type: "Refused", at: "mail", code: 530 });
  });

  test("hears the password in plain text, which it takes on its own machine, only where that is allowed", async () => {
    await using server = await startSmtpd();
    await using front = await startDovecot(dovecot ?? "", server.port);
    expect(await sendTo(front.port, to, text, { login })).toMatchObject({ type: "Unsendable" });
    const allowed = { ...login, isPlainTextAllowed: true };
    expect(await sendTo(front.port, to, text, { login: allowed })).toMatchObject({ type: "Sent", refused: [] });
  });

  test("is a program that logs in by its command line and its environment", async () => {
    await using server = await startSmtpd();
    await using front = await startDovecot(dovecot ?? "", server.port);
    const words = ["--host", "127.0.0.1", "--port", `${front.port}`, "--to", "ann@test.local", "--user", "joe"];
    const tls = ["--starttls", "--ca", caFile];
    await using example = startExampleIn({ SMTP_PASSWORD: "secret" }, "smtp-client", ...words, ...tls);
    example.endInput("Hello, Ann!\n");
    expect(await example.ended).toEqual({ code: 0, stdout: "The server has taken the mail over.\n", stderr: "" });
    expect(await server.mailOf("ann")).toMatch(/\n\nHello, Ann!\n$/);
  });
});

async function startSecured(certificate: CertificateName = "localhost") {
  const server = await startSmtpd();
  const front = await startStunnel(stunnel ?? "", { to: server.port, certificate, protocol: "smtp" });
  return {
    port: front.port,
    server,
    [Symbol.asyncDispose]: async () => {
      await front[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function sendTo(
  port: number,
  to: readonly string[],
  mail = text,
  more: Pick<SmtpClientInput, "startTls" | "login"> = {},
): Promise<Outcome> {
  const server = { host: "127.0.0.1", port };
  const input = { server, mail: { from: "joe@example.org", to, text: mail }, clientName: "client.example", ...more };
  return toPromise(createActor(smtpClient, { input }).start());
}

interface Smtpd extends AsyncDisposable {
  readonly port: number;
  /** The one mail in somebody's Maildir, once it is there. */
  mailOf(name: string): Promise<string>;
}

/** OpenSMTPD's queue and its socket are where they are: it needs a /var/spool and a /run of its own, which root may have. */
async function canMount(): Promise<boolean> {
  try {
    await promisify(execFile)(unshare ?? "", ["--mount", "mount", "--bind", "/run", "/run"], { timeout: 5_000 });
    return true;
  } catch {
    process.stderr.write("Skipped: the tests of OpenSMTPD, which have to be allowed to mount\n");
    return false;
  }
}

/** Starts an OpenSMTPD of our own, which knows ann and ben, with a line more in its settings where one is given. */
async function startSmtpd(setting = ""): Promise<Smtpd> {
  const folder = await temporaryFolder();
  await chmod(folder.path, 0o755); // whoever delivers is not root
  const [spool, run, mails] = ["spool", "run", "mails"].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [spool, run, mails]) await mkdir(each);
  await chmod(spool, 0o755);
  await chown(mails, NOBODY, NOBODY);
  const port = await closedPort();
  const config = `table people { "ann@test.local" = nobody, "ben@test.local" = nobody }
listen on 127.0.0.1 port ${port} hostname test.local
${setting}
action "keep" maildir "${mails}/%{dest.user}" virtual <people>
match from any for domain "test.local" action "keep"
`;
  const file = join(folder.path, "smtpd.conf");
  await writeFile(file, config, { mode: 0o600 });
  const program = 'mount --bind "$1" /var/spool && mount --bind "$2" /run && exec "$3" -d -f "$4"';
  const args = ["--mount", "sh", "-c", program, "sh", spool, run, smtpd ?? "", file];
  const child = spawn(unshare ?? "", args, { stdio: "ignore" }); // each becomes the next: it is one process, smtpd
  const stop = await served(child, port, folder);
  return {
    port,
    mailOf: async (name) => {
      const inbox = join(mails, name, "new");
      let found: string[] = [];
      await eventually(async () => (found = await readdir(inbox).catch(() => [])).length > 0);
      expect(found).toHaveLength(1);
      return await readFile(join(inbox, found[0] ?? ""), "utf8");
    },
    [Symbol.asyncDispose]: stop,
  };
}

const NOBODY = 65_534;
