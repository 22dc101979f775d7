// Measures a workload: its contestants in a new random order in each round, so that a slow moment of the machine is nobody's.
import type { Command, Contestant, Workload } from "../workload.ts";
import type { Settings } from "./command-line.ts";
import { Program } from "./program.ts";
import { shuffled } from "./random.ts";
import type { Figures, Measured } from "./results.ts";
import { MissingTool, type Toolbox } from "./toolbox.ts";

export class Measuring {
  readonly #settings: Settings;
  readonly #tools: Toolbox;
  readonly #random: () => number;

  constructor(settings: Settings, tools: Toolbox, random: () => number) {
    this.#settings = settings;
    this.#tools = tools;
    this.#random = random;
  }

  async measure(workload: Workload): Promise<Measured> {
    const { ready, skipped } = this.#prepare(workload);
    const figures =
      workload.kind === "rounds" ? await this.#rounds(workload, ready) : await this.#afresh(workload, ready);
    const { name, title, unit, isMoreBetter } = workload;
    const beside = workload.beside?.unit ?? (workload.kind === "rounds" ? "µs of CPU" : "");
    return { name, title, unit, isMoreBetter, beside, contestants: figures, skipped };
  }

  /** Those whose tools are here, and that were asked for. */
  #prepare({ contestants }: Workload): { ready: Contestant[]; skipped: string[] } {
    const { only } = this.#settings;
    const ready: Contestant[] = [];
    const skipped: string[] = [];
    for (const [place, contestant] of contestants.entries()) {
      if (place > 0 && only.length > 0 && !only.some((part) => contestant.name.includes(part))) continue;
      try {
        this.#tools.wordsOf(contestant.measured);
        if (contestant.server !== undefined) this.#tools.wordsOf(contestant.server);
        ready.push(contestant);
      } catch (error) {
        if (!(error instanceof MissingTool)) throw error;
        this.#tools.skip(error);
        skipped.push(contestant.name);
      }
    }
    return { ready, skipped };
  }

  /** All stand by; one at a time works. */
  async #rounds(workload: Workload, contestants: readonly Contestant[]): Promise<Figures[]> {
    const { runs, warmUps, roundMs } = this.#settings;
    const { perOperation = 1 } = workload;
    const standing: (Figures & { readonly program: Program; readonly all: Program[] })[] = [];
    try {
      for (const contestant of contestants) {
        const { program, all } = await this.#start(workload, contestant);
        standing.push({ name: contestant.name, figures: [], beside: [], program, all });
        await program.line(); // ready
      }
      for (let round = -warmUps; round < runs; round++) {
        for (const { program, figures, beside } of shuffled(standing, this.#random)) {
          const [operations = NaN, seconds = NaN, cpuSeconds = NaN] = numbers(await program.ask(`${roundMs}`));
          if (round < 0) continue;
          figures.push((operations * perOperation) / seconds);
          if (!Number.isNaN(cpuSeconds)) beside.push((cpuSeconds / operations) * 1e6);
        }
      }
    } finally {
      for (const { all } of standing) for (const program of all.reverse()) await program.end();
    }
    return standing.map(({ name, figures, beside }) => ({ name, figures, beside }));
  }

  async #afresh(workload: Workload, contestants: readonly Contestant[]): Promise<Figures[]> {
    // What begins anew takes long, and varies little.
    const runs = workload.kind === "once" ? 1 : Math.min(this.#settings.runs, this.#settings.isQuick ? 1 : 5);
    const all = contestants.map(({ name }): Figures => ({ name, figures: [], beside: [] }));
    for (let run = 0; run < runs; run++) {
      for (const place of shuffled([...contestants.keys()], this.#random)) {
        const started = await this.#start(workload, contestants[place] as Contestant);
        try {
          const [figure = NaN, beside = NaN] = numbers(await started.program.line());
          all[place]?.figures.push(figure);
          if (!Number.isNaN(beside)) all[place]?.beside.push(beside);
        } finally {
          for (const program of started.all.reverse()) await program.end();
        }
      }
    }
    return all;
  }

  async #start(
    { isUnpinned }: Workload,
    { server, measured }: Contestant,
  ): Promise<{ program: Program; all: Program[] }> {
    const all: Program[] = [];
    const start = (command: Command, ...more: string[]): Program => {
      const program = new Program(
        [...this.#tools.wordsOf(command), ...more],
        isUnpinned === true ? undefined : this.#settings.core,
      );
      all.push(program);
      return program;
    };
    if (server === undefined) return { program: start(measured), all };
    const address = await start(server).line();
    return { program: start(measured, address), all };
  }
}

function numbers(line: string): number[] {
  return line.split(" ").map(Number);
}
