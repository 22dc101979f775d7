// Measures a workload: its contestants in a new random order in each round, so that a slow moment of the machine is nobody's.
import type { Workload } from "../workload.ts";
import type { Settings } from "./command-line.ts";
import { Entrant, type Start } from "./entrant.ts";
import { Program } from "./program.ts";
import { shuffled } from "./random.ts";
import type { Measured } from "./results.ts";
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
    if (workload.kind === "rounds") await this.#rounds(workload, ready);
    else await this.#afresh(workload, ready);
    const { name, title, unit, isMoreBetter } = workload;
    const beside = workload.beside?.unit ?? (workload.kind === "rounds" ? "µs of CPU" : "");
    const contestants = ready.filter(({ hasFailed }) => !hasFailed).map(({ figures }) => figures);
    const failed = ready.filter(({ hasFailed }) => hasFailed).map((entrant) => entrant.name);
    return { name, title, unit, isMoreBetter, beside, contestants, skipped, failed };
  }

  /** Those whose tools are here, and that were asked for. */
  #prepare({ contestants, isUnpinned }: Workload): { ready: Entrant[]; skipped: string[] } {
    const { only } = this.#settings;
    const core = isUnpinned === true ? undefined : this.#settings.core;
    const start: Start = (command, more) => new Program([...this.#tools.wordsOf(command), ...more], core);
    const ready: Entrant[] = [];
    const skipped: string[] = [];
    for (const [place, contestant] of contestants.entries()) {
      if (place > 0 && only.length > 0 && !only.some((part) => contestant.name.includes(part))) continue;
      try {
        this.#tools.wordsOf(contestant.measured);
        if (contestant.server !== undefined) this.#tools.wordsOf(contestant.server);
        ready.push(new Entrant(contestant, start));
      } catch (error) {
        if (!(error instanceof MissingTool)) throw error;
        this.#tools.skip(error);
        skipped.push(contestant.name);
      }
    }
    return { ready, skipped };
  }

  async #rounds({ perOperation = 1, processes = 1 }: Workload, entrants: readonly Entrant[]): Promise<void> {
    const { runs, isQuick } = this.#settings;
    const times = isQuick ? 1 : processes;
    const each = Math.ceil(runs / times);
    for (let time = 0; time < times; time++) await this.#roundsOfOne(each, perOperation, entrants);
  }

  /** One process of each: all stand by; one at a time works. */
  async #roundsOfOne(runs: number, perOperation: number, entrants: readonly Entrant[]): Promise<void> {
    const { warmUps, roundMs } = this.#settings;
    try {
      for (const entrant of entrants) await entrant.standBy();
      for (let round = -warmUps; round < runs; round++) {
        const counts = round < 0 ? undefined : perOperation;
        for (const entrant of shuffled(entrants, this.#random)) await entrant.work(roundMs, counts);
      }
    } finally {
      for (const entrant of entrants) await entrant.end();
    }
  }

  async #afresh({ kind }: Workload, entrants: readonly Entrant[]): Promise<void> {
    const { runs, isQuick } = this.#settings;
    // What begins anew takes long, and varies little.
    const times = kind === "once" ? 1 : Math.min(runs, isQuick ? 1 : 5);
    for (let time = 0; time < times; time++)
      for (const entrant of shuffled(entrants, this.#random)) await entrant.workAfresh();
  }
}
