// Runs an example in a Node process of its own, with the flags of `npm start`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const END_WITHIN_MS = 40_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningExample extends AsyncDisposable {
  /** Ends it with SIGINT and the like. */
  signal(signal: NodeJS.Signals): void;
  /** Types into its terminal, where it has one. */
  type(text: string): void;
  /** Ends what it reads, after a last text. */
  endInput(text: string): void;
  /** Reads no more of what it prints. */
  stopReading(): void;
  /** Resolves when what it has printed matches. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** As `printed`, on stderr. */
  complained(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Ended>;
}

/** Starts `examples/<name>.ts`. It is killed when the test has not ended it in time, or at the end of the test's block. */
export function startExample(name: string, ...args: readonly string[]): RunningExample {
  return startExampleIn({}, name, ...args);
}

/** As `startExample`, with these variables of the environment besides. */
export function startExampleIn(
  environment: NodeJS.ProcessEnv,
  name: string,
  ...args: readonly string[]
): RunningExample {
  return start(process.execPath, [...startFlags(), join("examples", `${name}.ts`), ...args], environment);
}

/** As `startExample`, of one that is a server: resolves when it listens. */
export async function startServerExample(
  name: string,
  ...args: readonly string[]
): Promise<RunningExample & { readonly port: number }> {
  const example = startExample(name, ...args);
  const [, port = ""] = await example.printed(/^listening on 127\.0\.0\.1:(\d+)\n/);
  return { ...example, port: Number(port) };
}

/**
 * As `startExample`, on a terminal of its own: `script` (of util-linux) makes one. `exec`, since a shell that waited for
 * the program would hear Ctrl-C too, and some shells end of it with an exit code of their own.
 */
export function startExampleOnTerminal(name: string, ...args: readonly string[]): RunningExample {
  const words = [process.execPath, ...startFlags(), join("examples", `${name}.ts`), ...args];
  const command = words.map((word) => `'${word}'`).join(" ");
  return start("script", ["-qefc", `exec ${command}`, "/dev/null"]);
}

export async function runExample(name: string, ...args: readonly string[]): Promise<Ended> {
  await using example = startExample(name, ...args);
  return await example.ended;
}

/** The words after "Prints:" in the first comment of the program, a line each. */
export function promisedOutput(name: string): string {
  const source = readFileSync(join(ROOT, "examples", `${name}.ts`), "utf8");
  const [comment = ""] = source.split("\n\n", 1);
  const lines = comment
    .slice(comment.indexOf("Prints:") + "Prints:".length)
    .split("\n")
    .map((line) => line.replace(/^(\/\/ {8})? /, "").trimEnd()); // as far as the first is indented
  return `${lines.join("\n")}\n`;
}

/** What differs from run to run, by its name. */
export function normalised(output: string): string {
  return output
    .replace(/127\.0\.0\.1([: ])\d+/g, "127.0.0.1$1PORT")
    .replace(/\d\d:\d\d:\d\d UTC/g, "TIME UTC")
    .replace(/: [1-6] \+ [1-6] = \d+/g, ": A + B = C");
}

function startFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: { start: string } };
  return scripts.start.split(" ").filter((word) => word.startsWith("--"));
}

function start(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): RunningExample {
  const child = spawn(command, args, { cwd: ROOT, env: { ...plainEnvironment(), ...environment }, stdio: "pipe" });
  let stdout = "";
  let stderr = "";
  const onOutput = new Set<() => void>();
  const changed = () => {
    for (const look of onOutput) look();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    changed();
  });
  const tooLong = setTimeout(() => child.kill("SIGKILL"), END_WITHIN_MS);
  const ended = once(child, "close").then(([code]): Ended => {
    clearTimeout(tooLong);
    changed();
    return { code: code as number | null, stdout, stderr };
  });
  const said = (text: () => string, pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(text());
        if (found === null && child.exitCode === null && child.signalCode === null) return;
        onOutput.delete(look);
        if (found === null) reject(new Error(`It ended without printing ${pattern}, but ${stdout}${stderr}`));
        else resolve(found);
      };
      onOutput.add(look);
      look();
    });
  return {
    signal: (signal) => void child.kill(signal),
    type: (text) => void child.stdin.write(text),
    endInput: (text) => void child.stdin.end(text),
    stopReading: () => void child.stdout.destroy(),
    ended,
    printed: (pattern) => said(() => stdout, pattern),
    complained: (pattern) => said(() => stderr, pattern),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Without Jest's own flags, and without what would decide for a terminal whether it has colours. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _flags, CI: _ci, NO_COLOR: _none, FORCE_COLOR: _force, ...env } = process.env;
  return { ...env, TERM: "xterm-256color" };
}
