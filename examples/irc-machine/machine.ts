// The chat bot as a state machine. Its socket is a child of the state "online": whatever leaves that state closes it.
//
// The bot asks for one packet at a time, and for the next when it has dealt with every line of the last.

import { describeError, err, ok } from "tankard";
import type { ErrorActorEvent } from "xstate";
import type { BotEnd } from "../chat/bot.ts";
import { initialContext, line, lost, whatFailed, whyToLeave } from "./context.ts";
import { irc, tcp } from "./words.ts";

/** How the socket is opened and used. */
const socketOptions = {
  timeout: 10_000,
  deadline: 10_000,
  sendTimeout: 20_000,
  buffer: 4_096, // so few lines are dealt with at a time that nobody waits long for a turn
};

/** What happens on a connection, until it is over. */
const session = irc.createStateConfig({
  initial: "connecting",
  on: {
    Connected: { target: ".registering", actions: ["begin", tcp.receiveNextPacketAsMessage] },
    "tcp.packet": { actions: { type: "read", params: ({ event }) => event.data } },
    "read.done": { actions: tcp.receiveNextPacketAsMessage },
    "read.tooLong": {
      target: "#bot.failed",
      actions: { type: "note", params: "sent a line that is too long for IRC" },
    },
    "tcp.error": {
      actions: { type: "note", params: ({ event }) => `broke the connection: ${describeError(event.error)}` },
    },
    "tcp.closed": "#bot.offline",
    "irc.error": { actions: { type: "note", params: ({ event }) => `ended the connection: ${event.why}` } },
    "irc.ping": { actions: tcp.send(({ event }) => line("PONG", ...event.params)) },
  },
  states: {
    connecting: { on: { quit: "#bot.done" } },
    registering: {
      entry: "register",
      on: {
        "irc.welcome": { target: "chatting", actions: { type: "rename", params: ({ event }) => event.nick } },
        "irc.nickInUse": [
          { guard: "hasOtherNick", actions: ["takeOtherNick", tcp.send(({ context }) => line("NICK", context.nick))] },
          {
            target: "#bot.failed",
            actions: {
              type: "note",
              params: ({ context }) => `has no nick for the bot: all up to ${context.nick} are in use`,
            },
          },
        ],
        "irc.refused": {
          target: "#bot.failed",
          actions: { type: "note", params: ({ event }) => `turned the bot away: ${event.why}` },
        },
        "irc.error": {
          target: "#bot.failed",
          actions: { type: "note", params: ({ event }) => `ended the connection: ${event.why}` },
        },
        quit: { target: "leaving", actions: { type: "leave", params: ({ event }) => event.why } },
      },
      after: {
        patience: { target: "#bot.offline", actions: { type: "note", params: "did not welcome the bot in time" } },
      },
    },
    chatting: {
      entry: "join",
      initial: "joining",
      on: {
        "irc.join": [
          {
            guard: { type: "isMe", params: ({ event }) => event.nick },
            actions: { type: "enter", params: ({ event }) => event },
          },
          {
            guard: { type: "isInside", params: ({ event }) => event.room },
            actions: { type: "greet", params: ({ event }) => event },
          },
        ],
        "irc.said": [
          {
            guard: { type: "isSentHome", params: ({ event }) => event },
            target: "leaving",
            actions: [
              { type: "hear", params: ({ event }) => event },
              { type: "leave", params: ({ event }) => whyToLeave(event) ?? "" },
            ],
          },
          {
            actions: [
              { type: "hear", params: ({ event }) => event },
              { type: "answer", params: ({ event }) => event },
            ],
          },
        ],
        "irc.renamed": {
          guard: { type: "isMe", params: ({ event }) => event.nick },
          actions: { type: "rename", params: ({ event }) => event.newNick },
        },
        "irc.part": {
          guard: { type: "isInside", params: ({ event }) => event.room },
          actions: { type: "tell", params: ({ event: { nick, room, why } }) => ({ type: "Left", nick, room, why }) },
        },
        "irc.quit": {
          actions: { type: "tell", params: ({ event: { nick, why } }) => ({ type: "Left", nick, why }) },
        },
        "irc.kick": [
          {
            guard: { type: "isMyEnd", params: ({ event }) => event },
            target: "#bot.failed",
            actions: { type: "note", params: ({ event }) => `let ${event.by} throw the bot out of ${event.room}` },
          },
          {
            guard: { type: "isInside", params: ({ event }) => event.room },
            actions: { type: "throwOut", params: ({ event }) => event },
          },
        ],
        "irc.noEntry": [
          {
            guard: { type: "isOnlyRoom", params: ({ event }) => event.room },
            target: "#bot.failed",
            actions: { type: "note", params: ({ event }) => `did not let the bot into ${event.room}: ${event.why}` },
          },
          {
            guard: { type: "isOutside", params: ({ event }) => event.room },
            actions: { type: "forgetRoom", params: ({ event }) => event.room },
          },
        ],
        quit: { target: "leaving", actions: { type: "leave", params: ({ event }) => event.why } },
      },
      states: {
        joining: {
          always: { guard: "isAnywhere", target: "inside" },
          after: {
            patience: { target: "#bot.offline", actions: { type: "note", params: "kept the bot waiting outside" } },
          },
        },
        inside: {
          on: {
            say: {
              guard: { type: "isInside", params: ({ event }) => event.room },
              actions: { type: "say", params: ({ event }) => event },
            },
          },
          after: { aWhile: { actions: "forgetFailures" } },
        },
      },
    },
    leaving: {
      on: {
        "irc.error": {}, // these are the last words that it was asked for
        "read.tooLong": "#bot.done", // nothing that comes can be understood, the end included
        "tcp.closed": "#bot.done",
      },
      after: { farewell: "#bot.done" },
    },
  },
});

