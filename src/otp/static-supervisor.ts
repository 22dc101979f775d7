import { inspect } from "node:util";
import { checkOptionNames } from "../process/option-names.ts";
import type { Process } from "../process/process.ts";
import type { Host } from "../process/runtime.ts";
import type { Subject } from "../process/subject.ts";
import { valueText } from "../process/value-text.ts";
import type { Result } from "../result.ts";
import { type Backoff, checkBackoff } from "./backoff.ts";
import { initExited, operate } from "./operation.ts";
import { checkTolerance, type RestartTolerance } from "./restarts.ts";
import { parentOf, stopSupervisor } from "./shutdown.ts";
import { start, type Started, type StartError } from "./start.ts";
import {
  type AlreadyPresent,
  checkChildSpec,
  checkChoice,
  type ChildCount,
  type ChildSpec,
  type NotFound,
  type NotStopped,
} from "./supervision.ts";
import { SupervisorEngine, type SupervisorMessage } from "./supervisor-engine.ts";

/**
 * Who is started again where one child is: that one; all, after the others have been stopped; or that one and those
 * that were started after it. Source: `static_supervisor.Strategy`.
 */
export type Strategy = "OneForOne" | "OneForAll" | "RestForOne";

/**
 * Whether the supervisor ends, with the reason "shutdown", when significant children end by themselves and are not
 * started again: never, when one does, or when none is left. Source: `static_supervisor.AutoShutdown`.
 */
export type AutoShutdown = "Never" | "AnySignificant" | "AllSignificant";

/** What a supervisor is made of. */
export interface SupervisorOptions {
  readonly strategy: Strategy;
  readonly restartTolerance?: RestartTolerance | undefined;
  /** Default: a child is started again at once, as in OTP. */
  readonly backoff?: Backoff | undefined;
  /** Default `Never`; then no child may be significant. */
  readonly autoShutdown?: AutoShutdown | undefined;
  /** In the order in which they are started; they are stopped in the opposite one. */
  readonly children: readonly ChildSpec[];
}

/** A running supervisor. */
export interface Supervisor extends AsyncDisposable {
  readonly process: Process;
  /** All children in the order of their start; without a process those that do not run at the moment. Source: `supervisor:which_children`. */
  children(): readonly { readonly id: string; readonly process: Process | undefined }[];
  /** Source: `supervisor:count_children`. */
  countChildren(): ChildCount;
  /**
   * Starts one more child, last in the order. One that does not start is forgotten.
   *
   * @throws TypeError, RangeError for a specification that `startSupervisor` would refuse
   * Source: `supervisor:start_child`.
   */
  startChild(spec: ChildSpec): Promise<Result<Started<unknown>, StartError | AlreadyPresent>>;
  /** Stops a child, which stays known unless it is `Temporary`. It is not started again for it. Source: `supervisor:terminate_child`. */
  terminateChild(id: string): Promise<Result<undefined, NotFound>>;
  /** Starts a child that does not run. Source: `supervisor:restart_child`. */
  restartChild(id: string): Promise<Result<Started<unknown>, StartError | NotStopped>>;
  /** Forgets a child that does not run. Source: `supervisor:delete_child`. */
  deleteChild(id: string): Promise<Result<undefined, NotStopped>>;
  /** Ends it normally, its children before it. Resolves when it has ended. Source: `supervisor:stop`. */
  stop(): Promise<void>;
}

/**
 * Starts a supervisor and its children, one after the other: children that end are started again as `strategy` says.
 * It ends when its parent does or says so (`sendAbnormalExit(reason, { from })`, `stop`), and when restarts are more
 * than `restartTolerance` allows, then with an `Error` that names the child. Whenever it ends, it stops its children in
 * the opposite order and waits for each; only where it is killed, they all end with it at once, by their links.
 *
 * @returns `InitFailed` with an `Error` naming the child that did not start; those before it have been stopped
 * @throws TypeError, RangeError for options that cannot be, before anything is started
 *
 * Source: `static_supervisor.start`, that is `supervisor:start_link`; `backoff` is ours, and so is the wait for the
 * function of a child to return before it is started again.
 */
