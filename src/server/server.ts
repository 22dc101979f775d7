import { inspect } from "node:util";
import { startFactorySupervisor } from "../otp/factory-supervisor.ts";
import type { Started, StartError } from "../otp/start.ts";
import { startSupervisor, type Supervisor } from "../otp/static-supervisor.ts";
import type { ChildSpec } from "../otp/supervision.ts";
import { checkDelay } from "../process/clock.ts";
import type { Process } from "../process/process.ts";
import type { Host } from "../process/runtime.ts";
import { err, ok, type Result } from "../result.ts";
import type { SocketError } from "../tcp/error.ts";
import { startAcceptor } from "./acceptor.ts";
import { checkHandler, startConnection } from "./connection.ts";
import { Connections } from "./connections.ts";
import type { ServerInfo } from "./events.ts";
import type { AnyHandler, Connection, ConnectionHandler, ConnectionOwner, ConnectionProcess } from "./handler.ts";
import { ListenerRole } from "./listener.ts";
import { checkServerOptions, type ServerOptions, type ServerSettings } from "./options.ts";
import type { Serving } from "./serving.ts";
import { ShutdownRole } from "./shutdown.ts";

/** A running server. */
export interface Server extends AsyncDisposable {
  /** The supervisor of all its processes. */
  readonly process: Process;
  /** The port that it listens on; 0 for a unix socket. */
  readonly port: number;
  /** The address that it listens on; the path of a unix socket. */
  readonly address: string;
  /** Those that are served now, oldest first. */
  connections(): readonly Connection[];
  info(): ServerInfo;
  /** Stops listening: new connections are refused by the system. Those that are here go on. Source: `ThousandIsland.suspend`, `ranch:suspend_listener`. */
  suspend(): Promise<void>;
  /** Listens again, on the same port. Source: `ThousandIsland.resume`, `ranch:resume_listener`. */
  resume(): Promise<Result<undefined, SocketError>>;
  /**
   * Stops listening, tells whoever is served, and ends when all have ended, or after `withinMs` milliseconds, then by
   * force. Resolves when everything has ended.
   */
  drain(withinMs: number): Promise<void>;
  /** Ends at once; what was queued for peers still leaves, within their `linger`. Resolves when everything has ended. */
  stop(): Promise<void>;
}

/**
 * Starts a server: each connection is served by a process of its own, under a supervisor. On a `Self` the server is
 * linked to that process and drains when it ends, within `drainTimeoutMs`.
 *
 * @returns why it could not listen: `Eaddrinuse`, `Eacces`, ...; `Closed` where `host` has ended meanwhile
 * @throws TypeError or RangeError for options that no server can have
 *
 * Source: `ThousandIsland.start_link`, `glisten.start`, `ranch:start_listener`.
 */
export function startServer<S, U = never>(
  options: ServerOptions,
  handler: ConnectionHandler<S, U> | ConnectionProcess | ConnectionOwner,
  host?: Host,
): Promise<Result<Server, SocketError>> {
  const settings = checkServerOptions(options);
  checkHandler(handler);
  return new ServerEngine(settings, handler as AnyHandler).start(host);
}

/** A server among the children of a supervisor. */
export interface ServerChild extends ChildSpec {
  /** Listens, and gives the server to who starts it. */
  start(host: Host): Promise<Result<Started<Server>, StartError>>;
}

/**
 * A server as a child of a supervisor of yours. It is started again if its own supervisor gives up, and not if it was
 * drained or stopped.
 *
 * @throws TypeError or RangeError for options that no server can have
 */
export function supervised<S, U = never>(
  id: string,
  options: ServerOptions,
  handler: ConnectionHandler<S, U> | ConnectionProcess | ConnectionOwner,
): ServerChild {
  const settings = checkServerOptions(options);
  checkHandler(handler);
  return {
    id,
    start: async (host) => {
      const started = await new ServerEngine(settings, handler as AnyHandler).start(host);
      return started.ok
        ? ok({ process: started.value.process, data: started.value })
        : err({ type: "InitFailed", reason: started.error });
    },
    restart: "Transient",
    shutdownTimeoutMs: Infinity, // it takes the time that its connections are given
  };
}

