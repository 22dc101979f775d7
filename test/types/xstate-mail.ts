// A machine as a protocol client, whose socket is its child. Compiled, never run.
import { assign, createActor, setup, waitFor } from "xstate";
import { newSelector, selectTcpMessages, type ConnectionOptions, type MessageFrom } from "tankard";
import { ConnectFailure, fromTcpSocket, tcpSocketActions, type Connected } from "tankard/xstate";

const replies = selectTcpMessages(newSelector(), (m) => {
  switch (m.type) {
    case "Packet":
      return { type: "smtp.reply", code: Number(m.data.toString("latin1", 0, 3)) };
    case "SocketClosed":
      return { type: "smtp.closed" };
    case "TcpError":
      return { type: "smtp.failed", reason: m.error };
  }
});
const tcp = fromTcpSocket(replies);
const { send, receiveNextPacketAsMessage: next } = tcpSocketActions("tcp");
interface Mail {
  readonly from: string;
  readonly to: string;
  readonly body: string;
}

export const smtp = setup({
  types: {
    input: {} as ConnectionOptions & { mail: Mail },
    context: {} as { options: ConnectionOptions; mail: Mail; failure: string | undefined },
    events: {} as MessageFrom<typeof replies> | Connected,
    output: {} as { delivered: boolean },
  },
  actors: { tcp },
  guards: { is: ({ event }, code: number) => event.type === "smtp.reply" && event.code === code },
}).createMachine({
  id: "smtp",
  initial: "greeting",
  context: ({ input: { mail, ...options } }) => ({ options, mail, failure: undefined }),
  output: ({ context }) => ({ delivered: context.failure === undefined }),
  invoke: {
    id: "tcp",
    src: "tcp",
    input: ({ context }) => context.options,
    onError: {
      target: ".done",
      actions: assign({
        failure: ({ event }) => (event.error instanceof ConnectFailure ? event.error.error.type : String(event.error)),
      }),
    },
    onDone: {
      target: ".done",
      actions: ({ event }) => {
        event.output.reason satisfies string;
      },
    },
  },
  on: { Connected: { actions: next }, "smtp.failed": { actions: assign({ failure: ({ event }) => event.reason }) } },
  states: {
    greeting: { on: { "smtp.reply": { guard: { type: "is", params: 220 }, target: "mail" } } },
    mail: {
      entry: [send("MAIL FROM:<x>\r\n"), next],
      on: { "smtp.reply": { guard: { type: "is", params: 250 }, target: "quit" } },
    },
    quit: { entry: [send(({ context }) => [context.mail.body, "\r\n.\r\n"]), next] },
    done: { type: "final" },
  },
});
const actor = createActor(smtp, {
  input: { host: "localhost", port: 25, mail: { from: "a", to: "b", body: "c" } },
}).start();
console.log((await waitFor(actor, (s) => s.status === "done")).output?.delivered);
