import { type ActorLogic, type ActorRefFrom, type EventObject, type Snapshot } from "xstate";
import { sizeOf } from "../framing/framing.ts";
import { ownerFromCallback } from "../process/callback-owner.ts";
import type { ExitReason } from "../process/exit.ts";
import type { Owner } from "../process/owner.ts";
import type { Runnable } from "../process/scheduler.ts";
import { type Lane, mapperFor, type Selector } from "../process/selector.ts";
import { err, type Result } from "../result.ts";
import type { SocketError } from "../tcp/error.ts";
import type { OwnedSocket, Socket, TcpMessage } from "../tcp/message.ts";
import { defaultSendQueueLimit } from "../tcp/options.ts";
import { tcpMessages } from "../tcp/select.ts";
import { keepUnsent } from "../tcp/lending.ts";
import { isRefusal } from "../tcp/send-queue.ts";
import {
  type BytesTree,
  controllingProcess,
  disarm,
  engineOf,
  piecesOf,
  receiveNextPacketAsMessage,
  sendNow,
  shutdown,
  shutdownWrite,
} from "../tcp/socket.ts";
import { connectEither, type TlsConnectionOptions } from "../tls/connect.ts";
import type { TlsClientOptions } from "../tls/options.ts";
import type { TlsServerContext } from "../tls/server-context.ts";
import { upgrade } from "../tls/upgrade.ts";
import { checkCommand } from "./command.ts";
import { ConnectFailure } from "./connect.ts";
import { type AnySystem, createLogic, type LogicActor, type LogicSnapshotFields, type Running } from "./logic.ts";
import { SendFailure, type SendId, type SendResult } from "./send-result.ts";
import { UpgradeFailure } from "./upgrade.ts";

/** The connection is there. Goes to the parent as it is, whatever the selector. */
export interface Connected {
  readonly type: "Connected";
}

/** The connection speaks TLS from here on, as it was told to. Goes to the parent as it is, whatever the selector. */
export interface Upgraded {
  readonly type: "Upgraded";
}

/**
 * What to connect to, with TLS where it says `tls`, or a socket that is there already: then the actor takes it over from
 * whoever owns it.
 */
export type TcpSocketInput = TlsConnectionOptions | { readonly socket: Socket };

/** What the actor is told: the functions of the same names. What comes before it is connected is done once it is. */
export type TcpSocketCommand =
  | {
      readonly type: "send";
      readonly data: BytesTree;
      /** Comes back in what `selectSendResults` takes. */
      readonly id?: SendId | undefined;
    }
  | { readonly type: "receiveNextPacketAsMessage" }
  | { readonly type: "disarm" }
  | { readonly type: "upgrade"; readonly tls: TlsClientOptions | TlsServerContext }
  | { readonly type: "shutdown" }
  | { readonly type: "shutdownWrite" };

/** Data, so that it can be persisted: whether there is a connection, and in the end why there is none. */
export type TcpSocketSnapshot = Snapshot<{ readonly reason: SocketError }> &
  LogicSnapshotFields<{ readonly readyState: "connecting" | "open" }, TcpSocketInput>;

/** What `fromTcpSocket` gives: logic that tells and emits `E`. */
export type TcpSocketLogic<E extends EventObject = TcpMessage | Connected | Upgraded> = ActorLogic<
  TcpSocketSnapshot,
  TcpSocketCommand,
  TcpSocketInput,
  AnySystem,
  E
>;

/** An actor of such logic, as it stands in a machine's context. */
export type TcpSocketRef<E extends EventObject = TcpMessage | Connected | Upgraded> = ActorRefFrom<TcpSocketLogic<E>>;

/**
 * A connection as actor logic. Its actor owns the socket, and tells its parent `Connected` and then the socket's
 * messages, by `selector` or as they are, one packet for each `receiveNextPacketAsMessage`: **a machine that does not
 * ask does not receive.** What it tells is emitted too. Name the machine's events, `fromTcpSocket<Events>(selector)`,
 * and a selector that gives others does not compile.
 *
 * The socket closes when the actor is stopped, that is when the invoking state is left, or when an actor above it ends.
 * It is done when the machine has been told `SocketClosed`, and when somebody else has closed the socket: its output says
 * how the stream ended. It is in error with a `ConnectFailure`, an `UpgradeFailure`, or a `SendFailure` where no
 * `selectSendResults` would hear of it; what else the selector does not take goes to `onDeadLetter`.
 *
 * A restored actor connects anew, where its input was data: ask for packets on `Connected`, as entry actions do not run
 * again.
 */
