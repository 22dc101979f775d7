// What an XState user writes, without a cast or an annotation beyond the input and the selector. Compiled, never run.
import { expectTypeOf } from "expect-type";
import {
  assign,
  createActor,
  type EmittedFrom,
  type EventFromLogic,
  fromTransition,
  type InputFrom,
  type OutputFrom,
  sendTo,
  setup,
} from "xstate";
import {
  call,
  type ConnectionOptions,
  createRuntime,
  type ExitReason,
  type MessageFrom,
  newName,
  newSelector,
  type OwnedSocket,
  type OwnSubject,
  type Owner,
  type Self,
  selectTcpMessages,
  type Socket,
  type SocketError,
  type Subject,
  tcpMessages,
  type TcpMessage,
} from "tankard";
import { startSupervisor } from "tankard/otp";
import { type ServerInfo, type ServerOptions, startServer } from "tankard/server";
import {
  type Accepted,
  actorOwner,
  actorSubject,
  clockOf,
  type Connected,
  fromConnect,
  fromLink,
  fromMonitor,
  fromProcess,
  fromServer,
  fromTcpSocket,
  fromUpgrade,
  type Listening,
  machineChild,
  machineHandler,
  type ProcessArgs,
  selectSendResults,
  tcpSocketActions,
  type TcpSocketRef,
  type Upgraded,
} from "tankard/xstate";
import type { TlsClientOptions, TlsConnectionOptions, TlsServerContext } from "tankard/tls";

const replies = selectTcpMessages(newSelector(), (message) =>
  message.type === "Packet" ? { type: "net.bytes", bytes: message.data } : { type: "net.closed" },
);
const results = selectSendResults(replies, (result) =>
  result.type === "Sent" ? { type: "net.sent", id: result.id } : { type: "net.unsent", why: result.error },
);

// ── fromTcpSocket ──

const tcp = fromTcpSocket(results);
expectTypeOf<EmittedFrom<typeof tcp>["type"]>().toEqualTypeOf<
  "net.bytes" | "net.closed" | "net.sent" | "net.unsent" | "Connected" | "Upgraded"
>();
expectTypeOf<OutputFrom<typeof tcp>>().toEqualTypeOf<{ readonly reason: SocketError }>();
expectTypeOf<EventFromLogic<typeof tcp>["type"]>().toEqualTypeOf<
  "send" | "receiveNextPacketAsMessage" | "disarm" | "upgrade" | "shutdown" | "shutdownWrite"
>();
createActor(fromTcpSocket(), { input: { host: "h", port: 1 } }).on("*", (event) => {
  expectTypeOf(event).toEqualTypeOf<TcpMessage | Connected | Upgraded>();
});

type Events = MessageFrom<typeof results> | Connected | { type: "write"; text: string };
const checked = fromTcpSocket<Events>(results);
const { send, receiveNextPacketAsMessage: next, disarm } = tcpSocketActions("tcp");

const client = setup({
  types: {
    input: {} as ConnectionOptions,
    context: {} as { options: ConnectionOptions; seen: number; sent: number },
    events: {} as Events,
    output: {} as number,
  },
  actors: { tcp, checked },
  actions: {
    ask: next,
    quit: send("QUIT\r\n"),
    say: send((_, params: { text: string }) => params.text),
  },
}).createMachine({
  context: ({ input }) => ({ options: input, seen: 0, sent: 0 }),
  invoke: {
    id: "tcp",
    src: "tcp",
    input: ({ context }) => context.options,
    onDone: {
      actions: ({ event }) => {
        expectTypeOf(event.output.reason).toEqualTypeOf<SocketError>();
      },
    },
  },
  output: ({ context }) => context.seen,
  on: {
    Connected: { actions: ["ask", send("HELLO\r\n", "hello")] },
    write: {
      actions: send(
        ({ event, context }) => [event.text, String(context.sent)],
        ({ context }) => context.sent,
      ),
    },
    "net.bytes": { actions: [assign({ seen: ({ context, event }) => context.seen + event.bytes.length }), next] },
    "net.sent": { actions: [({ event }) => event.id, disarm, { type: "say", params: { text: "next" } }] },
    "net.unsent": {
      actions: ({ event }) => {
        expectTypeOf(event.why).toEqualTypeOf<SocketError>();
      },
    },
  },
});
createActor(client, { input: { host: "localhost", port: 1 } }).on("*", () => undefined);

// ── owners and addresses ──

const echo = fromTransition((count: number, event: TcpMessage | { type: "get"; reply: Subject<number> }) => {
  if (event.type === "get") event.reply.send(count);
  return event.type === "Packet" ? count + 1 : count;
}, 0);
const echoing = createActor(echo);
expectTypeOf(actorOwner(echoing)).toEqualTypeOf<Owner>();
const answer = await call(actorSubject(echoing), 100, (reply) => ({ type: "get", reply }));
if (answer.ok) expectTypeOf(answer.value).toEqualTypeOf<number>();
actorOwner(createActor(client, { input: { host: "localhost", port: 1 } }), results);

// ── fromConnect ──

const connecting = setup({
  types: { input: {} as ConnectionOptions, context: {} as { options: ConnectionOptions; socket?: OwnedSocket } },
  actors: { connect: fromConnect(replies) },
}).createMachine({
  context: ({ input }) => ({ options: input }),
  invoke: {
    src: "connect",
    input: ({ context }) => context.options,
    onDone: { actions: assign({ socket: ({ event }) => event.output }) },
  },
});
expectTypeOf<InputFrom<typeof connecting>>().toEqualTypeOf<ConnectionOptions>();

