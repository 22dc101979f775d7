import { inspect } from "node:util";
import { Deadline } from "../process/alarm.ts";
import { checkOptionNames } from "../process/option-names.ts";
import { type Owner, watch } from "../process/owner.ts";
import { type RuntimeEngine, runtimeEngine } from "../process/runtime.ts";
import { valueText } from "../process/value-text.ts";
import { err, ok, type Result } from "../result.ts";
import { reasonFromCode, type SocketError } from "./error.ts";
import type { OwnedSocket, Socket } from "./message.ts";
import { checkHost, checkMethods, checkPath, checkPort } from "./option-checks.ts";
import { checkSocketOptions, type ResolvedSocketOptions, type SocketOptions, socketOptionNames } from "./options.ts";
import { SocketEngine } from "./socket-engine.ts";
import { longestPathBytes } from "./address.ts";
import { serve, type ServerSocket } from "./serve.ts";
import type { Transport } from "./transport.ts";

/** Where to listen. The options of a socket are those of every socket that is accepted. Source: `gen_tcp:listen`. */
export interface ListenOptions extends SocketOptions {
  /** The address to listen on; default: every address of this machine. */
  readonly host?: string | undefined;
  /** 0 lets the system choose; `Listener.port` says what it chose. */
  readonly port: number;
  /** The path of a unix socket instead of `host` and `port`, which are then ignored. */
  readonly path?: string | undefined;
  /**
   * Connections that may wait for an `accept`, here and in the kernel each, 1 to 65535; beyond it a peer is reset.
   * Default 511, Node's; inet's is 5.
   */
  readonly backlog?: number | undefined;
}

/** What is alive in a call of `listen`. */
export interface ListenContext {
  /** The listener closes when it ends. Without one it is open until `closeListener`. */
  readonly owner?: Owner | undefined;
}

/** A listening socket. */
export interface Listener extends AsyncDisposable {
  /** The port that it listens on; 0 for a unix socket. */
  readonly port: number;
  /** The address that it listens on; the path of a unix socket. */
  readonly address: string;
}

/**
 * Listens for connections, which `accept` takes one by one.
 *
 * @returns why not: `Eaddrinuse`, `Eacces`, `Eaddrnotavail`, ...; `Closed` where the owner has ended meanwhile
 * @throws TypeError or RangeError for options that nobody can listen with
 * Source: `gen_tcp:listen`.
 */
export function listen(options: ListenOptions & ListenContext): Promise<Result<Listener, SocketError>> {
  const action = "listen";
  const { host, port, path, backlog = 511, owner } = options;
  checkOptionNames(action, options, ["host", "port", "path", "backlog", "owner", ...socketOptionNames]);
  if (path !== undefined) checkPath(action, "path", path);
  else {
    checkPort(action, "port", port);
    if (host !== undefined) checkHost(action, "host", host);
  }
  checkBacklog(action, backlog);
  if (owner !== undefined) checkMethods(action, "owner", owner, ["deliver", "onExit"]);
  if (path !== undefined && Buffer.byteLength(path) > longestPathBytes) return Promise.resolve(err("Enametoolong"));
  const where = path === undefined ? { host, port, backlog } : { path, backlog };
  return ListenerEngine.open(where, checkSocketOptions(options, action), owner);
}

/**
 * Takes the next connection, waiting up to `timeoutMilliseconds` for one; a negative time or `Infinity` waits for
 * ever. Several may wait; each connection goes to the one that has waited longest.
 *
 * @returns `Timeout`; `Closed` where the listener has been closed or the owner has ended; `Emfile` and the like where
 * the system could not accept a connection: the listener is not to blame and goes on
 * Source: `gen_tcp:accept`.
 */
export function accept<O extends Owner | undefined = undefined>(
  listener: Listener,
  timeoutMilliseconds: number,
  context: { readonly owner?: O } = {},
): Promise<Result<[O] extends [Owner] ? OwnedSocket : Socket, SocketError>> {
  checkOptionNames("accept", context, ["owner"]);
  if (context.owner !== undefined) checkMethods("accept", "owner", context.owner, ["deliver", "onExit"]);
  if (typeof timeoutMilliseconds !== "number" || Number.isNaN(timeoutMilliseconds)) {
    throw new RangeError(
      `Cannot accept: timeoutMilliseconds must be a number, received ${valueText(timeoutMilliseconds)}`,
    );
  }
  const accepted = engineOf(listener, "accept").accept(timeoutMilliseconds, context.owner);
  return accepted as Promise<Result<OwnedSocket, SocketError>>;
}

/** Stops listening. Connections that nobody has accepted are reset; those that were accepted stay. Source: `gen_tcp:close`. */
export function closeListener(listener: Listener): Promise<void> {
  engineOf(listener, "close").close();
  return Promise.resolve();
}

function checkBacklog(action: string, backlog: unknown): void {
  if (typeof backlog === "number" && Number.isInteger(backlog) && backlog >= 1 && backlog <= 65_535) return;
  throw new RangeError(
    `Cannot ${action}: backlog must be a whole number from 1 to 65535, received ${valueText(backlog)}`,
  );
}