export function fromTcpSocket<M extends EventObject = TcpMessage>(
  selector?: Selector<M>,
): TcpSocketLogic<M | Connected | Upgraded> {
  const events = (selector ?? tcpMessages) as Selector<M>;
  return createLogic<
    { readonly readyState: "connecting" | "open" },
    { readonly reason: SocketError },
    TcpSocketCommand,
    TcpSocketInput,
    M | Connected | Upgraded
  >({
    context: { readyState: "connecting" },
    start: (actor) => new TcpSocketActor(actor, events),
  });
}

type Actor = LogicActor<
  { readonly readyState: "connecting" | "open" },
  { readonly reason: SocketError },
  TcpSocketInput,
  EventObject
>;

type SocketResult = Result<undefined, SocketError>;
type SendCommand = Extract<TcpSocketCommand, { readonly type: "send" }>;

class TcpSocketActor implements Running<TcpSocketCommand>, Runnable {
  readonly #actor: Actor;
  readonly #selector: Selector<EventObject>;
  readonly #owner: Owner & { exit(reason?: ExitReason): void };
  /** Whether `selectSendResults` waits for what becomes of the sends. */
  readonly #isAskedForResults: boolean;
  #socket: OwnedSocket | undefined;
  /** Commands that came before there was a socket. */
  #early: TcpSocketCommand[] = [];
  #earlyBytes = 0;
  /** Sends whose result is not known. */
  #sending = 0;
  /** Upgrades whose result is not known: more than one where the later is refused. */
  #upgrading = 0;
  #error: SocketError | undefined;
  /** The machine has been told `SocketClosed`: it is done as soon as every send and upgrade has its result. */
  #isClosed = false;

