import { inspect } from "node:util";
import { backoffMs } from "../otp/backoff.ts";
import { start, type Started, type StartError } from "../otp/start.ts";
import { Alarm, type Alarms } from "../process/alarm.ts";
import { checkDelay } from "../process/clock.ts";
import { Normal } from "../process/exit.ts";
import { MessageLoop } from "../process/message-loop.ts";
import { type Process, processEngine } from "../process/process.ts";
import { type Host, runtimeEngine } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";
import { valueText } from "../process/value-text.ts";
import type { Result } from "../result.ts";
import type { SocketError } from "../tcp/error.ts";
import type { OwnedSocket, TcpMessage } from "../tcp/message.ts";
import { tcpMessages } from "../tcp/select.ts";
import { isRefusal } from "../tcp/send-queue.ts";
import { abort, type BytesTree, close, engineOf, piecesOf, receiveNextPacketAsMessage } from "../tcp/socket.ts";
import { connectEither } from "../tls/connect.ts";
import type { DisconnectReason, ReconnectMessage, RequestFailure } from "./messages.ts";
import { checkReconnectOptions, type Heartbeat, type ReconnectOptions, type ReconnectSettings } from "./options.ts";
import { Backlog, InFlight, Request } from "./requests.ts";
import { Sessions } from "./sessions.ts";

/** A connection that comes back. What it is told it does at once; what it says comes to its subscriber. */
export interface ReconnectingConnection extends AsyncDisposable {
  /** Owns the socket. It ends normally when the connection is closed or has given up. */
  readonly process: Process;
  readonly state: "connecting" | "handshaking" | "connected" | "waiting" | "over";
  /**
   * Sends, in the order of the calls; while there is no connection, it waits for one. Resolves when it has been accepted
   * by the socket, as `send` of `tankard`: once, and what was accepted is never sent again.
   */
  send(data: BytesTree): Promise<Result<undefined, RequestFailure>>;
  /**
   * As `send`, and gives the answer: the peer answers in order, a packet each (`packet` of `ConnectionOptions`). Of a peer
   * that says other things too, `isAnswer` has to tell which are answers: otherwise the next packet that is read is one.
   * When the connection ends, calls that were sent fail at once, and are not sent again.
   *
   * @throws RangeError for a negative time
   */
  call(data: BytesTree, withinMs: number): Promise<Result<Buffer, RequestFailure>>;
  /** Lets the next packet that answers no call come to the subscriber; asking outlasts a connection. */
  receiveNextPacketAsMessage(): void;
  /** Connects anew, now: instead of waiting, or by cutting what there is. Failures count from 1 again. */
  reconnectNow(): void;
  /**
   * Ends it: what was sent still leaves, what waits fails. Where packets wait that nobody has asked for it is a reset, as
   * with `close` of any socket. Resolves when the socket is closed. No message follows.
   */
  close(): Promise<void>;
}

/**
 * Starts a connection that comes back: its process owns the socket, connects, and when the connection ends connects
 * again, after a while that grows with each failure. It tells its subscriber `Connected`, `Disconnected`, each `Packet`
 * that was asked for, and `GaveUp`. It has begun to connect when this resolves, and needs not have succeeded.
 *
 * On a `Self` it is linked to that process. Its own process is an ordinary child for a supervisor.
 *
 * Of packets that nobody has asked for it holds one; the others wait in the socket and in the kernel, and the end of the
 * stream behind them. So who is pushed to has to ask, or the end shows only when a send fails or by a heartbeat that is a
 * call.
 *
 * @throws TypeError or RangeError for options that no connection can have
 */
export function startReconnecting(
  options: ReconnectOptions,
  host?: Host,
): Promise<Result<Started<ReconnectingConnection>, StartError>> {
  const settings = checkReconnectOptions(options);
  return start<ReconnectingConnection, never>(host, { initTimeoutMs: Infinity }, (self) => {
    const engine = new ReconnectingEngine(self, settings);
    return { data: engine, run: () => engine.run() };
  });
}

