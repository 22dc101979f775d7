import { describe, expect, test } from "@jest/globals";
import {
  type AnyActorLogic,
  type AnyActorRef,
  assign,
  createActor,
  type DoneActorEvent,
  type ErrorActorEvent,
  type EventObject,
  setup,
  type Snapshot,
  toPromise,
} from "xstate";
import {
  close,
  type ConnectionOptions,
  describeError,
  type MessageFrom,
  controllingProcess,
  newSelector,
  type OwnedSocket,
  type Packet,
  receive,
  receiveNextPacketAsMessage,
  selectTcpMessages,
  send,
  tcpMessages,
  unwrap,
} from "tankard";
import { createSocketPair } from "tankard/testing";
import {
  type Connected,
  ConnectFailure,
  fromTcpSocket,
  type SendFailed,
  SendFailure,
  selectSendResults,
  type TcpSocketCommand,
  tcpSocketActions,
} from "tankard/xstate";
import { invoking, type Parent } from "../support/parent.ts";
import { beginLending, isReusable } from "../../src/tcp/lending.ts";
import { closedPort, type Peer, peerServer, until } from "../support/peer.ts";
import { silentServer } from "../support/silent-server.ts";
import { silenceMs, soonMs, startProcess } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

const done = "xstate.done.actor.child";
const failed = "xstate.error.actor.child";
const next: TcpSocketCommand = { type: "receiveNextPacketAsMessage" };
const say = (data: string, id?: number): TcpSocketCommand => ({ type: "send", data, id });

interface Open extends AsyncDisposable {
  readonly parent: Parent;
  readonly peer: Peer;
}

