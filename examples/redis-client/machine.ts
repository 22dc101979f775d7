// A client of Redis as a machine, whose connection is its child.
//
//   session              from the attempt to connect to the end of the connection
//   ├── connecting       commands are queued
//   ├── online           what is queued is sent at once, whether or not what was sent before is answered
//   └── draining         no new commands; QUIT is sent behind those that are in flight
//   waiting              commands are queued until it is time for the next session
//   closed               the machine is done
//
//   session ──── lost ────> waiting ──── backOff ────> session    what is in flight fails, what is queued stays
//   online ──── close ────> draining ──── all answered, lost, or drainDeadline ────> closed
//   connecting, waiting ──── close ────> closed                    what is queued fails
//
// The connection is asked for a packet when there is one, and for the next when the one before has been answered from. A
// machine that does not ask does not receive: what comes while nobody asks waits in the kernel.

import { type ConnectionOptions, describeError, err, ok, type Result, type Subject, type TcpMessage } from "tankard";
import { encodeCommand } from "tankard/framing";
import { type Connected, ConnectFailure, fromTcpSocket, tcpSocketActions } from "tankard/xstate";
import { assign, emit, raise, setup } from "xstate";
import { type ErrorReply, nothingUnread, type Read, readReplies, type Reply, type Unread } from "./resp.ts";

/**
 * Where the server is, and what is expected of the client. Who has more bytes to send than `sendQueueLimit` while the
 * server reads none loses the connection.
 */
