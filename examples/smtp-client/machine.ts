// Sends one mail to an SMTP server, as a machine. Its socket is a child that it invokes for as long as the session lasts.
//
//     checking -> session ------------------------------------------------------------> sent
//                  connect -> greeting -> ehlo -> mail -> rcpt -> data -> body -> quit
//                                           \-> helo -/     \_/ for each recipient
//
// Whatever goes wrong ends it too, in a final state of its own. Each reply is asked for: what the server says unasked
// waits, and has its turn as the answer to the next command.

import { and, assign, enqueueActions, not, setup } from "xstate";
import type { ConnectionOptions, TcpMessage } from "tankard";
import { ConnectFailure, fromTcpSocket, SendFailure, tcpSocketActions, type Connected } from "tankard/xstate";
import { whyUnsendable, wireText, type Mail } from "./message.ts";
import type { Outcome, Refusal, RefusedRecipient, Step } from "./outcome.ts";
import { takeReply, type Gibberish, type Reply } from "./replies.ts";

/** Milliseconds that each step may take. */
export type Patience = Readonly<Record<Step, number>>;

export interface SmtpClientInput {
  readonly server: ConnectionOptions;
  readonly mail: Mail;
  /** Who the client says it is: the name of its machine. */
  readonly clientName: string;
  /** Of the steps that are not given, what RFC 5321 (4.5.3.2) asks for. */
  readonly patience?: Partial<Patience>;
}

const MINUTE_MS = 60_000;

export const defaultPatience: Patience = {
  connect: MINUTE_MS, // name, attempts and all; each attempt has the time of the connection's options
  greeting: 5 * MINUTE_MS,
  ehlo: 5 * MINUTE_MS,
  helo: 5 * MINUTE_MS,
  mail: 5 * MINUTE_MS,
  rcpt: 5 * MINUTE_MS,
  data: 2 * MINUTE_MS,
  body: 10 * MINUTE_MS,
  quit: MINUTE_MS / 6, // the mail has its outcome already
};

/** Plain data: a machine that is restored in the middle of a session connects anew and begins from the greeting. */
interface SmtpClientContext {
  readonly server: ConnectionOptions;
  readonly mail: Mail;
  readonly clientName: string;
  readonly patience: Patience;
  readonly at: Step;
  /** What the server has said and no step has taken, as Latin-1. */
  readonly unread: string;
  /** How many recipients have had their answer. */
  readonly answered: number;
  readonly refused: readonly RefusedRecipient[];
  readonly outcome: Outcome | undefined;
}

export type SmtpClientEvent = TcpMessage | Connected | Reply | Gibberish;

const { send, receiveNextPacketAsMessage } = tcpSocketActions("tcp");

