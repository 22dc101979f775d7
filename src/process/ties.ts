import { type ExitReason, noproc } from "./exit.ts";
import { Links } from "./links.ts";
import type { Monitor } from "./monitor.ts";
import { type Owner, watch } from "./owner.ts";
import type { ProcessEngine } from "./process.ts";

/**
 * The links and monitors of one process: whose end concerns it, and how it hears of that, and, by its links, whom its own end
 * concerns.
 */
export class Ties {
  isTrappingExits = false;
  /** Whose end the process ends with although it traps exits: that it hears of it is no reason not to report a crash. */
  endsWith: Owner | undefined;
  readonly #process: ProcessEngine;
  readonly #links = new Links();
  /** Few processes watch anybody. */
  #monitors: Map<Monitor, () => void> | undefined;

  constructor(process: ProcessEngine) {
    this.#process = process;
  }

  /** Says false where `target` has ended, unless the process traps exits and so hears of it. */
  link(target: Owner): boolean {
    if (target === this.#process || this.#links.has(target)) return true;
    if (this.#tie(target)) return true;
    if (this.isTrappingExits) this.#process.hearExit(target, noproc);
    return this.isTrappingExits;
  }

  #tie(target: Owner): boolean {
    const ties = tiesOf(target);
    if (ties === undefined) return this.#tieToOther(target);
    if (!ties.#process.isAlive) return false;
    this.#links.add(target);
    ties.#links.add(this.#process);
    return true;
  }

  /** An owner that is no process: it is watched, and asked to end when the process does. */
  #tieToOther(target: Owner): boolean {
    const leave = watch(target, "observer", (reason) => {
      this.#links.delete(target);
      if (this.isTrappingExits) this.#process.hearExit(target, reason);
      // Its crash enters the runtime here: if nobody hears of it in this process either, it has to be reported.
      else if (reason.type === "Abnormal") this.#process.crash(reason.reason);
      else if (reason.type === "Killed") this.#process.end(reason);
    });
    if (leave !== undefined) this.#links.add(target, leave);
    return leave !== undefined;
  }

  unlink(target: Owner): void {
    this.#links.leaveOf(target)?.();
    this.#links.delete(target);
    tiesOf(target)?.forget(this.#process);
  }

  /** The other side of a link has taken it away. */
  forget(other: Owner): void {
    this.#links.delete(other);
  }

  monitor(target: Owner): Monitor {
    const monitor: Monitor = { id: this.#process.runtime.nextId() };
    const leave = watch(target, "observer", (reason) => {
      this.#monitors?.delete(monitor);
      this.#hearDown(monitor, target, reason);
    });
    if (leave === undefined) this.#hearDown(monitor, target, noproc);
    else (this.#monitors ??= new Map<Monitor, () => void>()).set(monitor, leave);
    return monitor;
  }

  demonitor(monitor: Monitor): void {
    this.#monitors?.get(monitor)?.();
    this.#monitors?.delete(monitor);
    this.#process.takeBackAll(monitor);
  }

  /** The process itself has ended: it watches nobody any more. */
  stopMonitoring(): void {
    for (const leave of this.#monitors?.values() ?? []) leave();
    this.#monitors = undefined;
  }

  /**
   * The process itself has ended: whoever is linked to it and traps exits hears of it; `goesDown` is called for who
   * does not. Says whether anybody heard.
   */
  tellLinks(reason: ExitReason, goesDown: (linked: ProcessEngine) => void): boolean {
    let isHeard = false;
    for (let link = this.#links.shift(); link !== undefined; link = this.#links.shift()) {
      const [other, leave] = link;
      leave?.();
      const ties = tiesOf(other);
      if (ties === undefined) isHeard = this.#askToEnd(other, reason) || isHeard;
      else {
        ties.forget(this.#process);
        if (ties.isTrappingExits) isHeard = ties.#process.hearExit(this.#process, reason) || isHeard;
        else if (reason.type !== "Normal") goesDown(ties.#process);
      }
    }
    return isHeard;
  }

  #askToEnd(other: Owner, reason: ExitReason): boolean {
    if (reason.type === "Normal" || other.exit === undefined) return false;
    try {
      other.exit(reason);
    } catch (error) {
      this.#process.runtime.rethrow(error);
    }
    return true;
  }

  #hearDown(monitor: Monitor, owner: Owner, reason: ExitReason): void {
    this.#process.arrive("monitor", monitor, { type: "ProcessDown", monitor, owner, reason });
  }
}

/** Nothing for an owner that is no process. */
function tiesOf(owner: Owner): Ties | undefined {
  const { ties } = owner as Partial<ProcessEngine>;
  return ties instanceof Ties ? ties : undefined;
}
