// Sends one mail to an SMTP server, as a machine. Its socket is a child that it invokes for as long as the session lasts.
//
//     checking -> session -----------------------------------------------------------------------------> sent
//                  connect -> greeting -> ehlo -> hello -> (login) -> mail -> rcpt -> data -> body -> quit
//                                         ^ \-> helo -^ \                    \_/ for each recipient
//                                         \- handshake <- (startTls)
//
// Whatever goes wrong ends it too, in a final state of its own. Each reply is asked for: what the server says unasked
// waits, and has its turn as the answer to the next command.

import { and, assign, enqueueActions, not, setup } from "xstate";
import type { TcpMessage } from "tankard";
import {
  ConnectFailure,
  fromTcpSocket,
  SendFailure,
  tcpSocketActions,
  UpgradeFailure,
  type Connected,
  type Upgraded,
} from "tankard/xstate";
import * as the from "./context.ts";
import { refusalOf, refused, worthTrying, type SmtpClientContext, type SmtpClientInput } from "./context.ts";
import { base64, plainResponse, type Login, type Mechanism } from "./login.ts";
import { wireText } from "./message.ts";
import type { Outcome, Refusal, Step } from "./outcome.ts";
import { takeReply, type Gibberish, type Reply } from "./replies.ts";

export type SmtpClientEvent = TcpMessage | Connected | Upgraded | Reply | Gibberish;

const { send, receiveNextPacketAsMessage, upgrade } = tcpSocketActions("tcp");

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
    isNotSecured: ({ context }) => context.outcome?.type === "NotSecured",
    isNotLoggedIn: ({ context }) => context.outcome?.type === "NotLoggedIn",
    needsTls: ({ context }) => the.needsTls(context),
    offersTls: ({ context }) => context.capabilities.startTls,
    /** Something came behind it before it was taken. */
    saysYesAndMore: ({ context, event }) => event.type === "Reply" && event.code < 300 && context.unread !== "",
    needsLogin: ({ context }) => context.login !== undefined,
    canLogInBy: ({ context }, mechanism: Mechanism) => the.isAbleTo(context, mechanism),
    hasMoreRecipients: ({ context }) => context.answered < context.mail.to.length,
    isTakenForSomebody: ({ context }) => context.refused.length < context.answered,
  },
  actions: {
    begin: assign(({ context }) => the.beginning(context)),
    learn: assign((_, reply: Reply) => the.learned(reply)),
    forget: assign(the.secured),
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
  context: ({ input }) => the.initialContext(input),
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
            guard: ({ event }) => event.error instanceof UpgradeFailure,
            target: "tlsFailed",
            actions: {
              type: "conclude",
              params: ({ event }) => ({ type: "TlsFailed", error: (event.error as UpgradeFailure).error }),
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
              {
                guard: { type: "says", params: 2 },
                target: "hello",
                actions: { type: "learn", params: ({ event }) => event },
              },
              { guard: { type: "says", params: 5 }, target: "helo" }, // an old server
            ],
          },
        },
        helo: {
          entry: [{ type: "step", params: "helo" }, send(({ context }) => `HELO ${context.clientName}\r\n`), "ask"],
          after: { patience: "#smtp.timedOut" },
          on: { Reply: { guard: { type: "says", params: 2 }, target: "hello" } },
        },
        /** The two know each other. */
        hello: {
          always: [
            { guard: and(["needsTls", "offersTls"]), target: "startTls" },
            {
              guard: "needsTls",
              target: "quit",
              actions: { type: "conclude", params: { type: "NotSecured", refusal: undefined } },
            },
            { guard: { type: "canLogInBy", params: "PLAIN" }, target: "login.plain" },
            { guard: { type: "canLogInBy", params: "LOGIN" }, target: "login.login" },
            {
              guard: "needsLogin",
              target: "quit",
              actions: { type: "conclude", params: { type: "NotLoggedIn", refusal: undefined } },
            },
            { target: "mail" },
          ],
        },
        startTls: {
          entry: [{ type: "step", params: "startTls" }, send("STARTTLS\r\n"), "ask"],
          after: { patience: "#smtp.timedOut" },
          on: {
            Reply: [
              {
                // Whoever has said that wants it to be taken for what the server says over TLS.
                guard: "saysYesAndMore",
                target: "#smtp.protocolError",
                actions: {
                  type: "conclude",
                  params: ({ context: { at, unread } }) => ({ type: "ProtocolError", at, said: unread.slice(0, 80) }),
                },
              },
              { guard: { type: "says", params: 2 }, target: "handshake" },
              {
                guard: and(["isRefusal", not("saysItCloses")]),
                target: "quit",
                actions: {
                  type: "conclude",
                  params: ({ event }) => ({ type: "NotSecured", refusal: refusalOf(event) }),
                },
              },
            ],
          },
        },
        handshake: {
          entry: [{ type: "step", params: "handshake" }, upgrade(({ context }) => the.tlsOptions(context))],
          after: { patience: "#smtp.timedOut" },
          on: { Upgraded: { target: "ehlo", actions: "forget" } },
        },
        login: {
          on: {
            Reply: {
              guard: and(["isRefusal", not("saysItCloses")]),
              target: "quit",
              actions: {
                type: "conclude",
                params: ({ event }) => ({ type: "NotLoggedIn", refusal: refusalOf(event) }),
              },
            },
          },
          initial: "plain",
          states: {
            plain: {
              entry: [
                { type: "step", params: "authPlain" },
                send(({ context }) => `AUTH PLAIN ${plainResponse(loginOf(context))}\r\n`),
                "ask",
              ],
              after: { patience: "#smtp.timedOut" },
              on: { Reply: { guard: { type: "says", params: 2 }, target: "#smtp.session.mail" } },
            },
            login: {
              entry: [{ type: "step", params: "authLogin" }, send("AUTH LOGIN\r\n"), "ask"],
              after: { patience: "#smtp.timedOut" },
              on: { Reply: { guard: { type: "says", params: 3 }, target: "user" } },
            },
            user: {
              entry: [
                { type: "step", params: "user" },
                send(({ context }) => `${base64(loginOf(context).user)}\r\n`),
                "ask",
              ],
              after: { patience: "#smtp.timedOut" },
              on: { Reply: { guard: { type: "says", params: 3 }, target: "password" } },
            },
            password: {
              entry: [
                { type: "step", params: "password" },
                send(({ context }) => `${base64(loginOf(context).password)}\r\n`),
                "ask",
              ],
              after: { patience: "#smtp.timedOut" },
              on: { Reply: { guard: { type: "says", params: 2 }, target: "#smtp.session.mail" } },
            },
          },
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

    decided: {
      always: [
        { guard: "isSent", target: "sent" },
        { guard: "isNotSecured", target: "notSecured" },
        { guard: "isNotLoggedIn", target: "notLoggedIn" },
        { target: "refused" },
      ],
    },
    sent: { type: "final" },
    notSecured: { type: "final" },
    tlsFailed: { type: "final" },
    notLoggedIn: { type: "final" },
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

/** Who is to log in, where that has been asked. */
function loginOf({ login }: SmtpClientContext): Login {
  return login as Login;
}
