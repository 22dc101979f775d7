// The words of the machine: its types, its child, and the guards and actions that the chart names.

import { fromTcpSocket, tcpSocketActions } from "tankard/xstate";
import { assign, emit, enqueueActions, setup } from "xstate";
import { answerTo, greeting } from "../chat/answers.ts";
import { backOffMs } from "../chat/back-off.ts";
import type { BotEnd } from "../chat/bot.ts";
import { isSameName } from "../chat/irc.ts";
import { world } from "../chat/world.ts";
import * as the from "./context.ts";
import { type Context, type IrcBotOptions, line } from "./context.ts";
import { eventsIn, packets, type Event, type Stats, type Told } from "./events.ts";

interface PrivateMessage {
  readonly nick: string;
  readonly target: string;
  readonly text: string;
}

/** What the socket is told. */
export const tcp = tcpSocketActions("tcp");

export const irc = setup({
  types: {
    input: {} as IrcBotOptions,
    context: {} as Context,
    events: {} as Event,
    emitted: {} as Told,
    output: {} as BotEnd,
  },
  actors: { tcp: fromTcpSocket(packets) },
  delays: {
    backOff: ({ context }) => backOffMs(context.failures),
    keepAlive: 30_000,
    patience: 30_000,
    aWhile: 60_000,
    farewell: 2_000,
  },
  guards: {
    isMe: ({ context }, nick: string) => isSameName(nick, context.nick),
    isInside: ({ context }, room: string) => the.isInside(context, room),
    isOutside: ({ context }, room: string) => the.roomOf(context, room) !== undefined && !the.isInside(context, room),
    isOnlyRoom: ({ context }, room: string) => the.isOnlyRoom(context, room) && !the.isInside(context, room),
    isMyEnd: ({ context }, kick: { nick: string; room: string }) =>
      isSameName(kick.nick, context.nick) && the.isOnlyRoom(context, kick.room),
    isSentHome: (_, said: PrivateMessage) => the.whyToLeave(said) !== undefined,
    isAnywhere: ({ context }) => context.inside.length > 0,
    hasOtherNick: ({ context }) => the.hasOtherNick(context),
    isHopeless: ({ context }, failure: unknown) => the.isHopeless(context, failure),
  },
  actions: {
    tell: emit((_, told: Told) => told),
    tellStats: ({ context: { nick, inside, connections, heard } }, reply: { send(stats: Stats): void }) => {
      reply.send({ nick, inside, connections, heard });
    },
    /** What the server has done: the reason, if the connection is over then. */
    note: assign({ why: ({ context }, what: string) => the.sentence(context, what) }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),

    begin: assign(({ context }) => ({
      nick: context.options.nick,
      inside: [], // also where it begins from a kept snapshot
      rest: Buffer.alloc(0),
      why: the.sentence(context, "went away"),
      connections: context.connections + 1,
    })),
    read: enqueueActions(({ context, enqueue }, data: Buffer) => {
      const { events, rest } = eventsIn(context.rest, data);
      enqueue.assign({ rest });
      for (const event of events) enqueue.raise(event); // each has its transitions before anything else comes
    }),

    register: tcp.send(({ context: { nick, options } }) => [
      options.password === undefined ? "" : line("PASS", options.password),
      line("NICK", nick),
      line("USER", nick, "0", "*", "A bot made with Tankard and XState"),
    ]),
    takeOtherNick: assign({ nick: ({ context }) => `${context.nick}_` }),
    rename: assign({ nick: (_, nick: string) => nick }),
    join: tcp.send(({ context }) => context.rooms.map((room) => line("JOIN", room))),
    enter: enqueueActions(({ context, enqueue }, { nick, room }: { nick: string; room: string }) => {
      enqueue.assign({ inside: [...context.inside, room] });
      enqueue.emit({ type: "Came", nick, room });
    }),
    leaveRooms: assign({ inside: [] }),
    forgetRoom: assign(({ context }, room: string) => the.withoutRoom(context, room)),

    say: enqueueActions(({ context, enqueue }, { room, text }: { room: string; text: string }) => {
      enqueue(tcp.send(line("PRIVMSG", room, text)));
      enqueue.emit({ type: "Said", nick: context.nick, room, text });
    }),
    greet: enqueueActions(({ context, enqueue }, { nick, room }: { nick: string; room: string }) => {
      const text = greeting(nick);
      enqueue.emit({ type: "Came", nick, room });
      enqueue.emit({ type: "Said", nick: context.nick, room, text });
      enqueue(tcp.send(line("PRIVMSG", room, text)));
    }),
    hear: enqueueActions(({ context, enqueue }, { nick, target, text }: PrivateMessage) => {
      enqueue.assign({ heard: context.heard + 1 });
      if (the.isInside(context, target)) enqueue.emit({ type: "Said", nick, room: target, text });
    }),
    answer: enqueueActions(({ context, enqueue }, said: PrivateMessage) => {
      const room = the.isInside(context, said.target) ? said.target : undefined;
      const answer = answerTo(said.nick, said.text, world);
      if (answer?.type !== "Say") return;
      if (room !== undefined) enqueue.emit({ type: "Said", nick: context.nick, room, text: answer.text });
      enqueue(tcp.send(line("PRIVMSG", room ?? said.nick, answer.text)));
    }),
    throwOut: enqueueActions(({ context, enqueue }, kick: { nick: string; room: string; by: string }) => {
      enqueue.emit({ type: "Left", nick: kick.nick, room: kick.room, why: `thrown out by ${kick.by}` });
      if (isSameName(kick.nick, context.nick)) enqueue.assign(the.withoutRoom(context, kick.room));
    }),
    leave: enqueueActions(({ context, enqueue }, why: string) => {
      enqueue(tcp.send(line("QUIT", why)));
      if (context.inside.length > 0) enqueue.emit({ type: "Left", nick: context.nick, why });
    }),
  },
});
