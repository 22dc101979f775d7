import type { ActorLogic, EventObject, Snapshot } from "xstate";
import { checkDelay } from "../process/clock.ts";
import { type ExitReason, ExitSignal } from "../process/exit.ts";
import type { Selector } from "../process/selector.ts";
import type { Self } from "../process/self.ts";
import type { ServerInfo } from "../server/events.ts";
import type { Connection } from "../server/handler.ts";
import type { ServerOptions } from "../server/options.ts";
import { type Server, startServer } from "../server/server.ts";
import { describeError, type SocketError } from "../tcp/error.ts";
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

/** A connection that was accepted is over, whoever had it: its socket is closed. */
export interface ConnectionClosed {
  readonly type: "ConnectionClosed";
  readonly connection: Connection;
}

/** A server that was to `resume` could not listen. It is suspended still. */
export interface ListenFailed {
  readonly type: "ListenFailed";
  readonly error: SocketError;
}

/** What a server's actor tells its parent, and emits. */
export type ServerMessage = Listening | Accepted | ConnectionClosed | ListenFailed;

/** What a server's actor is told: the methods of `Server`. `drain` waits at most `withinMs` milliseconds. */
export type ServerCommand =
  { readonly type: "suspend" } | { readonly type: "resume" } | { readonly type: "drain"; readonly withinMs: number };

/** What a server's actor is at. */
export interface ServerContext {
  readonly readyState: "starting" | "listening" | "suspended" | "draining";
  /** Where it listens; empty and 0 before it does. */
  readonly address: string;
  readonly port: number;
}

/** Data, so that it can be persisted; in the end the server's counts. */
export type ServerSnapshot = Snapshot<ServerInfo> & LogicSnapshotFields<ServerContext, ServerOptions>;

/** What `fromServer` gives. */
export type ServerLogic = ActorLogic<ServerSnapshot, ServerCommand, ServerOptions, AnySystem, ServerMessage>;

/** The error of an actor that could not listen. */
export class ListenFailure extends Error {
  readonly error: SocketError;

  /** @internal */
  constructor(error: SocketError) {
    super(`cannot listen: ${describeError(error)}`);
    this.name = "ListenFailure";
    this.error = error;
  }
}

/**
 * A TCP server as actor logic, with `startServer`'s options as its input: its actor tells the parent, and emits,
 * `Listening` and then, for each connection, `Accepted` and at its end `ConnectionClosed`. The socket belongs to the parent:
 * while that owns it, the messages come to it by `selector` or as they are; like all packets they have to be asked for.
 * Name the machine's events, `fromServer<Events>(selector)`, and a selector that gives others does not compile.
 *
 * A connection counts, for `maxConnections` too, until its socket is closed, whoever has it then. Stopping the actor,
 * which leaving the invoking state does, stops the server and closes the connections that it has accepted. The actor
 * is done after `drain`, with the server's counts. It is in error with a `ListenFailure` where it cannot listen to begin
 * with, and where the server fails.
 *
 * With `tls` in its input, `Accepted` comes when hands are shaken. The input is part of a persisted snapshot: options of
 * TLS put the private key there, and a context of `newServerContext`, which gives it to nobody, cannot be restored.
 */
export function fromServer<M extends EventObject = TcpMessage>(selector?: Selector<M>): ServerLogic {
  return createLogic<ServerContext, ServerInfo, ServerCommand, ServerOptions, ServerMessage>({
    context: { readyState: "starting", address: "", port: 0 },
    start: (actor) => new ServerActor(actor, selector),
  });
}

type Actor = LogicActor<ServerContext, ServerInfo, ServerOptions, ServerMessage>;

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
    this.#turn = this.#orFail(
      starting.then((started) => {
        if (!started.ok) actor.fail(new ListenFailure(started.error));
        else this.#use(started.value);
      }),
    );
  }

  receive(command: ServerCommand): void {
    checkCommand("a server", command, commandTypes);
    if (command.type === "drain") checkDelay("drain", "withinMs", command.withinMs);
    this.#turn = this.#orFail(
      this.#turn.then(async () => {
        if (this.#server !== undefined && this.#actor.isActive) await this.#obey(this.#server, command);
      }),
    );
  }

  /** What nobody else would hear of is the actor's error. */
  #orFail(turn: Promise<void>): Promise<void> {
    return turn.catch((error: unknown) => {
      this.#actor.fail(error);
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
      this.#hearEnd(server, reason);
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
        else this.#actor.tell({ type: "ListenFailed", error: resumed.error });
        break;
      }
      case "drain":
        this.#actor.update({ readyState: "draining", address, port });
        void this.#orFail(server.drain(command.withinMs)); // its end is the actor's; another may be shorter
    }
  }

  /** The process of one connection: it lasts as long as the socket does. */
  async #serve(connection: Connection, self: Self): Promise<void> {
    const { ref } = this.#actor;
    const { socket } = connection;
    self.onExit(() => {
      void close(socket); // whoever has it by then
      this.#actor.tell({ type: "ConnectionClosed", connection });
    }, "resource");
    if (ref._parent !== undefined) controllingProcess(socket, actorProcess(ref._parent, this.#selector));
    this.#actor.tell({ type: "Accepted", connection });
    await engineOf(socket, "serve").gone;
  }

  #hearEnd(server: Server, reason: ExitReason): void {
    if (reason.type === "Abnormal") this.#actor.fail(reason.reason);
    else if (reason.type === "Killed") this.#actor.fail(new ExitSignal(reason));
    else this.#actor.done(server.info());
  }
}

const commandTypes = Object.keys({
  suspend: true,
  resume: true,
  drain: true,
} satisfies Record<ServerCommand["type"], true>);
