// A Dovecot of a test's own as a submission server: it wants TLS and a password, and hands the mail on.

import { spawn } from "node:child_process";
import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { credentialFiles } from "./certificates.ts";
import { served } from "./other-program.ts";
import { closedPort, temporaryFolder } from "./peer.ts";

export interface Dovecot extends AsyncDisposable {
  readonly port: number;
}

const NOBODY = 65_534;

/** Starts the `program`, which only root may, in front of the SMTP server at `relayPort`. It knows everybody by "secret". */
export async function startDovecot(program: string, relayPort: number): Promise<Dovecot> {
  const folder = await temporaryFolder();
  await chmod(folder.path, 0o755); // most of its processes are not root
  const [run, state, home] = ["run", "state", "home"].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [run, state, home]) await mkdir(each);
  await chown(home, NOBODY, NOBODY);
  const port = await closedPort();
  const { cert, key } = credentialFiles("localhost");
  const config = `base_dir = ${run}
state_dir = ${state}
log_path = ${join(folder.path, "log")}
protocols = submission
listen = 127.0.0.1
hostname = test.local
ssl = required
ssl_cert = <${cert}
ssl_key = <${key}
auth_mechanisms = plain login
first_valid_uid = 1
mail_location = maildir:${home}/Mail
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${home}
}
submission_relay_host = 127.0.0.1
submission_relay_port = ${relayPort}
service submission-login {
  inet_listener submission {
    port = ${port}
  }
}
`;
  const file = join(folder.path, "dovecot.conf");
  await writeFile(file, config);
  const child = spawn(program, ["-F", "-c", file], { stdio: "ignore" });
  const stop = await served(child, port, folder);
  return { port, [Symbol.asyncDispose]: stop };
}