/** A machine whose child is connected to a peer. */
async function open(logic: AnyActorLogic = fromTcpSocket(), options: Partial<ConnectionOptions> = {}): Promise<Open> {
  const server = await peerServer();
  const parent = invoking(logic, { host: "127.0.0.1", port: server.port, ...options });
  const peer = await server.accept();
  await parent.told("Connected");
  return {
    parent,
    peer,
    [Symbol.asyncDispose]: async () => {
      await parent[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Nothing comes in a while. Only time can show that. */
const silence = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, silenceMs));

describe("fromTcpSocket", () => {
  test("tells Connected, then one packet for each that is asked for", async () => {
    await using made = await open();
    const { parent, peer } = made;
    await peer.send("one");
    await silence();
    expect(parent.types).toEqual(["Connected"]);
    parent.command(next);
    expect((await parent.told<Packet>("Packet")).data.toString()).toBe("one");
    await peer.send("two");
    await silence();
    expect(parent.types).toEqual(["Connected", "Packet"]);
    parent.command(next);
    expect((await parent.told<Packet>("Packet", 2)).data.toString()).toBe("two");
  });

  test("never tells a packet inside the command that asks for it", async () => {
    await using made = await open();
    const { parent, peer } = made;
    await peer.send("here");
    await silence();
    parent.command(next);
    expect(parent.types).toEqual(["Connected"]);
    await parent.told("Packet");
  });

  test("sends bytes, text and trees of them, in order", async () => {
    await using made = await open();
    const { parent, peer } = made;
    parent.command(say("a"));
    parent.command({ type: "send", data: ["b", [Buffer.from("c"), ["d"]]] });
    expect((await peer.receive(4)).toString()).toBe("abcd");
  });

  test("does what it was told while it connected, in order, once it is connected", async () => {
    const server = await peerServer();
    const parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
    parent.command(next);
    parent.command(say("early "));
    parent.command(say("words"));
    const peer = await server.accept();
    expect((await peer.receive(11)).toString()).toBe("early words");
    await peer.send("answer");
    await parent.told("Packet");
    expect(parent.types).toEqual(["Connected", "Packet"]);
    await parent[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test("keeps no more early bytes than may wait to be sent", async () => {
    await using silent = await silentServer();
    await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: silent.port, sendQueueLimit: 4 });
    parent.command(say("1234"));
    expect(parent.types).toEqual([]);
    parent.command(say("5"));
    const { error } = await parent.told<ErrorActorEvent>(failed);
    expect(error).toEqual(new SendFailure("Enobufs"));
  });

  test("copies early bytes, which may change before they are sent", async () => {
    await using server = await peerServer();
    await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
    const tree = ["kept"];
    parent.command({ type: "send", data: tree });
    tree[0] = "lost";
    expect((await (await server.accept()).receive(4)).toString()).toBe("kept");
  });

  test("lets early bytes that were lent not be used again before they are sent", async () => {
    await using server = await peerServer();
    await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
    beginLending();
    const data = Buffer.alloc(65_536, "x");
    parent.command({ type: "send", data });
    expect(isReusable(data)).toBe(false);
    expect(isReusable(Buffer.from(data))).toBe(true);
    expect((await (await server.accept()).receive(65_536)).equals(data)).toBe(true);
  });

  test("maps the messages by its selector, and never Connected", async () => {
    const lines = selectTcpMessages(newSelector(), (message) =>
      message.type === "Packet" ? { type: "net.text", text: message.data.toString() } : { type: "net.over" },
    );
    await using made = await open(fromTcpSocket(lines));
    const { parent, peer } = made;
    parent.command(next);
    await peer.send("hello");
    expect(await parent.told("net.text")).toEqual({ type: "net.text", text: "hello" });
    peer.close();
    parent.command(next);
    await parent.told(done);
    expect(parent.types).toEqual(["Connected", "net.text", "net.over", done]);
  });

  test("hands what its selector does not take to onDeadLetter", async () => {
    await using made = await open(fromTcpSocket(newSelector()));
    const { parent, peer } = made;
    parent.command(next);
    await peer.send("hello");
    await until(() => parent.deadLetters.length > 0, "There is no dead letter");
    expect(parent.deadLetters).toMatchObject([{ message: { type: "Packet" }, to: "actor child", why: "Unmatched" }]);
    expect(parent.types).toEqual(["Connected"]);
  });

  test("fails of what its selector's mapper throws", async () => {
    const bad = selectTcpMessages(newSelector(), (): EventObject => {
      throw new Error("no such reply");
    });
    await using made = await open(fromTcpSocket(bad));
    const { parent, peer } = made;
    parent.command(next);
    await peer.send("hello");
    expect((await parent.told<ErrorActorEvent>(failed)).error).toEqual(new Error("no such reply"));
    await peer.readToEnd();
  });

  describe("at the end of the stream", () => {
    test("tells SocketClosed, once asked, and is done with the reason", async () => {
      await using made = await open();
      const { parent, peer } = made;
      peer.close();
      await silence();
      expect(parent.types).toEqual(["Connected"]);
      parent.command(next);
      const event = await parent.told<DoneActorEvent>(done);
      expect(event.output).toEqual({ reason: "Closed" });
      expect(parent.types).toEqual(["Connected", "SocketClosed", done]);
    });

    test("tells what came before, first", async () => {
      await using made = await open();
      const { parent, peer } = made;
      await peer.send("last words");
      peer.close();
      parent.command(next);
      await parent.told("Packet");
      parent.command(next);
      await parent.told(done);
      expect(parent.types).toEqual(["Connected", "Packet", "SocketClosed", done]);
    });

    test("says the error where the stream has failed", async () => {
      await using made = await open(fromTcpSocket(), { showEconnreset: true });
      const { parent, peer } = made;
      parent.command(next);
      peer.reset();
      expect((await parent.told<DoneActorEvent>(done)).output).toEqual({ reason: "Econnreset" });
      expect(parent.types).toEqual(["Connected", "TcpError", "SocketClosed", done]);
    });
  });

  describe("where it cannot connect", () => {
    test("fails with a ConnectFailure that says why", async () => {
      const port = await closedPort();
      await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port });
      const { error } = await parent.told<ErrorActorEvent>(failed);
      expect(error).toBeInstanceOf(ConnectFailure);
      expect(error).toMatchObject({
        message: describeError((error as ConnectFailure).error),
        error: { type: "ConnectFailedBoth", ipv4: "Econnrefused" },
      });
    });

    test("fails in simulated time", async () => {
      await using silent = await silentServer();
      const options: ConnectionOptions = { host: "127.0.0.1", port: silent.port, timeout: 30_000 };
      await using parent = invoking(fromTcpSocket(), { ...options, ipVersionPreference: "Ipv4Only" });
      await parent.clock.advance(29_999);
      expect(parent.types).toEqual([]);
      await parent.clock.advance(1);
      const { error } = await parent.told<ErrorActorEvent>(failed);
      expect(error).toMatchObject({ error: { type: "ConnectFailedIpv4", ipv4: "Timeout" } });
    });

    test("fails of options that no connection can have", async () => {
      await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: 70_000 });
      const { error } = await parent.told<ErrorActorEvent>(failed);
      expect(error).toBeInstanceOf(RangeError);
    });

    test("leaves nothing open when it is stopped meanwhile", async () => {
      await using silent = await silentServer();
      await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: silent.port });
      await turns();
      parent.leave();
      expect(parent.childSnapshot.status).toBe("stopped");
      await parent.runtime.idle(); // nothing is under way any more
    });
  });

  describe("given a socket", () => {
    test("takes it over from its owner, with the messages that wait in that one's mailbox", async () => {
      await using owner = await startProcess();
      const [socket, other] = createSocketPair({ owner: owner.self });
      await send(other, "waiting");
      receiveNextPacketAsMessage(socket);
      await turns();
      await using parent = invoking(fromTcpSocket(), { socket });
      expect((await parent.told<Packet>("Packet")).data.toString()).toBe("waiting");
      expect(parent.types).toEqual(["Connected", "Packet"]);
      owner.end();
      await owner.process.exited;
      parent.command(say("still here"));
      expect(unwrap(await receive(other, soonMs)).toString()).toBe("still here");
    });

    test("is done at once where the socket was closed", async () => {
      const [socket] = createSocketPair();
      await close(socket);
      await using parent = invoking(fromTcpSocket(), { socket });
      expect((await parent.told<DoneActorEvent>(done)).output).toEqual({ reason: "Closed" });
    });

    test("fails of something else", async () => {
      await using parent = invoking(fromTcpSocket(), { socket: { type: "Socket", id: 1 } });
      expect((await parent.told<ErrorActorEvent>(failed)).error).toBeInstanceOf(TypeError);
    });
  });

  describe("ends the connection", () => {
    test.each(["leave", "stop"] as const)("when the machine does %s, after what is queued", async (how) => {
      await using made = await open();
      const { parent, peer } = made;
      parent.command(say("goodbye"));
      if (how === "leave") parent.leave();
      else parent.actor.stop();
      expect(parent.childSnapshot.status).toBe("stopped");
      expect(await peer.readToEnd()).toEqual({ data: Buffer.from("goodbye"), how: "Fin" });
    });

    test("when an action of the machine throws, though XState leaves the child alone", async () => {
      await using made = await open();
      const { parent, peer } = made;
      parent.crash(new Error("oops"));
      expect(parent.actor.getSnapshot()).toMatchObject({ status: "error" });
      expect(parent.childSnapshot.status).toBe("stopped");
      expect((await peer.readToEnd()).how).toBe("Fin");
    });

    test("when a machine above its own throws", async () => {
      const server = await peerServer();
      const inner = setup({ actors: { tcp: fromTcpSocket() } }).createMachine({
        invoke: { src: "tcp", input: { host: "127.0.0.1", port: server.port } },
      });
      await using parent = invoking(inner, undefined);
      const peer = await server.accept();
      parent.crash(new Error("oops"));
      expect((await peer.readToEnd()).how).toBe("Fin");
      await server[Symbol.asyncDispose]();
    });

    test("when the machine is done", async () => {
      await using server = await peerServer();
      const machine = setup({ actors: { tcp: fromTcpSocket() } }).createMachine({
        initial: "on",
        invoke: { src: "tcp", input: { host: "127.0.0.1", port: server.port } },
        states: { on: { on: { Connected: "off" } }, off: { type: "final" } },
      });
      createActor(machine).start();
      expect((await (await server.accept()).readToEnd()).how).toBe("Fin");
    });
  });

  describe("obeys", () => {
    test("disarm: what comes later is not told", async () => {
      await using made = await open();
      const { parent, peer } = made;
      parent.command(next);
      parent.command({ type: "disarm" });
      await peer.send("unasked");
      await silence();
      expect(parent.types).toEqual(["Connected"]);
    });

    test("shutdownWrite: the peer sees the end, and can still be heard", async () => {
      await using made = await open();
      const { parent, peer } = made;
      parent.command(say("all"));
      parent.command({ type: "shutdownWrite" });
      expect((await peer.readToEnd()).data.toString()).toBe("all");
      await peer.send("answer");
      parent.command(next);
      expect((await parent.told<Packet>("Packet")).data.toString()).toBe("answer");
    });

    test("shutdown: an armed socket tells SocketClosed, and the actor is done", async () => {
      await using made = await open();
      const { parent, peer } = made;
      parent.command(next);
      parent.command({ type: "shutdown" });
      await parent.told(done);
      expect(parent.types).toEqual(["Connected", "SocketClosed", done]);
      expect((await peer.readToEnd()).how).toBe("Fin");
    });

    test("no command that it does not know, and says which is meant", async () => {
      await using made = await open();
      made.parent.command({ type: "sned" });
      const { error } = await made.parent.told<ErrorActorEvent>(failed);
      expect(error).toEqual(new TypeError('Cannot command a socket: unknown command "sned", did you mean "send"?'));
      await made.peer.readToEnd();
    });

    test("no command with data that cannot be sent", async () => {
      await using made = await open();
      made.parent.command({ type: "send", data: 5 });
      const { error } = await made.parent.told<ErrorActorEvent>(failed);
      expect(error).toEqual(new TypeError("Cannot send: expected bytes or a string, received 5"));
      expect((await made.peer.readToEnd()).how).toBe("Fin");
    });
  });

  describe("with selectSendResults", () => {
    const results = selectSendResults(tcpMessages, (result) => result);

    test("tells what has become of each send", async () => {
      await using made = await open(fromTcpSocket(results));
      const { parent } = made;
      for (const id of [1, 2]) parent.command(say("x", id));
      await parent.told("Sent", 2);
      expect(parent.events.slice(1)).toEqual([
        { type: "Sent", id: 1 },
        { type: "Sent", id: 2 },
      ]);
    });

    test("tells it in a later turn, never inside the command", async () => {
      await using made = await open(fromTcpSocket(results));
      made.parent.command(say("x", 1));
      expect(made.parent.types).toEqual(["Connected"]);
    });

    test("tells a send that found no room", async () => {
      await using made = await open(fromTcpSocket(results), { sendQueueLimit: 10, highWatermark: 1_000 });
      const { parent } = made;
      parent.command(say("x".repeat(16 * 1024 * 1024), 1)); // more than the kernel takes, so others wait
      parent.command(say("y".repeat(10), 2));
      parent.command(say("z", 3));
      await parent.told("SendFailed");
      expect(parent.events.slice(1)).toEqual([
        { type: "Sent", id: 1 },
        { type: "SendFailed", id: 3, error: "Enobufs" },
      ]);
    });

    test("tells those that still waited when the peer reset, before the actor is done", async () => {
      await using made = await open(fromTcpSocket(results), { highWatermark: 1_000 });
      const { parent, peer } = made;
      parent.command(say("x".repeat(16 * 1024 * 1024), 1));
      parent.command(say("y", 2));
      parent.command(next);
      peer.reset();
      await parent.told(done);
      expect(parent.types.at(-1)).toBe(done);
      expect(await parent.told<SendFailed>("SendFailed")).toEqual({ type: "SendFailed", id: 2, error: "Closed" });
      expect(parent.types.filter((type) => type === "Sent" || type === "SendFailed")).toHaveLength(2);
    });

    test("tells the early ones when it could not connect", async () => {
      const port = await closedPort();
      await using parent = invoking(fromTcpSocket(results), { host: "127.0.0.1", port });
      parent.command(say("x", 1));
      await parent.told(failed);
      expect(parent.types).toEqual(["SendFailed", failed]);
    });
  });

  test("fails of a send that found no room, where nobody would hear of it", async () => {
    await using made = await open(fromTcpSocket(), { sendQueueLimit: 10, highWatermark: 1_000 });
    made.parent.command(say("x".repeat(16 * 1024 * 1024)));
    made.parent.command(say("y".repeat(11)));
    expect((await made.parent.told<ErrorActorEvent>(failed)).error).toEqual(new SendFailure("Enobufs"));
  });

  test("fails of a send that no header can say, where nobody would hear of it", async () => {
    await using made = await open(fromTcpSocket(), { packet: 1 });
    made.parent.command(say("x".repeat(256)));
    expect((await made.parent.told<ErrorActorEvent>(failed)).error).toEqual(new SendFailure("Emsgsize"));
  });

  test("tells a frame for each that is asked for, where the stream is cut", async () => {
    await using made = await open(fromTcpSocket(), { packet: "line" });
    const { parent, peer } = made;
    await peer.send("one\ntwo\n");
    parent.command(next);
    expect((await parent.told<Packet>("Packet")).data.toString()).toBe("one");
    parent.command(next);
    expect((await parent.told<Packet>("Packet", 2)).data.toString()).toBe("two");
  });

  test("is done when somebody else closes the socket", async () => {
    const [socket] = createSocketPair();
    await using parent = invoking(fromTcpSocket(), { socket });
    await parent.told("Connected");
    parent.command(next);
    await close(socket);
    expect((await parent.told<DoneActorEvent>(done)).output).toEqual({ reason: "Closed" });
    expect(parent.types).toEqual(["Connected", done]);
  });

  test("is done when who took the socket over has been told its end", async () => {
    await using made = await open();
    const { parent, peer } = made;
    await peer.send("x");
    parent.command(next);
    await parent.told("Packet");
    const socket = socketOf(parent);
    await using owner = await startProcess();
    const given = unwrap(controllingProcess(socket, owner.self));
    peer.close();
    receiveNextPacketAsMessage(given);
    expect((await parent.told<DoneActorEvent>(done)).output).toEqual({ reason: "Closed" });
  });

  test("stays as it is where the peer has reset a connection that nobody asks", async () => {
    await using made = await open();
    const { parent, peer } = made;
    await peer.send("kept");
    parent.command(next);
    await parent.told("Packet");
    peer.reset();
    await silence();
    expect(parent.childSnapshot.status).toBe("active");
    parent.command(next);
    expect((await parent.told<DoneActorEvent>(done)).output).toEqual({ reason: "Closed" });
  });

  test("does not fail of a send to a connection that is over: its end says so", async () => {
    await using made = await open();
    const { parent, peer } = made;
    peer.reset();
    await silence();
    parent.command(say("x"));
    parent.command(say("y"));
    await turns();
    parent.command(next);
    expect((await parent.told<DoneActorEvent>(done)).output).toEqual({ reason: "Closed" });
  });

  test("is stopped with its runtime, and its socket closes", async () => {
    await using made = await open();
    await made.parent.runtime.stop();
    expect(made.parent.childSnapshot.status).toBe("stopped");
    expect((await made.peer.readToEnd()).how).toBe("Fin");
  });

  test("fails of an input that is none", async () => {
    await using parent = invoking(fromTcpSocket(), undefined);
    expect((await parent.told<ErrorActorEvent>(failed)).error).toMatchObject({
      message: /^Cannot connect: host must be/,
    });
  });

  describe("its snapshot", () => {
    test("says whether it is connected", async () => {
      await using server = await peerServer();
      await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
      expect(parent.childSnapshot).toMatchObject({ status: "active", context: { readyState: "connecting" } });
      await parent.told("Connected");
      expect(parent.childSnapshot).toMatchObject({ status: "active", context: { readyState: "open" } });
    });

    test("is data, and one that is restored connects anew", async () => {
      await using made = await open();
      const persisted: unknown = JSON.parse(JSON.stringify(made.parent.actor.getPersistedSnapshot()));
      made.parent.actor.stop();
      const server = await peerServer();
      const text = JSON.stringify(persisted).replaceAll(/"port":\d+/g, `"port":${server.port}`);
      await using again = invoking(fromTcpSocket(), undefined, JSON.parse(text) as Snapshot<unknown>);
      await server.accept();
      await again.told("Connected");
      expect(again.childSnapshot).toMatchObject({ context: { readyState: "open" } });
      await server[Symbol.asyncDispose]();
    });
  });

  test("is inspected as small events with their source", async () => {
    await using made = await open();
    const { parent, peer } = made;
    parent.command(say("x"));
    parent.command(next);
    await peer.send("y");
    await parent.told("Packet");
    const seen = parent.inspected
      .filter((event) => event.type === "@xstate.event")
      .filter(({ event }) => event.type !== "test.command" && event.type !== "xstate.init")
      .map(({ sourceRef, event }) => {
        const source = sourceRef === parent.actor ? "parent" : (sourceRef as AnyActorRef).id;
        return `${source} ${JSON.stringify(event).replace(/"id":\d+/, '"id":0')}`;
      });
    expect(seen).toEqual([
      'child {"type":"tankard.update","context":{"readyState":"open"}}',
      'child {"type":"Connected"}',
      'parent {"type":"send","data":"x"}',
      'parent {"type":"receiveNextPacketAsMessage"}',
      'child {"type":"Packet","socket":{"type":"Socket","id":0},"data":{"type":"Buffer","data":[121]}}',
    ]);
  });

  test("emits what it tells, and needs no parent", async () => {
    await using server = await peerServer();
    const actor = createActor(fromTcpSocket(), { input: { host: "127.0.0.1", port: server.port } });
    const emitted: string[] = [];
    actor.on("*", ({ type }) => void emitted.push(type));
    actor.start();
    const peer = await server.accept();
    actor.send({ type: "receiveNextPacketAsMessage" });
    await peer.send("x");
    await until(() => emitted.length === 2, "Nothing is emitted");
    actor.send({ type: "receiveNextPacketAsMessage" });
    peer.close();
    await until(() => actor.getSnapshot().status === "done", "It is not done");
    expect(emitted).toEqual(["Connected", "Packet", "SocketClosed"]);
  });

  test("reports as XState does where nobody hears that it failed", async () => {
    const port = await closedPort();
    const errors = await uncaughtDuring(async () => {
      const actor = createActor(fromTcpSocket(), { input: { host: "127.0.0.1", port } }).start();
      await until(() => actor.getSnapshot().status === "error", "It has not failed");
      await silence();
    });
    expect(errors).toEqual([expect.any(ConnectFailure)]);
  });
});