/** Notices a server that has gone without a word: a live one answers PING. */
const watch = irc.createStateConfig({
  initial: "waiting",
  on: { Connected: ".hearing" },
  states: {
    waiting: {},
    hearing: {
      on: { "tcp.packet": { target: "hearing", reenter: true } },
      after: { keepAlive: { target: "asking", actions: tcp.send(line("PING", "are-you-there")) } },
    },
    asking: {
      on: { "tcp.packet": "hearing" },
      after: { keepAlive: { target: "#bot.offline", actions: { type: "note", params: "has fallen silent" } } },
    },
  },
});

export const ircBot = irc.createMachine({
  id: "bot",
  context: ({ input }) => initialContext(input),
  output: ({ event }) => event.output as BotEnd,
  initial: "online",
  on: {
    stats: { actions: { type: "tellStats", params: ({ event }) => event.reply } },
    say: { actions: { type: "tell", params: ({ event: { room, text } }) => ({ type: "Unsaid", room, text }) } },
  },
  states: {
    online: {
      type: "parallel",
      invoke: {
        id: "tcp",
        src: "tcp",
        input: ({ context: { options } }) => ({
          host: options.host,
          port: options.port,
          tls: options.tls,
          ...socketOptions,
        }),
        onError: [
          {
            guard: { type: "isHopeless", params: ({ event }: { event: ErrorActorEvent }) => event.error },
            target: "failed",
            actions: { type: "note", params: ({ event }) => whatFailed(event.error) },
          },
          { target: "offline", actions: { type: "note", params: ({ event }) => whatFailed(event.error) } },
        ],
      },
      exit: "leaveRooms",
      states: { session, watch },
    },
    offline: {
      entry: ["countFailure", { type: "tell", params: ({ context }) => lost(context) }],
      on: { quit: "done" },
      after: { backOff: "online" },
    },
    done: { type: "final", output: ok() },
    failed: { type: "final", output: ({ context }) => err(context.why) },
  },
});