export function startSupervisor(
  options: SupervisorOptions,
  host?: Host,
): Promise<Result<Started<Supervisor>, StartError>> {
  checkOptions(options);
  return start<Supervisor, SupervisorMessage>(host, { initTimeoutMs: Infinity }, async (self, subject) => {
    const engine = new SupervisorEngine(self, subject, options, parentOf(host));
    await engine.startAll();
    return { data: new SupervisorHandle(self.process, subject, engine, options), run: () => engine.run() };
  });
}

const optionNames = Object.keys({
  strategy: true,
  restartTolerance: true,
  backoff: true,
  autoShutdown: true,
  children: true,
} satisfies Record<keyof SupervisorOptions, true>);

const action = "start a supervisor";
const strategies: readonly Strategy[] = ["OneForOne", "OneForAll", "RestForOne"];
const autoShutdowns: readonly AutoShutdown[] = ["Never", "AnySignificant", "AllSignificant"];

function checkOptions(options: SupervisorOptions): void {
  checkOptionNames(action, options, optionNames);
  checkChoice(action, "strategy", options.strategy, strategies);
  if (options.autoShutdown !== undefined) checkChoice(action, "autoShutdown", options.autoShutdown, autoShutdowns);
  checkTolerance(action, options.restartTolerance);
  checkBackoff(action, options.backoff);
  const children: unknown = options.children;
  if (!Array.isArray(children))
    throw new TypeError(`Cannot ${action}: children must be an array, received ${valueText(children)}`);
  const ids = new Set<string>();
  for (const spec of options.children) {
    checkChild(action, spec, options);
    if (ids.has(spec.id)) throw new TypeError(`Cannot ${action}: two children have the id ${valueText(spec.id)}`);
    ids.add(spec.id);
  }
}

function checkChild(action: string, spec: ChildSpec, { autoShutdown = "Never" }: SupervisorOptions): void {
  checkChildSpec(action, spec);
  if (spec.significant === true && autoShutdown === "Never")
    throw new TypeError(`Cannot ${action}: child ${valueText(spec.id)} is significant, but autoShutdown is "Never"`);
}

class SupervisorHandle implements Supervisor {
  readonly process: Process;
  readonly #subject: Subject<SupervisorMessage>;
  readonly #engine: SupervisorEngine;
  readonly #options: SupervisorOptions;

  constructor(
    process: Process,
    subject: Subject<SupervisorMessage>,
    engine: SupervisorEngine,
    options: SupervisorOptions,
  ) {
    this.process = process;
    this.#subject = subject;
    this.#engine = engine;
    this.#options = options;
  }

  children(): readonly { readonly id: string; readonly process: Process | undefined }[] {
    return this.#engine.children.map(({ spec: { id }, process }) => ({
      id,
      process: process?.isAlive === true ? process : undefined,
    }));
  }

  countChildren(): ChildCount {
    const children = this.children();
    return { specs: children.length, active: children.filter(({ process }) => process !== undefined).length };
  }

  startChild(spec: ChildSpec): ReturnType<Supervisor["startChild"]> {
    checkChild("start a child", spec, this.#options);
    return operate(this.#subject, () => this.#engine.startChild(spec), initExited);
  }

  restartChild(id: string): ReturnType<Supervisor["restartChild"]> {
    return operate(this.#subject, () => this.#engine.restartChild(id), initExited);
  }

  terminateChild(id: string): ReturnType<Supervisor["terminateChild"]> {
    return operate(this.#subject, () => this.#engine.terminateChild(id), notFound);
  }

  deleteChild(id: string): ReturnType<Supervisor["deleteChild"]> {
    return operate(this.#subject, () => this.#engine.deleteChild(id), notFound);
  }

  stop(): Promise<void> {
    return stopSupervisor(this.process);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  toJSON(): object {
    return { type: "Supervisor", process: this.process.id };
  }

  [inspect.custom](): string {
    return `Supervisor { process: ${this.process.id}, isAlive: ${this.process.isAlive} }`;
  }
}

/** A supervisor that has ended has no children. */
const notFound = (): NotFound => ({ type: "NotFound" });
