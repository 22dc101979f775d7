// A contestant in a run: its programs, and the figures that they have brought.
import type { Command, Contestant } from "../workload.ts";
import type { Program } from "./program.ts";
import type { Figures } from "./results.ts";

/** Starts a command, with more arguments behind its own. */
export type Start = (command: Command, more: readonly string[]) => Program;

export class Entrant {
  readonly #contestant: Contestant;
  readonly #start: Start;
  readonly #figures: number[] = [];
  readonly #beside: number[] = [];
  /** In the order of their start. */
  #programs: Program[] = [];
  #measured: Program | undefined;
  /** Why it takes part no longer. */
  #failure: unknown;

  constructor(contestant: Contestant, start: Start) {
    this.#contestant = contestant;
    this.#start = start;
  }

  get name(): string {
    return this.#contestant.name;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Of one that has failed, none: half of them would stand for rounds that are not those of the others. */
  get figures(): Figures {
    const { name } = this;
    return this.hasFailed ? { name, figures: [], beside: [] } : { name, figures: this.#figures, beside: this.#beside };
  }

  /** Starts its programs and waits until it stands by. */
  standBy(): Promise<void> {
    return this.#guard(async () => {
      await this.#measuredLine();
    });
  }

  /** Works for a round, which counts where `counts` is given: what one operation is worth. */
  work(milliseconds: number, counts: number | undefined): Promise<void> {
    return this.#guard(async () => {
      const line = await this.#measured?.ask(`${milliseconds}`);
      const [operations = NaN, seconds = NaN, cpuSeconds = NaN] = numbers(line);
      if (counts === undefined) return;
      this.#add((operations * counts) / seconds, (cpuSeconds / operations) * 1e6);
    });
  }

  /** Begins, says one figure and ends. */
  async workAfresh(): Promise<void> {
    await this.#guard(async () => {
      const [figure = NaN, beside = NaN] = numbers(await this.#measuredLine());
      this.#add(figure, beside);
    });
    await this.end();
  }

  async end(): Promise<void> {
    const programs = this.#programs.reverse();
    this.#programs = [];
    for (const program of programs) await program.end();
  }

  /** Starts its programs. Gives the first line of the one that is measured. */
  async #measuredLine(): Promise<string> {
    const { server, measured } = this.#contestant;
    const address = server === undefined ? [] : [await this.#begin(server, []).line()];
    this.#measured = this.#begin(measured, address);
    return this.#measured.line();
  }

  #begin(command: Command, more: readonly string[]): Program {
    const program = this.#start(command, more);
    this.#programs.push(program);
    return program;
  }

  #add(figure: number, beside: number): void {
    this.#figures.push(figure);
    if (!Number.isNaN(beside)) this.#beside.push(beside);
  }

  /** One that fails is told of, and keeps nobody else from being measured. */
  async #guard(act: () => Promise<void>): Promise<void> {
    if (this.hasFailed) return;
    try {
      await act();
    } catch (error) {
      this.#failure = error;
      process.exitCode = 1;
      process.stderr.write(`FAILED: ${this.name}: ${error instanceof Error ? error.message : String(error)}\n`);
      await this.end();
    }
  }
}

/** @throws Error for a line that says no figures */
function numbers(line = ""): number[] {
  const figures = line.split(" ").map(Number);
  if (line === "" || figures.some(Number.isNaN)) throw new Error(`It said "${line}", where figures were expected`);
  return figures;
}
