import type { ActorLogic, EventObject, Snapshot } from "xstate";
import type { ExitReason } from "../process/exit.ts";
import type { Selector } from "../process/selector.ts";
import type { Self } from "../process/self.ts";
import type { ServerInfo } from "../server/events.ts";
import type { Connection } from "../server/handler.ts";
import type { ServerOptions } from "../server/options.ts";
import { type Server, startServer } from "../server/server.ts";
import type { SocketError } from "../tcp/error.ts";
import type { TcpMessage } from "../tcp/message.ts";
import { close, controllingProcess, engineOf } from "../tcp/socket.ts";
import { actorProcess } from "./actor-owner.ts";
import { checkCommand } from "./command.ts";
import { type AnySystem, createLogic, type LogicActor, type LogicSnapshotFields, type Running } from "./logic.ts";

/** The server listens: when it has begun to, and when it does again. */
export interface Listening {
  readonly type: "Listening";
  readonly address: string;
  readonly port: number;
}

/**
 * Somebody has connected. The socket belongs to the machine: it may use it, or give it to an actor of its own, as
 * `fromTcpSocket` takes it by `{ socket: event.connection.socket }`.
 */
export interface Accepted {
  readonly type: "Accepted";
  readonly connection: Connection;
}

/** What a server's actor is told: the methods of `Server`. `drain` waits at most `withinMs` milliseconds. */
export type ServerCommand =
  { readonly type: "suspend" } | { readonly type: "resume" } | { readonly type: "drain"; readonly withinMs: number };

export interface ServerContext {
  readonly readyState: "starting" | "listening" | "suspended" | "draining";
  /** Where it listens; empty and 0 before it does. */
  readonly address: string;
  readonly port: number;
}

export type ServerSnapshot = Snapshot<ServerInfo> & LogicSnapshotFields<ServerContext, ServerOptions>;

export type ServerLogic = ActorLogic<ServerSnapshot, ServerCommand, ServerOptions, AnySystem, Listening | Accepted>;

/** The error of an actor that could not listen. */
export class ListenFailure extends Error {
  readonly error: SocketError;

  /** @internal */
  constructor(error: SocketError) {
    super(`Cannot listen: ${error}`);
    this.name = "ListenFailure";
    this.error = error;
  }
}

/**
 * A TCP server as actor logic, with `startServer`'s options as its input: its actor tells the parent, and emits,
 * `Listening` and then `Accepted` for each connection, whose socket belongs to the parent. While that owns it, the
 * messages come to the parent by `selector` or as they are; like all packets they have to be asked for.
 *
 * A connection counts, for `maxConnections` too, until its socket is closed, whoever has it then. Stopping the actor,
 * which leaving the invoking state does, stops the server and closes the connections that it has accepted. The actor
 * is done after `drain`, with the server's counts; it is in error with a `ListenFailure`, or where the server fails.
 */
export function fromServer<M extends EventObject = TcpMessage>(selector?: Selector<M>): ServerLogic {
  return createLogic<ServerContext, ServerInfo, ServerCommand, ServerOptions, Listening | Accepted>({
    context: { readyState: "starting", address: "", port: 0 },
    start: (actor) => new ServerActor(actor, selector),
  });
}

type Actor = LogicActor<ServerContext, ServerInfo, ServerOptions, Listening | Accepted>;

class ServerActor implements Running<ServerCommand> {
  readonly #actor: Actor;
  readonly #selector: Selector<EventObject> | undefined;
  #server: Server | undefined;
  /** The commands that came while another was carried out, and before the server listened, wait for their turn. */
  #turn: Promise<void>;

  constructor(actor: Actor, selector: Selector<EventObject> | undefined) {
    this.#actor = actor;
    this.#selector = selector;
    const starting = startServer(actor.input, (connection, self) => this.#serve(connection, self), actor.runtime);
    this.#turn = starting.then((started) => {
      if (!started.ok) actor.fail(new ListenFailure(started.error));
      else this.#use(started.value);
    });
  }

  receive(command: ServerCommand): void {
    checkCommand("a server", command, commandTypes);
    this.#turn = this.#turn.then(async () => {
      if (this.#server !== undefined && this.#actor.isActive) await this.#obey(this.#server, command);
    });
  }

  end(): void {
    void this.#server?.stop();
  }

  #use(server: Server): void {
    if (!this.#actor.isActive) {
      void server.stop(); // it was stopped meanwhile
      return;
    }
    this.#server = server;
    server.process.onExit((reason) => {
      this.#hearEnd(reason);
    });
    this.#listens(server);
  }

  #listens({ address, port }: Server): void {
    this.#actor.update({ readyState: "listening", address, port });
    this.#actor.tell({ type: "Listening", address, port });
  }

  async #obey(server: Server, command: ServerCommand): Promise<void> {
    const { address, port } = server;
    switch (command.type) {
      case "suspend":
        await server.suspend();
        this.#actor.update({ readyState: "suspended", address, port });
        break;
      case "resume": {
        const resumed = await server.resume();
        if (resumed.ok) this.#listens(server);
        else this.#actor.fail(new ListenFailure(resumed.error));
        break;
      }
      case "drain":
        this.#actor.update({ readyState: "draining", address, port });
        await server.drain(command.withinMs);
    }
  }

  /** The process of one connection: it lasts as long as the socket does. */
  async #serve(connection: Connection, self: Self): Promise<void> {
    const { ref } = this.#actor;
    const { socket } = connection;
    self.onExit(() => void close(socket), "resource"); // whoever has it by then
    if (ref._parent !== undefined) controllingProcess(socket, actorProcess(ref._parent, this.#selector));
    this.#actor.tell({ type: "Accepted", connection });
    await engineOf(socket, "serve").closing;
  }

  #hearEnd(reason: ExitReason): void {
    if (this.#server === undefined) return;
    if (reason.type === "Abnormal") this.#actor.fail(reason.reason);
    else this.#actor.done(this.#server.info());
  }
}

const commandTypes = Object.keys({
  suspend: true,
  resume: true,
  drain: true,
} satisfies Record<ServerCommand["type"], true>);