  constructor(actor: Actor, selector: Selector<EventObject>) {
    this.#actor = actor;
    this.#selector = selector;
    this.#isAskedForResults = mapperFor(selector, "sent", undefined, undefined) !== undefined;
    this.#owner = ownerFromCallback((message) => {
      this.#hear(message);
    }, actor.runtime);
    const input = actor.input as TcpSocketInput | undefined; // XState does not insist on one
    if (input !== undefined && "socket" in input) this.#takeOver(input.socket);
    else this.#connect(input);
  }

  receive(command: TcpSocketCommand): void {
    checkCommand("a socket", command, commandTypes);
    if (this.#socket === undefined) this.#keep(command);
    else this.#obey(this.#socket, command);
  }

  end(reason: ExitReason): void {
    this.#owner.exit(reason);
  }

  /** The socket is gone, and if nobody has said so yet, it was somebody else who closed it. */
  run(): void {
    this.#isClosed = true;
    this.#finishOnceClosed();
  }

  // ── before there is a socket ──

  #takeOver(socket: Socket): void {
    let own: OwnedSocket | undefined;
    // Not inside start, where the actor cannot be told yet; and before the messages that come along with the socket.
    this.#actor.runtime.scheduler.enqueue({
      run: () => {
        if (own !== undefined) this.#open(own);
      },
    });
    const taken = controllingProcess(socket, this.#owner);
    if (taken.ok) own = taken.value;
    else this.#actor.done({ reason: "Closed" });
  }

  #connect(options: TlsConnectionOptions | undefined): void {
    void connectEither({ ...(options as TlsConnectionOptions), owner: this.#owner }).then((connected) => {
      if (connected.ok) this.#open(connected.value);
      else this.#failToConnect(new ConnectFailure(connected.error));
    });
  }

  #keep(command: TcpSocketCommand): void {
    if (command.type !== "send") {
      this.#early.push(command);
      return;
    }
    const pieces = piecesOf(command.data); // they may be changed before they are sent
    const byteSize = sizeOf(pieces);
    if (this.#earlyBytes + byteSize > this.#earlyLimit) this.#follow(command.id, err("Enobufs"));
    else {
      keepUnsent(pieces);
      this.#earlyBytes += byteSize;
      this.#early.push({ ...command, data: pieces });
    }
  }

  get #earlyLimit(): number {
    const { sendQueueLimit } = this.#actor.input as Partial<TlsConnectionOptions>;
    return sendQueueLimit ?? defaultSendQueueLimit;
  }

  #open(socket: OwnedSocket): void {
    if (!this.#actor.isActive) return;
    this.#socket = socket;
    void engineOf(socket, "own").gone.then(() => {
      this.#actor.runtime.scheduler.enqueue(this); // behind a `SocketClosed` that is on its way
    });
    this.#actor.update({ readyState: "open" });
    try {
      for (const command of this.#early.splice(0)) this.#obey(socket, command);
    } catch (error) {
      this.#actor.fail(error);
    }
    this.#actor.tell({ type: "Connected" });
  }

  #failToConnect(failure: ConnectFailure): void {
    for (const command of this.#early.splice(0)) if (command.type === "send") this.#sent(command.id, err("Closed"));
    this.#actor.fail(failure);
  }

  // ── while there is one ──

  #obey(socket: OwnedSocket, command: TcpSocketCommand): void {
    switch (command.type) {
      case "send":
        this.#send(socket, command);
        break;
      case "receiveNextPacketAsMessage":
        receiveNextPacketAsMessage(socket);
        break;
      case "disarm":
        disarm(socket);
        break;
      case "upgrade":
        this.#upgrade(socket, command.tls);
        break;
      case "shutdown":
        void shutdown(socket);
        break;
      case "shutdownWrite":
        void shutdownWrite(socket);
        break;
      default:
        command satisfies never;
    }
  }

  #upgrade(socket: OwnedSocket, tls: TlsClientOptions | TlsServerContext): void {
    const upgrading = upgrade(socket, tls);
    this.#upgrading++;
    void upgrading.then((result) => {
      this.#upgrading--;
      if (result.ok) this.#actor.tell({ type: "Upgraded" });
      else this.#actor.fail(new UpgradeFailure(result.error));
      this.#finishOnceClosed();
    });
  }

  #send(socket: OwnedSocket, { data, id }: SendCommand): void {
    const sending = sendNow(socket, data);
    if (sending instanceof Promise || !sending.ok || this.#isAskedForResults) this.#follow(id, sending);
  }

  /** Tells what has become of a send, never inside the command. */
  #follow(id: SendId | undefined, sending: Promise<SocketResult> | SocketResult): void {
    this.#sending++;
    void Promise.resolve(sending).then((result) => {
      this.#sending--;
      this.#sent(id, result);
      this.#finishOnceClosed();
    });
  }

  #sent(id: SendId | undefined, result: SocketResult): void {
    if (this.#isAskedForResults) {
      const told: SendResult = result.ok ? { type: "Sent", id } : { type: "SendFailed", id, error: result.error };
      this.#tell("sent", undefined, told);
    } else if (!result.ok && isRefusal(result.error)) {
      this.#actor.fail(new SendFailure(result.error)); // otherwise the connection is over, and its end says so
    }
  }

  #hear(message: TcpMessage): void {
    this.#tell("socket", message.socket, message);
    if (message.type === "TcpError") this.#error = message.error;
    if (message.type !== "SocketClosed") return;
    this.#isClosed = true;
    this.#finishOnceClosed();
  }

  #tell(lane: Lane, key: object | undefined, message: TcpMessage | SendResult): void {
    const { ref, runtime } = this.#actor;
    const mapper = mapperFor(this.#selector, lane, key, message);
    if (mapper === undefined) {
      runtime.deadLetter({ message, to: `actor ${ref.id}`, why: "Unmatched" });
      return;
    }
    try {
      this.#actor.tell(mapper(message) as EventObject);
    } catch (error) {
      this.#actor.fail(error);
    }
  }

  #finishOnceClosed(): void {
    if (this.#isClosed && this.#sending === 0 && this.#upgrading === 0)
      this.#actor.done({ reason: this.#error ?? "Closed" });
  }
}

const commandTypes = Object.keys({
  send: true,
  receiveNextPacketAsMessage: true,
  disarm: true,
  upgrade: true,
  shutdown: true,
  shutdownWrite: true,
} satisfies Record<TcpSocketCommand["type"], true>);
