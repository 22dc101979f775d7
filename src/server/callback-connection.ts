import { ActorLoop, type Handler as ActorHandler } from "../otp/actor-loop.ts";
import { continueWith, type Next, nextValue, stop } from "../otp/next.ts";
import { type Begun, start, type Started, type StartError } from "../otp/start.ts";
import { Deadline, type Waiter } from "../process/alarm.ts";
import type { ExitReason } from "../process/exit.ts";
import { ExitListener } from "../process/exit-listener.ts";
import type { Address } from "../process/mailbox-subject.ts";
import { attach, ownerItself } from "../process/owner.ts";
import { type Host, runtimeEngine } from "../process/runtime.ts";
import { newSelector } from "../process/selector.ts";
import type { Self } from "../process/self.ts";
import { isThenable } from "../process/thenable.ts";
import type { Result } from "../result.ts";
import type { SocketError } from "../tcp/error.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import type { TcpMessage } from "../tcp/message.ts";
import { selectTcpMessagesFrom } from "../tcp/select.ts";
import type { SendResult } from "../tcp/send-queue.ts";
import { abort, type BytesTree, receiveNextPacketAsMessage, sendNow } from "../tcp/socket.ts";
import type { TlsServerContext } from "../tls/server-context.ts";
import type { ConnectionHandler, ConnectionInit } from "./handler.ts";
import { type Drained, type Serving, startOptionsOf } from "./serving.ts";

/** What the server says to a connection's actor, and the actor to itself. */
type Notice = "ReadTimeout" | "Drain";

/** What comes to a connection's actor: from its socket, from the handler's selector, or a notice. */
type Incoming =
  | { readonly from: "Socket"; readonly message: TcpMessage }
  | { readonly from: "Selector"; readonly message: unknown }
  | { readonly from: "Server"; readonly message: Notice };

type Step = Next<unknown, unknown>;

/** A handler whose types have done their work. */
type Handler = ConnectionHandler<unknown, unknown>;

/** @internal Serves a connection by an actor that calls `handler`. */
export function startCallbackConnection(
  serving: Serving,
  handler: Handler,
  host: Host,
): Promise<Result<Started<undefined>, StartError>> {
  return start<undefined, never>(host, startOptionsOf(serving), (self) =>
    new CallbackConnection(serving, handler).begin(self),
  );
}

// Functions of the whole file: each connection has a selector that uses them.
const fromSelector = (message: unknown): Incoming => ({ from: "Selector", message });
const fromServer = (message: Notice): Incoming => ({ from: "Server", message });
const fromSocket = (message: TcpMessage): Incoming => ({ from: "Socket", message });

/** The actor's own part: it asks for packets, replies, keeps the time, and says why it was over. */
class CallbackConnection extends ExitListener implements ActorHandler, Drained, Waiter {
  readonly #serving: Serving;
  readonly #handler: Handler;
  /** Where the address for notices is. */
  #notices: Address | undefined;
  /** Where there is a time for it. */
  #reading: Deadline | undefined;
  /** As of the last message, for `onClose`. */
  #state: unknown;
  #error: SocketError | undefined;

  constructor(serving: Serving, handler: Handler) {
    super();
    this.#serving = serving;
    this.#handler = handler;
  }

  async begin(self: Self): Promise<Begun<undefined>> {
    this.#serving.giveTo(self);
    await this.#serving.meetPeer(runtimeEngine(self.runtime));
    const { connection } = this.#serving;
    const { state, selector = newSelector() } = await this.#init(self);
    this.#state = state;
    const notices = self.newSubject<Notice>();
    this.#notices = notices as unknown as Address;
    const { readTimeoutMs } = this.#serving.settings;
    if (readTimeoutMs !== Infinity) this.#reading = new Deadline(runtimeEngine(self.runtime).alarms, this);
    this.#serving.drained = this;
    if (connection.draining.aborted) this.drain(); // it has begun to while this began
    attach(ownerItself(self), this);
    const incoming = selectTcpMessagesFrom(
      selector.map(fromSelector).selectMap(notices, fromServer),
      connection.socket,
      fromSocket,
    );
    this.#ask();
    return { data: undefined, run: () => new ActorLoop(self, state, incoming, this).loop };
  }

  drain(): void {
    this.#tell("Drain");
  }

