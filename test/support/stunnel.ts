// A stunnel of a test's own: it speaks TLS to clients, and plain text to a server on this machine.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CertificateName, credentialFiles } from "./certificates.ts";
import { closedPort, temporaryFolder, within } from "./peer.ts";

export interface Stunnel extends AsyncDisposable {
  readonly port: number;
  /** Ends it with SIGKILL, and with it all its connections. */
  kill(): Promise<void>;
}

export interface StunnelOptions {
  /** The server's port. */
  readonly to: number;
  /** Default: a free one. */
  readonly port?: number | undefined;
  readonly certificate?: CertificateName | undefined;
  /** It speaks this in plain text first, up to STARTTLS. */
  readonly protocol?: "smtp" | undefined;
}

/** Starts the `program`, which shows the certificate for localhost unless another is given. */
export async function startStunnel(program: string, options: StunnelOptions): Promise<Stunnel> {
  const { to, port = await closedPort(), certificate = "localhost", protocol } = options;
  const folder = await temporaryFolder();
  const { cert, key } = credentialFiles(certificate);
  const file = join(folder.path, "stunnel.conf");
  const config = `foreground = yes
pid =
syslog = no
[service]
accept = 127.0.0.1:${port}
connect = 127.0.0.1:${to}
cert = ${cert}
key = ${key}
${protocol === undefined ? "" : `protocol = ${protocol}`}
`;
  await writeFile(file, config);
  const child = spawn(program, [file], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  let said = "";
  const isReady = new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (data: Buffer) => {
      said += data.toString();
      if (said.includes("Configuration successful")) resolve();
    });
    void exited.then(() => reject(new Error(`stunnel has ended: ${said}`)));
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL"); // of one that is gone nothing happens
    await exited;
  };
  const dispose = async (): Promise<void> => {
    await kill();
    await folder[Symbol.asyncDispose]();
  };
  await within(isReady, "stunnel does not come up").catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  return { port, kill, [Symbol.asyncDispose]: dispose };
}