/** The socket as the machine is told of it. */
function socketOf(parent: Parent): OwnedSocket {
  const packet = parent.events.find((event): event is Packet => event.type === "Packet");
  if (packet === undefined) throw new Error("No packet was told");
  return packet.socket;
}

describe("tcpSocketActions", () => {
  test("send commands to the socket that is invoked by this id", async () => {
    await using server = await peerServer();
    const { send: tell, receiveNextPacketAsMessage: ask, shutdown } = tcpSocketActions("tcp");
    const results = selectSendResults(tcpMessages, (result) => result);
    const machine = setup({
      types: {
        context: {} as { name: string; sent: readonly unknown[] },
        events: {} as MessageFrom<typeof results> | Connected | { type: "say"; text: string },
        output: {} as readonly unknown[],
      },
      actors: { tcp: fromTcpSocket(results) },
      actions: { ask },
    }).createMachine({
      context: { name: "Joe", sent: [] },
      output: ({ context }) => context.sent,
      initial: "on",
      invoke: { id: "tcp", src: "tcp", input: { host: "127.0.0.1", port: server.port }, onDone: ".off" },
      states: { on: {}, off: { type: "final" } },
      on: {
        Connected: { actions: [tell("I am "), tell(({ context }) => [context.name, "\n"], "name")] },
        say: {
          actions: tell(
            ({ event }) => event.text,
            ({ context }) => context.sent.length,
          ),
        },
        Sent: { actions: [assign({ sent: ({ context, event }) => [...context.sent, event.id] }), "ask"] },
        Packet: { actions: ["ask", shutdown] },
      },
    });
    const actor = createActor(machine).start();
    const peer = await server.accept();
    expect((await peer.receive(9)).toString()).toBe("I am Joe\n");
    actor.send({ type: "say", text: "hello" });
    expect((await peer.receive(5)).toString()).toBe("hello");
    await peer.send("enough");
    expect(await toPromise(actor)).toEqual([undefined, "name", 2]);
  });
});
