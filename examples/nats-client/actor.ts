// The client as an actor: it keeps the subscriptions and the requests, and hears what a connection says that comes back.
// All that is asked of it comes by its mailbox, so it is done in order.

import { type BytesTree, err, newSelector, ok, type ReplySubject, type Self } from "tankard";
import { type Subject, subjectOwner, unwrap } from "tankard";
import { continueWith, type Initialised, type Next, stop } from "tankard/otp";
import { type ReconnectingConnection, type ReconnectMessage, startReconnecting } from "tankard/reconnect";
import type { ReconnectOptions, RequestFailure } from "tankard/reconnect";
import { PING, PONG, type Publication, publishCommand, subscribeCommand } from "./commands.ts";
import { MOST_LINE_BYTES, natsOperations } from "./framing.ts";
import { type Credentials, shakeHands } from "./handshake.ts";
import type { Answer, NatsFailure, NatsMessage, NatsNews, Published } from "./messages.ts";
import { DEFAULT_MAX_PAYLOAD, isPong, parseOperation } from "./operations.ts";
import { Requests } from "./requests.ts";
import { Subscriptions } from "./subscriptions.ts";

/** Where the server is, and how patient the client is. */
export interface NatsOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials?: Credentials | undefined;
  /** Hears of the connection. Default: nobody. */
  readonly news?: Subject<NatsNews> | undefined;
  /** Bytes of the largest message that is taken, where a server allows for more than others. Default 1048576. */
  readonly maxPayload?: number | undefined;
  /** Milliseconds of silence after which the server has to answer a PING, and in which it has to. Default 30000 and 5000. */
  readonly heartbeat?: { readonly everyMs: number; readonly withinMs: number } | undefined;
  /** Default: 100 milliseconds to 30 seconds. */
  readonly backoff?: ReconnectOptions["backoff"];
}

/** Told what has become of what was asked for. */
type Reply = Subject<Published>;

/** What is asked of it. */
export type Command =
  | { readonly type: "Publish"; readonly publication: Publication; readonly reply: Reply }
  | {
      readonly type: "Subscribe";
      readonly sid: string;
      readonly subject: string;
      readonly queue: string | undefined;
      readonly to: Subject<NatsMessage>;
    }
  | { readonly type: "Unsubscribe"; readonly sid: string; readonly afterMessages: number }
  | ({ readonly type: "Request"; readonly publication: Publication } & Asking)
  | ({ readonly type: "Drain" } & Asking)
  | { readonly type: "Flush" | "Close"; readonly withinMs: number; readonly reply: Reply };

/** Whom to answer, and when at last. */
interface Asking {
  readonly withinMs: number;
  readonly reply: Subject<Answer>;
}

/** What it is told by its own: a handshake, a timer, a send that has failed, the end of the last flush. */
type Own =
  | { readonly type: "Handshake"; readonly maxPayload: number; readonly reply: Subject<BytesTree> }
  | { readonly type: "RequestFailed"; readonly inbox: string; readonly failure: NatsFailure }
  | { readonly type: "Flushed"; readonly reply: Reply };

type Message = Command | Own | ReconnectMessage;

interface State {
  readonly connection: ReconnectingConnection;
  readonly own: Subject<Own>;
  readonly news: Subject<NatsNews> | undefined;
  readonly subscriptions: Subscriptions;
  readonly requests: Requests;
  /** As the server has said last. */
  readonly maxPayload: number;
  /** Whether the server, or the one that shakes hands, knows the subscriptions: from then on it is told of each change. */
  readonly isTold: boolean;
}

/** Of the one subscription to all inboxes. */
const INBOX_SID = "0";
/** What may be published while there is no connection. */
const QUEUE_LIMIT = 8 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

/** Begins to connect. The starter gets the address for commands. */
export async function init(options: NatsOptions, self: Self): Promise<Initialised<State, Message, Subject<Command>>> {
  const { news } = options;
  const commands = self.newSubject<Command>();
  const own = self.newSubject<Own>();
  const fromConnection = self.newSubject<ReconnectMessage>();
  const { data: connection } = unwrap(await startReconnecting(connectionOptions(options, own, fromConnection), self));
  connection.receiveNextPacketAsMessage();
  return {
    state: {
      connection,
      own,
      news,
      subscriptions: new Subscriptions(),
      requests: new Requests(),
      maxPayload: DEFAULT_MAX_PAYLOAD,
      isTold: false,
    },
    selector: newSelector().select(commands).select(own).select(fromConnection),
    data: commands,
  };
}

function connectionOptions(
  { host, port, credentials, heartbeat, backoff, maxPayload = DEFAULT_MAX_PAYLOAD }: NatsOptions,
  own: Subject<Own>,
  subscriber: Subject<ReconnectMessage>,
): ReconnectOptions {
  return {
    to: { host, port, packet: natsOperations(), packetSize: MOST_LINE_BYTES + maxPayload },
    subscriber,
    handshake: (socket, self) =>
      shakeHands(socket, credentials, async (info) => {
        const asked = await self.call(own, Infinity, (reply: ReplySubject & Subject<BytesTree>) => ({
          type: "Handshake",
          maxPayload: info.maxPayload,
          reply,
        }));
        return asked.ok ? asked : err({ type: "Closed" });
      }),
    // A PONG answers a call, which is a flush or a heartbeat. All else comes to the actor.
    isAnswer: isPong,
    heartbeat: { everyMs: 30_000, withinMs: 5_000, ...heartbeat, data: PING, isCall: true },
    queueLimit: QUEUE_LIMIT,
    backoff,
  };
}

