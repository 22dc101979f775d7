// Compiles every declaration of the package as it is packed, without skipLibCheck, and the programs of test/types with
// them: a declaration that was stripped while another names it fails here, and so does a program whose types were lost
// by that. Then loads every entry point, and lets two of them talk. Run after `npm run build`.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const consumer = mkdtempSync(join(tmpdir(), "tankard-consumer-"));
try {
  install();
  compile();
  load();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(consumer, { recursive: true, force: true });
}

// As `npm install` would, but without the network: our package unpacked, the others linked to those installed here.
function install() {
  const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", consumer], root));
  const installed = join(consumer, "node_modules/tankard");
  mkdirSync(installed, { recursive: true });
  run("tar", ["-xzf", filename, "-C", installed, "--strip-components=1"], consumer);
  for (const name of ["@types/node", "expect-type", "xstate"]) {
    const link = join(consumer, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link, "junction");
  }
}

function compile() {
  cpSync(join(root, "test/types"), join(consumer, "programs"), { recursive: true });
  const compilerOptions = { strict: true, module: "nodenext", skipLibCheck: false, noEmit: true };
  const include = ["programs", "node_modules/tankard/dist/**/*.d.ts"];
  const exclude = ["programs/must-not-compile.ts", "programs/xstate-must-not-compile.ts"]; // some of its errors are those of our own, stricter tsconfig.json
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, include, exclude }));
  run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", consumer], consumer);
}

function load() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const names = Object.keys(exports).filter((entry) => entry !== "./package.json");
  const imports = names.map((entry) => `import "${entry.replace(".", "tankard")}";`).join("\n");
  const program = `${imports}
import { close, connect, receive, send, unwrap } from "tankard";
import { continueWith } from "tankard/otp";
import { startServer, withReply } from "tankard/server";
const handler = { init: () => ({ state: 0 }), onPacket: (state, data) => withReply(continueWith(state), data) };
const server = unwrap(await startServer({ host: "127.0.0.1", port: 0 }, handler));
const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port }));
unwrap(await send(socket, "Hello, Joe!"));
console.log(unwrap(await receive(socket, 5_000)).toString());
await close(socket);
await server.stop();
`;
  writeFileSync(join(consumer, "program.mjs"), program);
  const said = run(process.execPath, [join(consumer, "program.mjs")], consumer);
  if (said !== "Hello, Joe!\n") throw new Error(`The packed server answered ${JSON.stringify(said)}`);
}

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${[command, ...args].join(" ")} failed:\n${error?.message ?? stdout + stderr}`);
}