/** An accept that waits, for a connection or for the end of its time, its owner or its listener. */
class Acceptor {
  readonly owner: Owner | undefined;
  readonly #settle: (result: Result<SocketEngine, SocketError>) => void;
  readonly #stopWaiting: () => void;
  #leaveOwner: (() => void) | undefined;

  constructor(
    owner: Owner | undefined,
    settle: (result: Result<SocketEngine, SocketError>) => void,
    stopWaiting: () => void,
  ) {
    this.owner = owner;
    this.#settle = settle;
    this.#stopWaiting = stopWaiting;
  }

  /** Says false where its owner has ended. */
  start(): boolean {
    if (this.owner === undefined) return true;
    this.#leaveOwner = watch(this.owner, "resource", () => {
      this.finish(err("Closed"));
    });
    return this.#leaveOwner !== undefined;
  }

  finish(result: Result<SocketEngine, SocketError>): void {
    this.#stopWaiting();
    this.#leaveOwner?.();
    this.#leaveOwner = undefined;
    this.#settle(result);
  }
}

class ListenerEngine implements Listener {
  readonly port: number;
  readonly address: string;
  readonly #server: ServerSocket;
  readonly #options: ResolvedSocketOptions;
  readonly #runtime: RuntimeEngine;
  readonly #backlog: number;
  /** Connections that nobody has accepted yet. Node accepts them all; nothing of them is read. */
  #connections: Transport[] = [];
  #acceptors: Acceptor[] = [];
  #isClosed = false;
  #leaveOwner: (() => void) | undefined;

  static open(
    where: Parameters<typeof serve>[0],
    options: ResolvedSocketOptions,
    owner: Owner | undefined,
  ): Promise<Result<Listener, SocketError>> {
    return new Promise((settle) => {
      let listener: ListenerEngine | undefined;
      const server = serve(where, options, {
        listening: () => {
          listener = new ListenerEngine(server, where.backlog, options, owner);
          settle(listener.#isClosed ? err("Closed") : ok(listener)); // closed: the owner has ended meanwhile
        },
        accepted: (transport) => listener?.accepted(transport),
        failed: (code) => {
          if (listener === undefined) settle(err(reasonFromCode(code)));
          else listener.failed(code);
        },
      });
    });
  }

  private constructor(server: ServerSocket, backlog: number, options: ResolvedSocketOptions, owner: Owner | undefined) {
    this.#server = server;
    this.#backlog = backlog;
    this.#options = options;
    this.#runtime = runtimeEngine(owner?.runtime);
    ({ address: this.address, port: this.port } = server.address);
    this.#runtime.activity.hold();
    this.#leaveOwner = owner?.onExit(() => {
      this.close();
    }, "resource");
  }

  accept(milliseconds: number, owner: Owner | undefined): Promise<Result<SocketEngine, SocketError>> {
    if (this.#isClosed) return Promise.resolve(err("Closed"));
    return new Promise((settle) => {
      const deadline = new Deadline(this.#runtime.alarms, {
        passDeadline: () => {
          acceptor.finish(err("Timeout"));
        },
      });
      const acceptor: Acceptor = new Acceptor(owner, settle, () => {
        deadline.dispose();
        this.#acceptors = this.#acceptors.filter((other) => other !== acceptor);
      });
      if (!acceptor.start()) {
        settle(err("Closed"));
        return;
      }
      this.#acceptors.push(acceptor);
      if (milliseconds >= 0) deadline.start(milliseconds);
      this.#match();
    });
  }

  accepted(transport: Transport): void {
    if (this.#connections.length >= this.#backlog) {
      transport.reset();
      return;
    }
    this.#connections.push(transport);
    this.#runtime.scheduler.enter();
    this.#match();
    this.#runtime.scheduler.leave();
  }

  failed(code: string): void {
    this.#acceptors[0]?.finish(err(reasonFromCode(code)));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server.close();
    for (const connection of this.#connections) connection.reset();
    this.#connections = [];
    for (const acceptor of [...this.#acceptors]) acceptor.finish(err("Closed"));
    this.#leaveOwner?.();
    this.#runtime.activity.release();
  }

  #match(): void {
    const [transport] = this.#connections;
    const [acceptor] = this.#acceptors;
    if (transport === undefined || acceptor === undefined) return;
    this.#connections.shift();
    const runtime = acceptor.owner === undefined ? this.#runtime : runtimeEngine(acceptor.owner.runtime);
    acceptor.finish({ ok: true, value: new SocketEngine(transport, this.#options, runtime, acceptor.owner) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeListener(this);
  }

  toJSON(): object {
    return { type: "Listener", address: this.address, port: this.port };
  }

  [inspect.custom](): string {
    return `Listener { address: "${this.address}", port: ${String(this.port)}, isClosed: ${String(this.#isClosed)} }`;
  }
}

function engineOf(listener: Listener, action: string): ListenerEngine {
  if (listener instanceof ListenerEngine) return listener;
  throw new TypeError(`Cannot ${action}: expected a listener, received ${valueText(listener)}`);
}
