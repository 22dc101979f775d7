// The programs of the README, as they stand there: a test compares the two. Compiled, never run.
import {
  call,
  connect,
  describeError,
  type MessageFrom,
  newSelector,
  type OwnedSocket,
  type OwnSubject,
  receive,
  receiveNextPacketAsMessage,
  selectMonitors,
  selectTcpMessages,
  type Self,
  send,
  spawn,
  type Subject,
  tcpMessages,
  unwrap,
} from "tankard";
import { createActor, setup } from "xstate";
import { encodeCommand, parseResp, resp } from "tankard/framing";
import { continueWith, startActor, stop } from "tankard/otp";
import { type ReconnectMessage, startReconnecting } from "tankard/reconnect";
import { type ConnectionHandler, drainOnSignals, startServer, withReply, withUpgrade } from "tankard/server";
import { connect as connectSecurely, newServerContext, peercert, type Pem, upgrade } from "tankard/tls";
import { type Connected, fromTcpSocket, tcpSocketActions } from "tankard/xstate";

declare const self: Self;
declare const socket: OwnedSocket;
declare const accepted: OwnedSocket;
declare const news: Subject<ReconnectMessage>;
declare const [cert, key]: readonly [Pem, Pem];
declare const requests: OwnSubject<{ type: "inc" } | { type: "get"; reply: Subject<number> }>;

{
  const greeter = spawn(async (self) => {
    const socket = unwrap(await connect({ host: "localhost", port: 4000, owner: self }));
    unwrap(await send(socket, "Hello, Joe!\n"));
    for (;;) {
      receiveNextPacketAsMessage(socket); // one packet, please
      const message = await self.receiveForever(tcpMessages);
      if (message.type !== "Packet") return; // the peer has gone
      console.log(message.data.toString());
    }
  });
  await greeter.result;
}

{
  const counter = spawn(
    async (self, requests: OwnSubject<{ type: "inc" } | { type: "get"; reply: Subject<number> }>) => {
      for (let count = 0; ;) {
        const request = await self.receiveForever(requests);
        if (request.type === "inc") count++;
        else request.reply.send(count);
      }
    },
  );
  counter.subject.send({ type: "inc" });
  const count = await call(counter.subject, 100, (reply) => ({ type: "get", reply })); // Result<number, CallError>
  if (count.ok) count.value.toFixed();
}

{
  const inbox = selectMonitors(newSelector().select(requests).merge(tcpMessages), (down) => down);
  const message = await self.receive(inbox, 5_000); // Result<Request | TcpMessage | ProcessDown, "Timeout">
  if (message.ok) message.value.type satisfies "inc" | "get" | "Packet" | "SocketClosed" | "TcpError" | "ProcessDown";
}

{
  await using socket = unwrap(await connect({ host: "localhost", port: 6379, timeout: 500 }));
  unwrap(await send(socket, "PING\r\n"));
  console.log(unwrap(await receive(socket, 1_000)).toString());
}

{
  await using redis = unwrap(await connect({ host: "localhost", port: 6379, packet: resp() }));
  unwrap(await send(redis, encodeCommand("LRANGE", "beers", 0, -1)));
  const reply = parseResp(unwrap(await receive(redis, 1_000))); // one reply, with all that is nested in it
  if (!reply.ok) reply.error.reason satisfies string;
}

{
  const counter = unwrap(
    await startActor({
      state: 0,
      onMessage(count, message: { type: "inc" } | { type: "get"; reply: Subject<number> }) {
        if (message.type === "inc") return continueWith(count + 1);
        message.reply.send(count);
        return continueWith(count);
      },
    }),
  ).data;
  counter.send({ type: "inc" });
}

{
  const server = unwrap(
    await startServer(
      { port: 4000, maxConnections: 1_000, readTimeoutMs: 60_000 },
      {
        init: () => ({ state: 0 }),
        onPacket: (count, data) => withReply(continueWith(count + 1), [`${count}: `, data]),
        onDrain: () => withReply(stop(), "goodbye\n"),
      },
    ),
  );
  drainOnSignals(server); // SIGTERM and Ctrl-C: nobody is let in, who is here says goodbye, and the program ends
}

{
  const context = newServerContext({ cert, key }); // replaceServerContext renews it while the server runs
  const mail: ConnectionHandler<{ isSecure: boolean }, never> = {
    init: () => ({ state: { isSecure: false } }),
    onPacket: (state, line) =>
      line.toString() === "STARTTLS" && !state.isSecure
        ? withUpgrade(withReply(continueWith({ isSecure: true }), "220 ready\r\n"), context)
        : withReply(continueWith(state), "502 not here\r\n"),
  };
  await startServer({ port: 25, packet: "line" }, mail); // STARTTLS
  await startServer(
    { port: 465, packet: "line", tls: context },
    { ...mail, init: () => ({ state: { isSecure: true } }) },
  );
}

{
  const replies = selectTcpMessages(newSelector(), (message) =>
    message.type === "Packet" ? { type: "reply", text: message.data.toString() } : { type: "closed" },
  );
  const { send: say, receiveNextPacketAsMessage: next } = tcpSocketActions("tcp");

  const pinger = setup({
    types: { events: {} as MessageFrom<typeof replies> | Connected },
    actors: { tcp: fromTcpSocket(replies) },
  }).createMachine({
    invoke: { id: "tcp", src: "tcp", input: { host: "localhost", port: 6379 }, onDone: ".failed", onError: ".failed" },
    initial: "asking",
    states: {
      asking: { on: { Connected: { actions: [say("PING\r\n"), next] }, reply: "answered" } },
      answered: { type: "final", entry: ({ event }) => console.log(event.type === "reply" && event.text) },
      failed: { type: "final" },
    },
  });
  createActor(pinger).start();
}

{
  const redis = unwrap(
    await startReconnecting({
      to: [
        { host: "one.example", port: 6379, packet: resp() },
        { host: "two.example", port: 6379, packet: resp() },
      ],
      subscriber: news,
      handshake: async (socket) => {
        const sent = await send(socket, "AUTH secret\r\n");
        return sent.ok ? receive(socket, 1_000) : sent;
      },
      heartbeat: { data: "PING\r\n", everyMs: 30_000, withinMs: 5_000, isCall: true },
    }),
  ).data;
  const answer = await redis.call("GET key\r\n", 1_000); // Result<Buffer, RequestFailure>
  if (answer.ok) answer.value.toString();
}

{
  const secure = await connectSecurely({ host: "irc.libera.chat", port: 6697, packet: "line", owner: self, tls: {} });
  if (!secure.ok) console.log(describeError(secure.error)); // "the peer's certificate was rejected: it has expired [...]"

  // STARTTLS: the answer to it has been received, and nothing behind it counts.
  const upgraded = await upgrade(socket, { serverNameIndication: "mail.example" });

  // A server reads its certificates once, and can be given others while it runs.
  const context = newServerContext({ cert, key, alpnPreferredProtocols: ["irc"] });
  const secured = await upgrade(accepted, context);
  if (upgraded.ok && secured.ok) console.log(peercert(socket));
}
