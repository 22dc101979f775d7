import { inspect } from "node:util";
import { call } from "../process/call.ts";
import { type Name, namedSubject } from "../process/name.ts";
import { checkOptionNames } from "../process/option-names.ts";
import type { Process } from "../process/process.ts";
import type { Host } from "../process/runtime.ts";
import type { Subject } from "../process/subject.ts";
import type { Result } from "../result.ts";
import { FactoryEngine } from "./factory-engine.ts";
import { answerOrEnd, initExited } from "./operation.ts";
import { checkTolerance, type RestartTolerance } from "./restarts.ts";
import { parentOf, stopSupervisor } from "./shutdown.ts";
import { start, type Started, type StartError } from "./start.ts";
import { checkRestart, checkShutdownTimeout, checkStart, type ChildCount, type Restart } from "./supervision.ts";

/** What a factory supervisor is made of. */
export interface FactoryOptions<A, D> {
  /** Starts a child for `argument` on `host`, which links it to the supervisor; again with the same one after a crash. */
  start(argument: A, host: Host): Promise<Result<Started<D>, StartError>>;
  /** Default `Transient`: a child that ends normally, or because it was asked to, is forgotten. */
  readonly restart?: Restart | undefined;
  /** Of all children together. */
  readonly restartTolerance?: RestartTolerance | undefined;
  /**
   * Milliseconds that children may take to end when the supervisor stops, before they are killed; 0 kills them at once.
   * Before a child is started again, its function has as long to return. Default 5000.
   */
  readonly shutdownTimeoutMs?: number | undefined;
  /** A name for `namedFactorySupervisor`: with it the factory can be used before it has started, and after a restart. */
  readonly name?: Name<FactoryRequest<A, D>> | undefined;
}

/** What a factory supervisor receives: the type of what its name stands for. */
export interface FactoryRequest<A, D> {
  readonly type: "StartChild";
  readonly argument: A;
  readonly reply: Subject<Result<Started<D>, StartError>>;
}

/** Where children are started on demand. */
export interface ChildStarter<in A, out D> {
  /**
   * Starts a child. Others that are being started meanwhile do not hold it up. The child is the supervisor's: it
   * outlives the caller, and ends when it is asked to with `sendAbnormalExit("shutdown")`.
   *
   * @returns `InitExited` where the supervisor has ended, or ends first
   * Source: `factory_supervisor.start_child`.
   */
  startChild(argument: A): Promise<Result<Started<D>, StartError>>;
}

/** A running factory supervisor. */
export interface FactorySupervisor<in out A, out D> extends ChildStarter<A, D>, AsyncDisposable {
  readonly process: Process;
  /** All children in the order in which they were asked for; without a process those that are just being started. */
  children(): readonly { readonly argument: A; readonly process: Process | undefined }[];
  countChildren(): ChildCount;
  /** Ends it normally, its children before it. Resolves when it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts a supervisor whose children are all made by the same `start`, on demand, any number of them. It ends as one
 * of `startSupervisor` does, and then stops its children all at once.
 *
 * @throws TypeError, RangeError for options that cannot be, before anything is started
 *
 * Source: `factory_supervisor.start`, that is `supervisor` with `simple_one_for_one`, whose children start one after
 * the other.
 */
export function startFactorySupervisor<A, D>(
  options: FactoryOptions<A, D>,
  host?: Host,
): Promise<Result<Started<FactorySupervisor<A, D>>, StartError>> {
  checkOptions(options);
  const { name } = options;
  return start<FactorySupervisor<A, D>, FactoryRequest<A, D>>(
    host,
    { initTimeoutMs: Infinity, name },
    (self, subject) => {
      const engine = new FactoryEngine(self, subject, options, parentOf(host));
      return { data: new FactoryHandle(self.process, subject, engine), run: () => engine.run() };
    },
  );
}

/**
 * The factory supervisor that holds `name` at the moment of each start. Where nobody does, a start is `InitExited`.
 * Source: `factory_supervisor.get_by_name`.
 */
export function namedFactorySupervisor<A, D>(name: Name<FactoryRequest<A, D>>): ChildStarter<A, D> {
  const subject = namedSubject(name);
  return { startChild: (argument) => requestChild(subject, argument) };
}

async function requestChild<A, D>(
  subject: Subject<FactoryRequest<A, D>>,
  argument: A,
): Promise<Result<Started<D>, StartError>> {
  const answer = await call(subject, Infinity, (reply: Subject<Result<Started<D>, StartError>>) => ({
    type: "StartChild",
    argument,
    reply,
  }));
  return answerOrEnd(answer, initExited);
}

const optionNames = Object.keys({
  start: true,
  restart: true,
  restartTolerance: true,
  shutdownTimeoutMs: true,
  name: true,
} satisfies Record<keyof FactoryOptions<never, never>, true>);

const action = "start a factory supervisor";

function checkOptions<A, D>(options: FactoryOptions<A, D>): void {
  checkOptionNames(action, options, optionNames);
  checkStart(action, "start", options);
  checkRestart(action, options.restart);
  checkTolerance(action, options.restartTolerance);
  checkShutdownTimeout(action, options.shutdownTimeoutMs);
}

class FactoryHandle<A, D> implements FactorySupervisor<A, D> {
  readonly process: Process;
  readonly #subject: Subject<FactoryRequest<A, D>>;
  readonly #engine: FactoryEngine<A, D>;

  constructor(process: Process, subject: Subject<FactoryRequest<A, D>>, engine: FactoryEngine<A, D>) {
    this.process = process;
    this.#subject = subject;
    this.#engine = engine;
  }

  startChild(argument: A): Promise<Result<Started<D>, StartError>> {
    return requestChild(this.#subject, argument);
  }

  children(): readonly { readonly argument: A; readonly process: Process | undefined }[] {
    return Array.from(this.#engine.children, ({ argument, process }) => ({
      argument,
      process: process?.isAlive === true ? process : undefined,
    }));
  }

  countChildren(): ChildCount {
    const children = this.children();
    return { specs: children.length, active: children.filter(({ process }) => process !== undefined).length };
  }

  stop(): Promise<void> {
    return stopSupervisor(this.process);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  toJSON(): object {
    return { type: "FactorySupervisor", process: this.process.id };
  }

  [inspect.custom](): string {
    return `FactorySupervisor { process: ${this.process.id}, isAlive: ${this.process.isAlive} }`;
  }
}
