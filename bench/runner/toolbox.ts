// Makes programs of their sources, each once, and says loudly what is missing here.
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildSync, type BuildOptions } from "esbuild";
import type { Command } from "../workload.ts";

const bench = path.join(import.meta.dirname, "..");
/** In the package, so that `tankard` is what `npm run build` has made, as its users get it. */
const built = path.join(bench, "../reports/bench");
/** One thread, which does not spin while it waits. */
const erlangFlags = ["+S", "1", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"];

/** That a tool is not here, with what brings it. */
export class MissingTool extends Error {}

export class Toolbox {
  /** For what is compiled, and for unix sockets. */
  readonly folder = mkdtempSync(path.join(tmpdir(), "tankard-bench-"));
  readonly #made = new Map<string, readonly string[] | MissingTool>();
  readonly #skipped = new Set<string>();

  /**
   * The words of a command that can be run.
   *
   * @throws MissingTool
   */
  wordsOf(command: Command): readonly string[] {
    return [...this.#make(command), ...command.args];
  }

  /** Once for each tool. */
  skip({ message }: MissingTool): void {
    if (this.#skipped.has(message)) return;
    this.#skipped.add(message);
    process.stderr.write(`SKIPPED: ${message}\n`);
  }

  get skipped(): readonly string[] {
    return [...this.#skipped];
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #make(command: Command): readonly string[] {
    const key = [command.tool, command.program, ...(command.flags ?? [])].join(" ");
    let made = this.#made.get(key);
    if (made === undefined) {
      try {
        made = this.#makeAnew(command);
      } catch (error) {
        if (!(error instanceof MissingTool)) throw error;
        made = error;
      }
      this.#made.set(key, made);
    }
    if (made instanceof MissingTool) throw made;
    return made;
  }

  #makeAnew({ tool, program, flags = [] }: Command): readonly string[] {
    switch (tool) {
      case "node":
        return [process.execPath, ...profiling(), ...flags, bundle("programs", program, { packages: "external" })];
      case "bun":
        return [find("bun", "see https://bun.sh"), bundle("programs", program, { packages: "external" })];
      case "npm":
        return [process.execPath, ...profiling(), this.#npmProgram(program)];
      case "c":
        return [this.#compileC(program)];
      case "erlang":
        return [...this.#compileErlang(), "-eval", `${program}:main(init:get_plain_arguments()).`, "-extra"];
    }
  }

  #npmProgram(program: string): string {
    const packages = path.join(bench, "peers/node_modules");
    if (!existsSync(packages))
      throw new MissingTool(`the peers of npm are not installed: npm ci --prefix bench/peers (it wants Node 22.19)`);
    const outfile = bundle("peers", program, { external: ["tankard", "tankard/*", "xstate"] });
    return outfile;
  }

  #compileC(program: string): string {
    const gcc = find("gcc", "apt-get install gcc libc6-dev");
    const compiled = path.join(this.folder, program);
    execFileSync(gcc, ["-O2", "-pthread", "-o", compiled, path.join(bench, "peers/c", `${program}.c`)]);
    return compiled;
  }

  #compileErlang(): readonly string[] {
    const how = "apt-get install erlang-base";
    const erlc = find("erlc", how);
    const erl = find("erl", how);
    const compiled = path.join(this.folder, "erlang");
    if (!existsSync(compiled)) {
      mkdirSync(compiled);
      const sources = ["rounds", "tcp_peer", "process_peer", "gen_server_peer"].map((name) =>
        path.join(bench, `peers/erlang/${name}.erl`),
      );
      execFileSync(erlc, ["-o", compiled, ...sources]);
    }
    return [erl, ...erlangFlags, "+Q", "65536", "+P", "1000000", "-noshell", "-pa", compiled];
  }
}

/** One file that Node runs by itself: what transpiles while it runs makes a hot path slower. */
function bundle(folder: string, program: string, options: BuildOptions): string {
  const outfile = path.join(built, folder, `${program}.mjs`);
  buildSync({
    entryPoints: [path.join(bench, folder, `${program}.ts`)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
    loader: { ".pem": "text", ".key": "text" },
    // Packages of npm that are in it may be CommonJS, and require what is Node's.
    banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);` },
    ...options,
  });
  return outfile;
}

/** What this program was started with to be profiled, its programs are too. */
function profiling(): string[] {
  return process.execArgv.filter((flag) => /prof/.test(flag));
}

/** @throws MissingTool */
export function find(name: string, how: string): string {
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    try {
      accessSync(path.join(folder, name), constants.X_OK);
      return path.join(folder, name);
    } catch {
      continue; // not here
    }
  }
  throw new MissingTool(`${name} is not installed here: ${how}`);
}
