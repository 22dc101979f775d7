// A chat server, a store that it asks, and a tree with a factory of sessions. Compiled, never run.
import { expectTypeOf } from "expect-type";
import { call, namedSubject, newName, newSelector, sendBuilder, type Subject, unwrap } from "tankard";
import { continueWith, startActor, startFactorySupervisor, startSupervisor, stop, stopAbnormal } from "tankard/otp";
import { type CloseReason, type ServerEvent, startServer, withReply, withUpgrade } from "tankard/server";
import { newServerContext, peercert, type TlsError, type TlsServerOptions } from "tankard/tls";

type Store = Map<string, string>;
type StoreMessage =
  | { type: "set"; key: string; value: string }
  | { type: "get"; key: string; reply: Subject<string | undefined> }
  | { type: "size"; reply: Subject<number> }
  | { type: "close" };

const store = unwrap(
  await startActor({
    state: (): Store => new Map(),
    onMessage(state, message: StoreMessage) {
      switch (message.type) {
        case "set":
          state.set(message.key, message.value);
          return continueWith(state);
        case "get":
          message.reply.send(state.get(message.key));
          return continueWith(state);
        case "size":
          message.reply.send(state.size);
          return continueWith(state);
        case "close":
          return stop();
      }
    },
  }),
).data;

interface Session {
  readonly text: string;
  readonly commands: number;
}
const server = unwrap(
  await startServer(
    { port: 0, maxConnections: 1000, idleTimeoutMs: 60_000 },
    {
      init: () => ({ state: { text: "", commands: 0 } satisfies Session }),
      async onPacket(state, data, { socket }) {
        const lines = (state.text + data.toString("utf8")).split("\n");
        const text = lines.pop() ?? "";
        for (const line of lines) {
          const [verb, key = "", value = ""] = line.trim().split(" ");
          if (verb === "GET") {
            const got = await call(store, 100, (reply) => ({ type: "get", key, reply }));
            if (!got.ok) return stopAbnormal(got.error);
            await sendBuilder(socket, [got.value ?? "-", "\n"]);
          } else if (verb === "SET") store.send({ type: "set", key, value });
          else if (verb === "QUIT") return stop();
        }
        return continueWith({ text, commands: state.commands + lines.length });
      },
    },
  ),
);
expectTypeOf(server.port).toEqualTypeOf<number>();

// With messages from elsewhere.
interface News {
  readonly type: "news";
  readonly text: string;
}
declare const hub: Subject<{ type: "join"; member: Subject<News> }>;
await startServer(
  { port: 0 },
  {
    init(_connection, self) {
      const news = self.newSubject<News>();
      hub.send({ type: "join", member: news });
      return { state: { seen: 0 }, selector: newSelector().select(news) };
    },
    onPacket: (state) => continueWith(state),
    onMessage: (state, message) => withReply(continueWith({ seen: state.seen + 1 }), [message.text, "\n"]),
  },
);

// By TLS: from the start, and from STARTTLS on.
declare const credentials: TlsServerOptions;
const context = newServerContext(credentials);
const heard: ServerEvent[] = [];
for (const tls of [credentials, context]) {
  await startServer({ port: 0, tls, onEvent: (event) => heard.push(event) }, ({ socket }) => {
    const certificate = peercert(socket);
    if (certificate.ok) certificate.value.subject satisfies string;
  });
}
for (const event of heard) if (event.type === "HandshakeFailed") expectTypeOf(event.error).toEqualTypeOf<TlsError>();
await startServer(
  { port: 0, packet: "line" },
  {
    init: () => ({ state: { isSecure: false } }),
    onPacket: (state, line) =>
      line.equals(Buffer.from("STARTTLS")) && !state.isSecure
        ? withUpgrade(withReply(continueWith({ isSecure: true }), "220 ready\r\n"), context)
        : withReply(continueWith(state), line),
    onClose: (_state, reason) => {
      expectTypeOf(reason).toEqualTypeOf<CloseReason>();
      if (typeof reason !== "string" && reason.type === "TlsAlert") reason.alert satisfies string;
    },
  },
);

// A named actor under a supervisor, called by its name; a factory of sessions.
type CounterMessage = { type: "inc"; by: number } | { type: "get"; reply: Subject<number> };
const counterName = newName<CounterMessage>("counter");
await startSupervisor({
  strategy: "OneForOne",
  children: [
    {
      id: "counter",
      start: (host) =>
        startActor(
          {
            name: counterName,
            state: 0,
            onMessage: (count, message: CounterMessage) => {
              if (message.type === "inc") return continueWith(count + message.by);
              message.reply.send(count);
              return continueWith(count);
            },
          },
          host,
        ),
    },
  ],
});
const count = unwrap(await call(namedSubject(counterName), 100, (reply) => ({ type: "get", reply })));
expectTypeOf(count).toEqualTypeOf<number>();
const sessions = unwrap(
  await startFactorySupervisor({
    start: (room: string, host) =>
      startActor(
        {
          state: { room, lines: 0 },
          onMessage: (state, message: { type: "line"; text: string }) =>
            continueWith({ ...state, lines: state.lines + message.text.length }),
        },
        host,
      ),
  }),
).data;
unwrap(await sessions.startChild("#a")).data.send({ type: "line", text: "x" });