export const smtpClient = setup({
  types: {
    input: {} as SmtpClientInput,
    context: {} as SmtpClientContext,
    events: {} as SmtpClientEvent,
    output: {} as Outcome,
  },
  actors: { tcp: fromTcpSocket() },
  delays: { patience: ({ context }) => context.patience[context.at] },
  guards: {
    /** Of a reply, the first digit decides: servers know more codes than there are in the RFC. */
    says: ({ event }, digit: 2 | 3 | 4 | 5) => event.type === "Reply" && Math.floor(event.code / 100) === digit,
    isRefusal: ({ event }) => event.type === "Reply" && event.code >= 400,
    /** The server closes. It may say so whenever it likes, also instead of an answer. */
    saysItCloses: ({ event }) => event.type === "Reply" && event.code === 421,
    hasOutcome: ({ context }) => context.outcome !== undefined,
    isSent: ({ context }) => context.outcome?.type === "Sent",
    hasMoreRecipients: ({ context }) => context.answered < context.mail.to.length,
    isTakenForSomebody: ({ context }) => context.refused.length < context.answered,
  },
  actions: {
    begin: assign({ unread: "", answered: 0, refused: [] }),
    step: assign({ at: (_, at: Step) => at }),
    /** The next reply, please: one that has come already, or else what the socket has next. */
    ask: enqueueActions(({ context, enqueue }) => {
      const taken = takeReply(context.unread);
      if (taken.type === "Unfinished") enqueue(receiveNextPacketAsMessage);
      else if (taken.type === "Gibberish") enqueue.raise(taken);
      else {
        enqueue.assign({ unread: taken.rest });
        enqueue.raise(taken.reply);
      }
    }),
    refuseRecipient: assign({
      refused: ({ context }, refusal: Refusal) => [
        ...context.refused,
        { address: context.mail.to[context.answered] ?? "", ...refusal },
      ],
    }),
    countRecipient: assign({ answered: ({ context }) => context.answered + 1 }),
    conclude: assign({ outcome: (_, outcome: Outcome) => outcome }),
  },
}).createMachine({
  id: "smtp",
  context: ({ input: { server, mail, clientName, patience } }) => ({
    server,
    mail,
    clientName,
    patience: { ...defaultPatience, ...patience },
    at: "connect",
    unread: "",
    answered: 0,
    refused: [],
    outcome: unsendable(mail, clientName),
  }),
  output: ({ context }) => context.outcome as Outcome, // no final state is entered without one
  initial: "checking",
  states: {
    checking: { always: [{ guard: "hasOutcome", target: "unsendable" }, { target: "session" }] },

    session: {
      invoke: {
        id: "tcp",
        src: "tcp",
        input: ({ context }) => ({ showEconnreset: true, ...context.server }),
        onDone: [
          { guard: "hasOutcome", target: "decided" },
          {
            target: "connectionLost",
            actions: {
              type: "conclude",
              params: ({ context, event }) => ({ type: "ConnectionLost", at: context.at, reason: event.output.reason }),
            },
          },
        ],
        onError: [
          { guard: "hasOutcome", target: "decided" },
          {
            guard: ({ event }) => event.error instanceof ConnectFailure,
            target: "connectFailed",
            actions: {
              type: "conclude",
              params: ({ event }) => ({ type: "ConnectFailed", error: (event.error as ConnectFailure).error }),
            },
          },
          {
            guard: ({ event }) => event.error instanceof SendFailure,
            target: "connectionLost",
            actions: {
              type: "conclude",
              params: ({ context, event }) => ({
                type: "ConnectionLost",
                at: context.at,
                reason: (event.error as SendFailure).error,
              }),
            },
          },
        ],
      },
      on: {
        Connected: [
          { guard: "hasOutcome", target: "decided" }, // restored while it said goodbye
          { target: ".greeting", actions: "begin" },
        ],
        Packet: {
          actions: [assign({ unread: ({ context, event }) => context.unread + event.data.toString("latin1") }), "ask"],
        },
        // What the state that awaits the reply does not take.
        Reply: [
          {
            guard: "saysItCloses",
            target: "refused",
            actions: {
              type: "conclude",
              params: ({ context, event }) => refused(context, event),
            },
          },
          {
            guard: "isRefusal",
            target: ".quit",
            actions: {
              type: "conclude",
              params: ({ context, event }) => refused(context, event),
            },
          },
          {
            target: "protocolError",
            actions: {
              type: "conclude",
              params: ({ context, event }) => ({
                type: "ProtocolError",
                at: context.at,
                said: `${event.code} ${event.text}`,
              }),
            },
          },
        ],
        Gibberish: {
          target: "protocolError",
          actions: {
            type: "conclude",
            params: ({ context, event }) => ({ type: "ProtocolError", at: context.at, said: event.said }),
          },
        },
      },
      initial: "connect",
      states: {
        connect: {
          entry: { type: "step", params: "connect" },
          after: { patience: "#smtp.timedOut" },
        },
        greeting: {
          entry: [{ type: "step", params: "greeting" }, "ask"],
          after: { patience: "#smtp.timedOut" },
          on: { Reply: { guard: { type: "says", params: 2 }, target: "ehlo" } },
        },
        ehlo: {
          entry: [{ type: "step", params: "ehlo" }, send(({ context }) => `EHLO ${context.clientName}\r\n`), "ask"],
          after: { patience: "#smtp.timedOut" },
          on: {
            Reply: [
              { guard: { type: "says", params: 2 }, target: "mail" },
              { guard: { type: "says", params: 5 }, target: "helo" }, // an old server
            ],
          },
        },
        helo: {
          entry: [{ type: "step", params: "helo" }, send(({ context }) => `HELO ${context.clientName}\r\n`), "ask"],
          after: { patience: "#smtp.timedOut" },
          on: { Reply: { guard: { type: "says", params: 2 }, target: "mail" } },
        },
        mail: {
          entry: [
            { type: "step", params: "mail" },
            send(({ context }) => `MAIL FROM:<${context.mail.from}>\r\n`),
            "ask",
          ],
          after: { patience: "#smtp.timedOut" },
          on: { Reply: { guard: { type: "says", params: 2 }, target: "recipients" } },
        },
        recipients: {
          always: [
            { guard: "hasMoreRecipients", target: "rcpt" },
            { guard: "isTakenForSomebody", target: "data" },
            {
              target: "quit",
              actions: { type: "conclude", params: ({ context }) => refused(context, worthTrying(context.refused)) },
            },
          ],
        },
        rcpt: {
          entry: [
            { type: "step", params: "rcpt" },
            send(({ context: { mail, answered } }) => `RCPT TO:<${mail.to[answered] ?? ""}>\r\n`),
            "ask",
          ],
          after: { patience: "#smtp.timedOut" },
          on: {
            Reply: [
              { guard: { type: "says", params: 2 }, target: "recipients", actions: "countRecipient" },
              {
                guard: and(["isRefusal", not("saysItCloses")]),
                target: "recipients",
                actions: [{ type: "refuseRecipient", params: ({ event }) => refusalOf(event) }, "countRecipient"],
              },
            ],
          },
        },
        data: {
          entry: [{ type: "step", params: "data" }, send("DATA\r\n"), "ask"],
          after: { patience: "#smtp.timedOut" },
          on: { Reply: { guard: { type: "says", params: 3 }, target: "body" } },
        },
        body: {
          entry: [{ type: "step", params: "body" }, send(({ context }) => wireText(context.mail.text)), "ask"],
          after: { patience: "#smtp.timedOut" },
          on: {
            Reply: {
              guard: { type: "says", params: 2 },
              target: "quit",
              actions: {
                type: "conclude",
                params: ({ context, event }) => ({ type: "Sent", text: event.text, refused: context.refused }),
              },
            },
          },
        },
        /** The outcome stands. However the goodbye goes, it does not change. */
        quit: {
          entry: [{ type: "step", params: "quit" }, send("QUIT\r\n"), "ask"],
          after: { patience: "#smtp.decided" },
          on: { Reply: "#smtp.decided", Gibberish: "#smtp.decided" },
        },
      },
    },

    decided: { always: [{ guard: "isSent", target: "sent" }, { target: "refused" }] },
    sent: { type: "final" },
    refused: { type: "final" },
    connectFailed: { type: "final" },
    timedOut: {
      type: "final",
      entry: { type: "conclude", params: ({ context }) => ({ type: "TimedOut", at: context.at }) },
    },
    connectionLost: { type: "final" },
    protocolError: { type: "final" },
    unsendable: { type: "final" },
  },
});

function unsendable(mail: Mail, clientName: string): Outcome | undefined {
  const why = /^[!-~]+$/.test(clientName)
    ? whyUnsendable(mail)
    : `The client's name must be of ASCII characters without spaces, not ${JSON.stringify(clientName)}.`;
  return why === undefined ? undefined : { type: "Unsendable", why };
}

function refused({ at, refused }: SmtpClientContext, reply: Reply | Refusal): Outcome {
  return { type: "Refused", at, refused, ...refusalOf(reply) };
}

function refusalOf({ code, text }: Reply | Refusal): Refusal {
  return { code, text, isTemporary: code < 500 };
}

/** Of the refusals of all recipients, the one that says most: that it may be tried again for somebody. */
function worthTrying(refused: readonly RefusedRecipient[]): Refusal {
  return refused.find(({ isTemporary }) => isTemporary) ?? (refused[0] as Refusal);
}