export function onMessage(state: State, message: Message, self: Self): Next<State> | Promise<Next<State>> {
  const { connection, own, news, subscriptions } = state;
  switch (message.type) {
    case "Publish":
      answer(message.reply, publish(state, message.publication));
      return continueWith(state);
    case "Subscribe":
      tell(state, subscriptions.add(message.sid, message.subject, message.queue, message.to));
      return continueWith(state);
    case "Unsubscribe":
      tell(state, subscriptions.limit(message.sid, message.afterMessages));
      return continueWith(state);
    case "Request":
      request(state, message, self, (replyTo) => ({ ...message.publication, replyTo }));
      return continueWith(state);
    case "Drain":
      tell(state, subscriptions.drain());
      // What comes to ourselves comes behind all that was on its way.
      request(state, message, self, (inbox) => ({
        subject: inbox,
        payload: NOTHING,
        headerBlock: NOTHING,
        replyTo: undefined,
      }));
      return continueWith(state);
    case "Flush":
      answer(message.reply, flush(connection, message.withinMs));
      return continueWith(state);
    case "Close":
      void flush(connection, connection.state === "connected" ? message.withinMs : 0).then(() => {
        own.send({ type: "Flushed", reply: message.reply });
      });
      return continueWith(state);
    case "Flushed":
      return connection.close().then(() => {
        message.reply.send(ok());
        return stop();
      });
    case "RequestFailed":
      settle(state, message.inbox, err(message.failure), self);
      return continueWith(state);
    case "Handshake":
      message.reply.send([subscribeCommand(INBOX_SID, state.requests.pattern, undefined), ...subscriptions.commands()]);
      return continueWith({ ...state, isTold: true, maxPayload: message.maxPayload });
    case "Packet":
      connection.receiveNextPacketAsMessage();
      return continueWith(hear(state, message.data, self));
    case "Connected":
      news?.send(message);
      return continueWith(state);
    case "Disconnected":
      news?.send(message);
      return continueWith({ ...state, isTold: false });
    case "GaveUp":
      return stop(); // nobody has told it how many attempts are enough
  }
}

// ── what it is asked for ──

/** Later: the actor does not wait for it. */
function answer(reply: Reply, promise: Promise<Published>): void {
  void promise.then((result) => {
    reply.send(result);
  });
}

async function publish({ connection, maxPayload }: State, publication: Publication): Promise<Published> {
  const byteSize = publication.headerBlock.length + publication.payload.length;
  if (byteSize > maxPayload) return err({ type: "PayloadTooLarge", byteSize, maxPayload });
  return await connection.send(publishCommand(publication));
}

/**
 * Publishes with an inbox for the answer. What is under way when a connection ends may still be answered by way of the
 * next one: only time ends it.
 */
function request(
  state: State,
  { withinMs, reply }: Asking,
  self: Self,
  publicationFor: (inbox: string) => Publication,
): void {
  const { own, requests } = state;
  const inbox = requests.newInbox();
  const failed = (failure: NatsFailure) => ({ type: "RequestFailed", inbox, failure }) as const;
  const timer = self.sendAfter(own, withinMs, failed({ type: "CallTimeout", withinMs }));
  requests.add(inbox, { reply, timer });
  void publish(state, publicationFor(inbox)).then((published) => {
    if (!published.ok) own.send(failed(published.error));
  });
}

function settle({ requests }: State, inbox: string, result: Answer, self: Self): void {
  const pending = requests.take(inbox);
  if (pending === undefined) return; // it comes too late, or is one more than was asked for
  self.cancelTimer(pending.timer);
  pending.reply.send(result);
}

/** The server has seen all that was published before, when it has answered. */
async function flush(connection: ReconnectingConnection, withinMs: number): Promise<Published> {
  const pong = await connection.call(PING, withinMs);
  return pong.ok ? ok() : pong;
}

/** Says what has changed in the subscriptions, where no handshake will say it. */
function tell({ connection, isTold }: State, commands: BytesTree): void {
  if (!isTold || connection.state === "waiting") return;
  void connection.send(commands).then((sent) => {
    if (sent.ok || !isRefusal(sent.error)) return;
    connection.reconnectNow(); // it cannot take it, but the next one is told of all subscriptions
  });
}

function isRefusal(failure: RequestFailure): boolean {
  return failure.type === "QueueFull" || (failure.type === "SendFailed" && failure.error === "Enobufs");
}

// ── what the server says ──

function hear(state: State, frame: Buffer, self: Self): State {
  const operation = parseOperation(frame);
  switch (operation.type) {
    case "Message": {
      const { sid, message } = operation;
      if (sid !== INBOX_SID) handOver(state, sid, message);
      else settle(state, message.subject, message.status === 503 ? err({ type: "NoResponders" }) : ok(message), self);
      return state;
    }
    case "Ping":
      void state.connection.send(PONG);
      return state;
    case "Info": // it has changed, or is about to go
      return { ...state, maxPayload: operation.info.maxPayload };
    case "ServerError":
      state.news?.send(operation);
      return state;
    case "Pong": // for a flush whose connection is over
    case "Ok":
      return state;
  }
}

/** The subscriptions of a process end with it. */
function handOver(state: State, sid: string, message: NatsMessage): void {
  const { subscriptions } = state;
  const to = subscriptions.receiverOf(sid);
  if (to === undefined || to.trySend(message)) return;
  const owner = subjectOwner(to);
  if (owner.ok && !owner.value.isAlive) tell(state, subscriptions.limit(sid, 0));
}