// ── TLS ──

const { upgrade } = tcpSocketActions("tcp");
declare const serverContext: TlsServerContext;
const securing = setup({
  types: {
    input: {} as TlsConnectionOptions,
    context: {} as { socket: OwnedSocket; tls: TlsClientOptions },
    events: {} as Upgraded,
  },
  actors: { secure: fromUpgrade(), accepted: fromUpgrade<Socket>(), connect: fromConnect(), tcp: fromTcpSocket() },
  actions: { startTls: upgrade({ serverNameIndication: "h" }) },
}).createMachine({
  context: ({ spawn, input }) => {
    spawn("connect", { input });
    spawn("tcp", { input: { host: "h", port: 1, tls: { ca: "PEM" } } });
    return {} as { socket: OwnedSocket; tls: TlsClientOptions };
  },
  entry: ["startTls", upgrade(({ context }) => context.tls), upgrade(() => serverContext)],
  invoke: [
    {
      src: "secure",
      input: ({ context: { socket, tls } }) => ({ socket, tls }),
      onDone: {
        actions: ({ event }) => {
          expectTypeOf(event.output).toEqualTypeOf<OwnedSocket>();
        },
      },
    },
    { src: "accepted", input: ({ context: { socket } }) => ({ socket, tls: serverContext }) },
  ],
});
createActor(securing, { input: { host: "h", port: 1, tls: {} } });

// ── fromProcess ──

const session = fromProcess(
  async (
    self: Self,
    events: OwnSubject<{ type: "leave" }>,
    { input, emit, sendBack }: ProcessArgs<{ nick: string }, { type: "heard"; text: string }, { type: "joined" }>,
  ) => {
    sendBack({ type: "joined" });
    emit({ type: "heard", text: input.nick });
    const message = await self.receiveForever(newSelector().select(events).merge(tcpMessages));
    return message.type;
  },
);
expectTypeOf<OutputFrom<typeof session>>().toEqualTypeOf<"leave" | "Packet" | "SocketClosed" | "TcpError">();
createActor(session, { input: { nick: "bot" } }).on("heard", (event) => event.text.length);
createActor(session, { input: { nick: "bot" } }).send({ type: "leave" });

const silent = fromProcess(
  (_self, _events: OwnSubject<never>, { sendBack }: ProcessArgs<number, never, { type: "up" }>) => {
    sendBack({ type: "up" });
    return 1;
  },
);
setup({ actors: { silent } }).createMachine({ invoke: { src: "silent", input: 5 } });

// ── monitors and links ──

setup({
  types: { context: {} as { owner: Owner } },
  actors: { monitor: fromMonitor(), link: fromLink() },
}).createMachine({
  context: { owner: actorOwner(echoing) },
  invoke: [
    { src: "link", input: ({ context }) => ({ target: context.owner }), onError: {} },
    {
      src: "monitor",
      input: ({ context }) => ({ target: context.owner }),
      onDone: {
        actions: ({ event }) => {
          expectTypeOf(event.output).toEqualTypeOf<ExitReason>();
        },
      },
    },
  ],
});

// ── servers ──

const listener = setup({
  types: { context: {} as { clients: readonly TcpSocketRef[] }, events: {} as Listening | Accepted | TcpMessage },
  actors: { server: fromServer(), tcp: fromTcpSocket() },
}).createMachine({
  context: { clients: [] },
  invoke: {
    id: "server",
    src: "server",
    input: { port: 0, host: "127.0.0.1" },
    onDone: {
      actions: ({ event }) => {
        expectTypeOf(event.output).toEqualTypeOf<ServerInfo>();
      },
    },
  },
  on: {
    Listening: { actions: ({ event }) => event.port.toFixed() },
    Accepted: {
      actions: assign(({ spawn, event, context }) => {
        const client = spawn("tcp", { input: { socket: event.connection.socket } });
        return { clients: [...context.clients, client] };
      }),
    },
    SocketClosed: { actions: sendTo("server", { type: "drain", withinMs: 5 }) },
  },
});
expectTypeOf<InputFrom<ReturnType<typeof fromServer>>>().toEqualTypeOf<ServerOptions>();
createActor(listener, { clock: clockOf(createRuntime()) });

await startServer(
  { port: 0 },
  machineHandler(connecting, {
    input: ({ remoteAddress, remotePort }) => ({ host: remoteAddress, port: remotePort }),
    onActor: (actorRef) => actorRef.getSnapshot().context.options.host,
  }),
);
await startServer({ port: 0 }, machineHandler(listener, {}));
await startServer({ port: 0 }, machineHandler(client, { input: () => ({ host: "h", port: 1 }), selector: results }));

// ── supervision ──

const address = newName<Events>("client");
await startSupervisor({
  strategy: "OneForOne",
  children: [
    machineChild(listener, { id: "server" }),
    machineChild(client, {
      id: "client",
      input: () => ({ host: "localhost", port: 1 }),
      restartFrom: "snapshot",
      restart: "Transient",
      name: address,
      onActor: (actorRef) => actorRef.getSnapshot().context.seen.toFixed(),
    }),
  ],
});
