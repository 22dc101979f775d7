import type { ProcessEngine } from "./process.ts";

/**
 * The processes of a runtime whose function has not returned. Each knows its neighbours: they come and go by the million,
 * and a Set of them costs more than a process that does little.
 */
export class Processes {
  #oldest: ProcessEngine | undefined;
  #newest: ProcessEngine | undefined;

  add(process: ProcessEngine): void {
    process.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = process;
    else this.#newest.newer = process;
    this.#newest = process;
  }

  /** Once for each. */
  delete(process: ProcessEngine): void {
    const { older, newer } = process;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    // Whoever still holds it must not hold the others by it.
    process.older = undefined;
    process.newer = undefined;
  }

  /** Oldest first. */
  get all(): ProcessEngine[] {
    const all: ProcessEngine[] = [];
    for (let process = this.#oldest; process !== undefined; process = process.newer) all.push(process);
    return all;
  }
}