  /** However full the mailbox is. */
  #tell(notice: Notice): void {
    this.#notices?.put(notice);
  }

  passDeadline(): void {
    this.#tell("ReadTimeout");
  }

  /** A connection that cannot be served is reset: a clean end would say that all was well. */
  async #init(self: Self): Promise<ConnectionInit<unknown, unknown>> {
    const { connection } = this.#serving;
    try {
      return await this.#handler.init(connection, self);
    } catch (error) {
      abort(connection.socket);
      throw error;
    }
  }

  onMessage(state: unknown, incoming: Incoming, self: Self): Step | PromiseLike<Step> {
    const { connection } = this.#serving;
    switch (incoming.from) {
      case "Selector":
        return this.#finish(
          this.#handler.onMessage?.(state, incoming.message, connection, self) ?? continueWith(state),
        );
      case "Server":
        if (incoming.message === "ReadTimeout") return this.#stopFor("Timeout");
        return this.#finish(this.#handler.onDrain?.(state, connection, self) ?? continueWith(state));
      case "Socket":
        return this.#handleSocket(state, incoming.message, self);
    }
  }

  #handleSocket(state: unknown, message: TcpMessage, self: Self): Step | PromiseLike<Step> {
    this.#reading?.stop();
    switch (message.type) {
      case "Packet":
        return this.#finish(this.#handler.onPacket(state, message.data, this.#serving.connection, self), "AskAgain");
      case "TcpError":
        this.#error = message.error;
        return continueWith(state);
      case "SocketClosed":
        return this.#stopFor(this.#error ?? "Closed");
    }
  }

  #finish(step: Step | PromiseLike<Step>, then?: "AskAgain"): Step | PromiseLike<Step> {
    return isThenable(step) ? step.then((later) => this.#goOn(later, then)) : this.#goOn(step, then);
  }

  #goOn(step: Step, then: "AskAgain" | undefined): Step | PromiseLike<Step> {
    const value = nextValue(step);
    if (value === undefined) return step; // the actor says what it is
    if (value.upgrade !== undefined && then === undefined) {
      // What was asked for may be in the mailbox already, in plain text.
      throw new Error("Cannot upgrade a connection but by what onPacket returns");
    }
    if (value.reply !== undefined) return this.#reply(value.reply as BytesTree, step, then);
    return this.#replied(step, then);
  }

  #reply(data: BytesTree, step: Step, then: "AskAgain" | undefined): Step | Promise<Step> {
    const goOn = (sent: SendResult): Step | Promise<Step> =>
      sent.ok ? this.#replied(step, then) : this.#stopFor(sent.error);
    const sending = sendNow(this.#serving.connection.socket, data);
    return sending instanceof Promise ? sending.then(goOn) : goOn(sending);
  }

  #replied(step: Step, then: "AskAgain" | undefined): Step | Promise<Step> {
    const context = nextValue(step)?.upgrade as TlsServerContext | undefined; // as `withUpgrade` has put it there
    return context === undefined ? this.#settle(step, then) : this.#upgrade(context, step, then);
  }

  async #upgrade(context: TlsServerContext, step: Step, then: "AskAgain" | undefined): Promise<Step> {
    const upgraded = await this.#serving.upgrade(context);
    return upgraded.ok ? this.#settle(step, then) : this.#stopFor(upgraded.error);
  }

  #settle(step: Step, then: "AskAgain" | undefined): Step {
    const value = nextValue(step);
    if (value?.type !== "Continue") return step;
    this.#state = value.value;
    // Closed by the handler itself: nothing will ever come.
    return then === undefined || this.#ask() ? step : this.#stopFor("Closed");
  }

  /** Says false where no packet can come any more. */
  #ask(): boolean {
    const asked = receiveNextPacketAsMessage(this.#serving.connection.socket);
    if (asked.ok) this.#reading?.start(this.#serving.settings.readTimeoutMs);
    return asked.ok;
  }

  #stopFor(reason: SocketError | TlsError): Step {
    this.#serving.closeReason ??= reason;
    return stop();
  }

  /** Its process has ended, and the socket with it. */
  hear(exitReason: ExitReason): void {
    this.#reading?.dispose();
    this.#serving.drained = undefined;
    const report = (reason: unknown): void => {
      this.#reportClosing(reason);
    };
    try {
      const closing = this.#handler.onClose?.(this.#state, this.#serving.closeReason ?? exitReason);
      if (isThenable(closing)) closing.then(undefined, report);
    } catch (error) {
      report(error);
    }
  }

  #reportClosing(reason: unknown): void {
    const { connection, settings } = this.#serving;
    settings.onEvent({ type: "CloseFailed", connection, reason });
  }
}