/** The process tree, in the order in which its roles are started. They are stopped in the opposite one. */
class ServerEngine implements Server {
  readonly #handler: AnyHandler;
  readonly #listening: ListenerRole;
  readonly #connections: Connections;
  readonly #shutdown: ShutdownRole;
  #supervisor!: Supervisor;
  #isSuspended = false;

  constructor(settings: ServerSettings, handler: AnyHandler) {
    this.#handler = handler;
    this.#listening = new ListenerRole(settings.listen);
    this.#connections = new Connections(settings);
    this.#shutdown = new ShutdownRole(this.#listening, this.#connections, settings.drainTimeoutMs);
  }

  async start(host: Host | undefined): Promise<Result<Server, SocketError>> {
    const children: readonly ChildSpec[] = [
      { id: "connections", start: (tree) => this.#startConnections(tree), shutdownTimeoutMs: Infinity },
      { id: "listening", start: (tree) => this.#startListening(tree), shutdownTimeoutMs: Infinity },
      { id: "shutdown", start: (tree) => this.#shutdown.start(tree), shutdownTimeoutMs: Infinity },
    ];
    const started = await startSupervisor({ strategy: "OneForOne", children }, host);
    if (!started.ok) return err(this.#listening.error ?? "Closed");
    this.#supervisor = started.value.data;
    return ok(this as Server);
  }

  async #startConnections(tree: Host): Promise<Result<Started<unknown>, StartError>> {
    const started = await startFactorySupervisor<Serving, undefined>(
      {
        start: (serving, place) => startConnection(serving, this.#handler, place),
        restart: "Temporary", // a connection cannot be had again
      },
      tree,
    );
    if (started.ok) this.#connections.useSupervisor(started.value.data);
    return started;
  }

  /** A tree of its own: what one of the two needs to begin anew is no reason to stop anybody else. */
  #startListening(tree: Host): Promise<Result<Started<unknown>, StartError>> {
    const children: readonly ChildSpec[] = [
      { id: "listener", start: (branch) => this.#listening.start(branch) },
      // It ends normally when the listener does.
      { id: "acceptor", start: (branch) => this.#startAcceptor(branch), restart: "Transient" },
    ];
    return startSupervisor({ strategy: "RestForOne", children }, tree);
  }

  #startAcceptor(tree: Host): Promise<Result<Started<unknown>, StartError>> {
    const { listener } = this.#listening;
    if (listener === undefined) throw new Error("Cannot accept before something listens");
    return startAcceptor(listener, this.#connections, tree);
  }

  get process(): Process {
    return this.#supervisor.process;
  }

  get port(): number {
    return this.#listening.listener?.port ?? 0;
  }

  get address(): string {
    return this.#listening.listener?.address ?? "";
  }

  connections(): readonly Connection[] {
    return this.#connections.list;
  }

  info(): ServerInfo {
    return { ...this.#connections.info, isListening: this.process.isAlive && !this.#isSuspended };
  }

  async suspend(): Promise<void> {
    this.#isSuspended = true;
    await this.#supervisor.terminateChild("listening");
  }

  async resume(): Promise<Result<undefined, SocketError>> {
    if (!this.process.isAlive) return err("Closed");
    if (!this.#isSuspended) return ok();
    const listening = await this.#supervisor.restartChild("listening");
    this.#isSuspended = !listening.ok;
    return listening.ok ? ok() : err(this.#listening.error ?? "Closed");
  }

  drain(withinMs: number): Promise<void> {
    checkDelay("drain", "withinMs", withinMs);
    return this.#end(withinMs);
  }

  stop(): Promise<void> {
    return this.#end(0);
  }

  /** Where it drains already, the shorter time counts. */
  async #end(withinMs: number): Promise<void> {
    this.#shutdown.hurry(withinMs);
    await this.#supervisor.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  toJSON(): object {
    return { type: "Server", address: this.address, port: this.port };
  }

  [inspect.custom](): string {
    const { open, isListening } = this.info();
    return `Server { address: "${this.address}", port: ${this.port}, connections: ${open}, isListening: ${String(isListening)} }`;
  }
}