/** Where it is. Whatever comes late holds the state that it belongs to, and is dropped where that has passed. */
type State =
  | { readonly phase: "connecting"; readonly controller: AbortController }
  | { readonly phase: "handshaking"; readonly socket: OwnedSocket }
  | { readonly phase: "connected"; readonly socket: OwnedSocket }
  | { readonly phase: "waiting" }
  | { readonly phase: "over" };

/** Packets that answer no call may wait while calls do; beyond these, calls wait for whoever should ask. */
const mostHeld = 1_024;

class ReconnectingEngine implements ReconnectingConnection {
  readonly #self: Self;
  readonly #settings: ReconnectSettings;
  readonly #alarms: Alarms;
  readonly #backlog: Backlog;
  readonly #inFlight = new InFlight();
  readonly #sessions = new Sessions();
  #state: State = { phase: "waiting" };
  /** Failures in a row. */
  #failures = 0;
  /** Attempts so far: which of the hosts is next. */
  #attempts = 0;
  /** Packets that nobody has asked for. */
  #held: Buffer[] = [];
  #isAskedFor = false;
  #isArmed = false;
  #lastError: SocketError | undefined;
  #closing: Promise<void> = Promise.resolve();

  /** What the state waits for: the next attempt, the end of the handshake's time, or that the connection is stable. */
  readonly #patience: Alarm = new Alarm(() => {
    this.#passPatience();
  });
  readonly #beat: Alarm = new Alarm(() => {
    this.#passBeat();
  });
  #isBeating = false;
  #isStable = false;

  constructor(self: Self, settings: ReconnectSettings) {
    this.#self = self;
    this.#settings = settings;
    this.#alarms = runtimeEngine(self.runtime).alarms;
    this.#backlog = new Backlog(settings.queueLimit, settings.overflow);
    self.onExit(() => {
      this.#end();
    }, "resource");
  }

  /** The function of its process. */
  run(): MessageLoop {
    const loop = new MessageLoop(processEngine(this.process), tcpMessages, {
      handle: (message) => {
        this.#hear(message as TcpMessage);
      },
    });
    this.#connect();
    return loop;
  }

  // ── what it is told ──

  get process(): Process {
    return this.#self.process;
  }

  get state(): State["phase"] {
    return this.#state.phase;
  }

  send(data: BytesTree): Promise<Result<undefined, RequestFailure>> {
    return this.#request(data, undefined);
  }

  call(data: BytesTree, withinMs: number): Promise<Result<Buffer, RequestFailure>> {
    checkDelay("call", "withinMs", withinMs);
    return this.#request(data, withinMs);
  }

  receiveNextPacketAsMessage(): void {
    this.#isAskedFor = true;
    this.#handOver();
    this.#ask();
  }

  reconnectNow(): void {
    if (this.#state.phase === "over") return;
    this.#failures = 0;
    if (this.#state.phase === "waiting") this.#connect();
    else this.#lose({ type: "Asked" }, "at once");
  }

  async close(): Promise<void> {
    this.#end();
    this.#self.exit(Normal);
    await this.#closing;
  }

  #request(data: BytesTree, withinMs: number | undefined): Promise<Result<never, RequestFailure>> {
    const pieces = piecesOf(data);
    return new Promise((settle) => {
      const request = new Request(pieces, withinMs, this.#alarms, settle);
      if (this.#state.phase === "connected") {
        this.#transmit(this.#state.socket, request);
        this.#ask();
      } else if (this.#state.phase === "over") request.fail({ type: "Closed" });
      else this.#backlog.add(request);
    });
  }

  // ── its states ──

  #connect(): void {
    const { to } = this.#settings;
    const controller = new AbortController();
    const state = this.#enter({ phase: "connecting", controller });
    const place = this.#attempts++ % to.length;
    const where = this.#sessions.resume(to[place] ?? to[0]);
    // An answer is the caller's to keep, and it is not the caller who asks for more.
    void connectEither({ ...where, reuseBuffers: false, owner: this.#self, signal: controller.signal }).then(
      (result) => {
        if (this.#state !== state) {
          if (result.ok) abort(result.value); // nobody waits for it any more
        } else if (result.ok) this.#shakeHands(result.value);
        else this.#lose({ type: "ConnectFailed", error: result.error });
      },
    );
  }

  #shakeHands(socket: OwnedSocket): void {
    const { handshake, handshakeTimeoutMs } = this.#settings;
    if (handshake === undefined) {
      this.#goOnline(socket);
      return;
    }
    const state = this.#enter({ phase: "handshaking", socket });
    this.#alarms.set(this.#patience, this.#alarms.clock.now() + handshakeTimeoutMs);
    void attempt(() => handshake(socket, this.#self)).then((result) => {
      if (this.#state !== state) return;
      if (result.ok) this.#goOnline(socket);
      else this.#lose({ type: "HandshakeFailed", error: result.error });
    });
  }

  #goOnline(socket: OwnedSocket): void {
    const state = this.#enter({ phase: "connected", socket });
    this.#alarms.set(this.#patience, this.#alarms.clock.now() + this.#settings.stableAfterMs);
    this.#startBeat();
    this.#tell({ type: "Connected", connection: this, attempt: this.#failures + 1 });
    // One at a time: whoever hears of this may end it.
    while (this.#state === state) {
      const request = this.#backlog.takeFirst();
      if (request === undefined) break;
      this.#transmit(socket, request);
    }
    this.#handOver();
    this.#ask();
  }

  /** An attempt has failed, or the connection is over. */
  #lose(reason: DisconnectReason, when?: "at once"): void {
    const { maxAttempts, backoff } = this.#settings;
    // That a stable connection has ended is no failed attempt, nor that somebody wanted it to.
    if (when === undefined && !this.#isStable) this.#failures++;
    const hasGivenUp = this.#failures >= maxAttempts;
    const nextAttemptMs = when === undefined ? backoffMs(backoff, Math.max(1, this.#failures)) : 0;
    if ("socket" in this.#state) abort(this.#state.socket); // what is queued is for a peer that is not there
    this.#enter({ phase: "waiting" });
    this.#inFlight.failAll({ type: "Disconnected", reason });
    if (hasGivenUp) {
      const attempts = this.#failures;
      this.#end();
      this.#tell({ type: "GaveUp", connection: this, reason, attempts });
      this.#self.exit(Normal);
      return;
    }
    this.#alarms.set(this.#patience, this.#alarms.clock.now() + nextAttemptMs);
    this.#tell({ type: "Disconnected", connection: this, reason, nextAttemptMs });
  }

  /** Leaves the state that it is in, with all that belongs to that. */
  #enter(state: State): State {
    const left = this.#state;
    this.#state = state;
    this.#isStable = false;
    this.#alarms.clear(this.#patience);
    this.#alarms.clear(this.#beat);
    if (left.phase === "connecting") left.controller.abort();
    if ("socket" in left && !("socket" in state)) {
      this.#sessions.keep(left.socket);
      this.#closing = close(left.socket);
      this.#held = [];
      this.#isArmed = false;
      this.#lastError = undefined;
    }
    return state;
  }

  #end(): void {
    if (this.#state.phase === "over") return;
    this.#enter({ phase: "over" });
    this.#inFlight.failAll({ type: "Closed" });
    this.#backlog.failAll({ type: "Closed" });
  }

  #passPatience(): void {
    if (this.#state.phase === "waiting") this.#connect();
    else if (this.#state.phase === "handshaking") this.#lose({ type: "HandshakeTimeout" });
    else {
      this.#isStable = true;
      this.#failures = 0;
    }
  }

  // ── while there is a connection ──

  #transmit(socket: OwnedSocket, request: Request): void {
    if (request.isCall) this.#inFlight.add(request);
    const sending = engineOf(socket, "send").sendNow(request.pieces);
    const hear = (sent: Result<undefined, SocketError>): void => {
      this.#hearSent(socket, request, sent);
    };
    if (sending instanceof Promise) void sending.then(hear);
    else hear(sending);
  }

  #hearSent(socket: OwnedSocket, request: Request, sent: Result<undefined, SocketError>): void {
    if (!sent.ok) {
      this.#inFlight.remove(request);
      request.fail({ type: "SendFailed", error: sent.error });
      this.#hearFailure(socket, sent.error);
    } else if (!request.isCall) request.fulfil();
  }

  /** A send has failed: unless it was refused, the connection is over. */
  #hearFailure(socket: OwnedSocket, error: SocketError): void {
    if (isRefusal(error) || this.#state.phase !== "connected" || this.#state.socket !== socket) return;
    this.#lose({ type: "ConnectionLost", error });
  }

  /** Reads on, where somebody wants what comes, or nothing is held: who does not read does not notice the end. */
  #ask(): void {
    if (this.#state.phase !== "connected" || this.#isArmed) return;
    const isAwaited = this.#held.length === 0 || (!this.#inFlight.isEmpty && this.#held.length < mostHeld);
    if (!isAwaited) return;
    this.#isArmed = receiveNextPacketAsMessage(this.#state.socket).ok;
    if (!this.#isArmed) this.#lose({ type: "ConnectionLost", error: "Closed" }); // the handshake has seen the end
  }

  #hear(message: TcpMessage): void {
    // Only the socket of now: an old one's messages are nobody's.
    if (!("socket" in this.#state) || message.socket !== this.#state.socket) return;
    switch (message.type) {
      case "Packet":
        this.#isArmed = false;
        this.#take(message.data);
        this.#startBeat();
        this.#ask();
        break;
      case "TcpError":
        this.#lastError = message.error;
        break;
      case "SocketClosed":
        this.#lose({ type: "ConnectionLost", error: this.#lastError ?? "Closed" });
    }
  }

  #take(data: Buffer): void {
    if (!this.#inFlight.isEmpty && this.#settings.isAnswer(data)) this.#inFlight.answer(data);
    else {
      this.#held.push(data);
      this.#handOver();
    }
  }

  #handOver(): void {
    if (!this.#isAskedFor || this.#state.phase !== "connected") return;
    const data = this.#held.shift();
    if (data === undefined) return;
    this.#isAskedFor = false;
    this.#tell({ type: "Packet", connection: this, data });
  }

  // ── heartbeat ──

  /** Something has come: the peer lives. */
  #startBeat(): void {
    const { heartbeat } = this.#settings;
    this.#isBeating = false;
    if (heartbeat !== undefined) this.#alarms.set(this.#beat, this.#alarms.clock.now() + heartbeat.everyMs);
  }

  #passBeat(): void {
    const { heartbeat } = this.#settings;
    if (heartbeat === undefined || this.#state.phase !== "connected") return;
    if (!this.#isArmed && heartbeat.isCall !== true)
      this.#startBeat(); // nobody reads what the peer says
    else if (this.#isBeating) this.#lose({ type: "PeerSilent" });
    else {
      this.#isBeating = true;
      this.#sendBeat(this.#state.socket, heartbeat);
      this.#alarms.set(this.#beat, this.#alarms.clock.now() + heartbeat.withinMs);
    }
  }

  /** That it cannot be sent shows in the silence. */
  #sendBeat(socket: OwnedSocket, { data, isCall = false }: Heartbeat): void {
    const beat = new Request(piecesOf(data), isCall ? Infinity : undefined, this.#alarms, () => undefined);
    this.#transmit(socket, beat);
    this.#ask();
  }

  // ── what it says ──

  #tell(message: ReconnectMessage): void {
    this.#settings.subscriber.trySend(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  toJSON(): object {
    return { type: "ReconnectingConnection", state: this.state };
  }

  [inspect.custom](): string {
    return `ReconnectingConnection { state: "${this.state}" }`;
  }
}

/** A handshake that throws has failed. */
async function attempt(shake: () => PromiseLike<Result<unknown, unknown>>): Promise<Result<unknown, unknown>> {
  try {
    const result: unknown = await shake();
    if (typeof result === "object" && result !== null && "ok" in result) return result as Result<unknown, unknown>;
    throw new TypeError(`Cannot shake hands: handshake must give a Result, received ${valueText(result)}`);
  } catch (error) {
    return { ok: false, error };
  }
}
