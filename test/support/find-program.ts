// Programs of the machine that some tests need: where one is missing, the tests are skipped and stderr says so.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The path of a program, looked for where an administrator's programs are too; `undefined`, said loudly, without it. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  for (const folder of folders) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      continue; // not here
    }
  }
  process.stderr.write(`Skipped: the tests that need ${name}, which is not installed here\n`);
  return undefined;
}
