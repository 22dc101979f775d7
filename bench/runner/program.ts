// A program that takes part. It says one line when it is ready, and one for each line that it is told.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

/** The slowest thing that one is asked for is 10,000 connections. */
const answerWithinMs = 120_000;
const endWithinMs = 2_000;

export class Program {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #text: string;
  readonly #unread: string[] = [];
  #take: ((line: string | undefined) => void) | undefined;
  #hasEnded = false;

  /** `core`: where it runs, and whatever it starts. */
  constructor(command: readonly string[], core: number | undefined) {
    const [file = "", ...args] = core === undefined ? command : ["taskset", "-c", `${core}`, ...command];
    const env = { ...process.env, NODE_OPTIONS: "" };
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"], env });
    this.#child = child;
    this.#text = command.join(" ");
    this.#lines = createInterface({ input: child.stdout });
    this.#lines.on("line", (line) => {
      this.#unread.push(line);
      this.#give();
    });
    const end = (): void => {
      this.#hasEnded = true;
      this.#give();
    };
    child.on("close", end);
    child.on("error", end);
    child.stdin.on("error", () => undefined); // it has ended: its answer says so
  }

  /** @throws Error where it has ended, or says nothing in time */
  async line(): Promise<string> {
    const line = await new Promise<string | undefined>((resolve) => {
      const timer = setTimeout(() => this.#take?.(undefined), answerWithinMs);
      this.#take = (found) => {
        clearTimeout(timer);
        this.#take = undefined;
        resolve(found);
      };
      this.#give();
    });
    if (line !== undefined) return line;
    throw new Error(this.#hasEnded ? `${this.#text} has ended before its time` : `${this.#text} does not answer`);
  }

  ask(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    return this.line();
  }

  /** It ends with its standard input; where it does not, it is killed. */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#hasEnded) return;
    await new Promise<void>((resolve) => {
      const kill = setTimeout(() => this.#child.kill("SIGKILL"), endWithinMs);
      this.#child.once("close", () => {
        clearTimeout(kill);
        resolve();
      });
    });
  }

  #give(): void {
    if (this.#take === undefined) return;
    if (this.#unread.length > 0) this.#take(this.#unread.shift());
    else if (this.#hasEnded) this.#take(undefined);
  }
}