export interface RedisOptions extends ConnectionOptions {
  /** Commands that may be without an answer, queued or in flight; one more is refused. Default 10000. */
  readonly maxPending?: number | undefined;
  /** The first wait for a new session is random and shorter than this; each failure doubles it. Default 100. */
  readonly firstBackOffMs?: number | undefined;
  /** What the doubling stops at. Default 10000. */
  readonly maxBackOffMs?: number | undefined;
  /** A connection that has lasted so long makes the failures before it forgotten. Default 10000. */
  readonly stableAfterMs?: number | undefined;
  /** How long `close` waits for the commands that are in flight. Default 5000. */
  readonly drainWithinMs?: number | undefined;
  /** A number from 0 up to, and not including, 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Why a command has no reply. */
export type CommandFailure =
  /** The server has refused it. */
  | ErrorReply
  /** It was not sent: too many others are without an answer. */
  | { readonly type: "QueueFull"; readonly maxPending: number }
  /** It was not sent: the client is closed, or was closed before there was a connection. */
  | { readonly type: "Closed" }
  /** It was sent, and **may or may not have been done**: the connection has ended before the answer came. */
  | { readonly type: "ConnectionLost"; readonly why: string };

export type CommandResult = Result<Reply, CommandFailure>;

/** What the machine is told from outside. Each command is answered once. */
export type RedisRequest =
  | { readonly type: "command"; readonly bytes: Buffer; readonly reply: Subject<CommandResult> }
  /** The machine ends: done with what is in flight, and with nothing that is queued. */
  | { readonly type: "close" };

/** A session has ended, or did not come about. Emitted, too. */
export interface Lost {
  readonly type: "lost";
  readonly why: string;
}

/** A packet, read. */
interface Replies extends Omit<Read, "error"> {
  readonly type: "replies";
  readonly wrong: string | undefined;
}

interface Command {
  readonly bytes: Buffer;
  /** Absent: nobody wants to know. */
  readonly reply: Subject<CommandResult> | undefined;
}

interface RedisContext {
  readonly server: ConnectionOptions;
  readonly settings: Settings;
  /** Not sent yet, the oldest first. */
  readonly queued: readonly Command[];
  /** Sent: the next reply is that to the first of them. */
  readonly inFlight: readonly Command[];
  /** The beginning of the next reply. */
  readonly unread: Unread;
  /** Sessions that have ended, since one was stable. */
  readonly failures: number;
}

type Settings = {
  readonly [K in Exclude<keyof RedisOptions, keyof ConnectionOptions>]-?: NonNullable<RedisOptions[K]>;
};

/** The last command of a connection: the server answers those before it, then this, then closes. */
const quit: Command = { bytes: encodeCommand("QUIT"), reply: undefined };

const { send, receiveNextPacketAsMessage: next } = tcpSocketActions("tcp");

export const redisMachine = setup({
  types: {
    input: {} as RedisOptions,
    context: {} as RedisContext,
    events: {} as RedisRequest | Replies | Lost | Connected | TcpMessage,
    emitted: {} as Lost,
  },
  actors: { tcp: fromTcpSocket() },
  actions: {
    next,
    enqueue: assign({ queued: ({ context }, command: Command) => [...context.queued, command] }),
    sendQueued: send(({ context }) => context.queued.map(({ bytes }) => bytes)),
    expectReplies: assign({
      inFlight: ({ context }) => [...context.inFlight, ...context.queued],
      queued: [],
    }),
    // Pure, and once for each packet: what it finds is an event.
    read: raise(({ context: { unread, inFlight } }, packet: Buffer) => {
      const { error, ...read } = readReplies(unread, packet);
      const isUnasked = read.replies.length > inFlight.length;
      return { type: "replies" as const, ...read, wrong: error ?? (isUnasked ? "a reply to no command" : undefined) };
    }),
    answer: ({ context: { inFlight } }, { replies }: Replies) => {
      for (const [index, { reply }] of inFlight.slice(0, replies.length).entries())
        reply?.send(resultOf(replies[index] as Reply));
    },
    forgetAnswered: assign({
      unread: (_, { unread }: Replies) => unread,
      inFlight: ({ context }, { replies }) => context.inFlight.slice(replies.length),
    }),
    failInFlight: ({ context }, why: string) => failAll(context.inFlight, { type: "ConnectionLost", why }),
    forgetInFlight: assign({ inFlight: [], unread: nothingUnread }),
    failQueued: ({ context }) => failAll(context.queued, { type: "Closed" }),
    refuse: ({ context }, { reply }: Command) =>
      reply?.send(err({ type: "QueueFull", maxPending: context.settings.maxPending })),
    refuseAsClosed: (_, { reply }: Command) => reply?.send(err({ type: "Closed" })),
    lose: raise((_, why: string) => ({ type: "lost" as const, why })),
    tellLoss: emit((_, why: string) => ({ type: "lost" as const, why })),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
  },
  guards: {
    isNonsense: (_, { wrong }: Replies) => wrong !== undefined,
    isFull: ({ context: { queued, inFlight, settings } }) => queued.length + inFlight.length >= settings.maxPending,
    isAnythingQueued: ({ context }) => context.queued.length > 0,
    isNothingInFlight: ({ context }) => context.inFlight.length === 0,
  },
  delays: {
    // Full jitter: many clients of one server that comes back do not come back at once.
    backOff: ({ context: { failures, settings } }) =>
      settings.random() * Math.min(settings.maxBackOffMs, settings.firstBackOffMs * 2 ** (failures - 1)),
    stable: ({ context }) => context.settings.stableAfterMs,
    drainDeadline: ({ context }) => context.settings.drainWithinMs,
  },
}).createMachine({
  id: "redis",
  context: ({ input }) => contextOf(input),
  initial: "session",
  on: {
    command: [
      { guard: "isFull", actions: { type: "refuse", params: ({ event }) => event } },
      { actions: { type: "enqueue", params: ({ event }) => event } },
    ],
    close: ".closed",
  },
  states: {
    session: {
      invoke: {
        id: "tcp",
        src: "tcp",
        input: ({ context }) => context.server,
        onDone: { actions: { type: "lose", params: ({ event }) => describeError(event.output.reason) } },
        onError: { actions: { type: "lose", params: ({ event }) => textOf(event.error) } },
      },
      initial: "connecting",
      on: {
        Packet: { actions: { type: "read", params: ({ event }) => event.data } },
        replies: [
          {
            guard: { type: "isNonsense", params: ({ event }) => event },
            actions: [
              { type: "answer", params: ({ event }) => event },
              { type: "forgetAnswered", params: ({ event }) => event },
              { type: "lose", params: ({ event }) => `protocol error: ${event.wrong ?? ""}` },
            ],
          },
          {
            actions: [
              { type: "answer", params: ({ event }) => event },
              { type: "forgetAnswered", params: ({ event }) => event },
              "next",
            ],
          },
        ],
        lost: {
          target: "waiting",
          actions: [
            { type: "failInFlight", params: ({ event }) => event.why },
            { type: "tellLoss", params: ({ event }) => event.why },
          ],
        },
      },
      states: {
        connecting: {
          on: { Connected: { target: "online", actions: "next" } },
        },
        online: {
          always: { guard: "isAnythingQueued", actions: ["sendQueued", "expectReplies"] },
          after: { stable: { actions: "forgetFailures" } },
          on: { close: "draining" },
        },
        draining: {
          entry: [{ type: "enqueue", params: quit }, "sendQueued", "expectReplies"],
          always: { guard: "isNothingInFlight", target: "#redis.closed" },
          after: {
            drainDeadline: {
              target: "#redis.closed",
              actions: { type: "failInFlight", params: "no answer before the client closed" },
            },
          },
          on: {
            command: { actions: { type: "refuseAsClosed", params: ({ event }) => event } },
            close: {},
            lost: {
              target: "#redis.closed",
              actions: [
                { type: "failInFlight", params: ({ event }) => event.why },
                { type: "tellLoss", params: ({ event }) => event.why },
              ],
            },
          },
        },
      },
    },
    waiting: { entry: ["forgetInFlight", "countFailure"], after: { backOff: "session" } },
    closed: { type: "final", entry: "failQueued" },
  },
});

function contextOf(input: RedisOptions): RedisContext {
  const {
    maxPending = 10_000,
    firstBackOffMs = 100,
    maxBackOffMs = 10_000,
    stableAfterMs = 10_000,
    drainWithinMs = 5_000,
    random = Math.random,
    ...server
  } = input;
  return {
    server,
    settings: { maxPending, firstBackOffMs, maxBackOffMs, stableAfterMs, drainWithinMs, random },
    queued: [],
    inFlight: [],
    unread: nothingUnread,
    failures: 0,
  };
}

function resultOf(reply: Reply): CommandResult {
  return isErrorReply(reply) ? err(reply) : ok(reply);
}

function isErrorReply(reply: Reply): reply is ErrorReply {
  return typeof reply === "object" && reply !== null && "type" in reply;
}

function failAll(commands: readonly Command[], failure: CommandFailure): void {
  for (const { reply } of commands) reply?.send(err(failure));
}

function textOf(error: unknown): string {
  return error instanceof ConnectFailure ? describeError(error.error) : String(error);
}
