import { describe, expect, test } from "@jest/globals";
import { createActor, type DoneActorEvent, type ErrorActorEvent } from "xstate";
import {
  type OwnedSocket,
  type Packet,
  receiveNextPacketAsMessage,
  send,
  newSelector,
  selectTcpMessages,
} from "tankard";
import { ConnectFailure, fromConnect } from "tankard/xstate";
import { invoking } from "../support/parent.ts";
import { ca, credentials } from "../support/certificates.ts";
import { closedPort, peerServer } from "../support/peer.ts";
import { silentServer } from "../support/silent-server.ts";
import { tlsEchoServer } from "../support/tls-peer.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

const done = "xstate.done.actor.child";
const failed = "xstate.error.actor.child";

describe("fromConnect", () => {
  test("gives a socket whose messages come to the machine, by the selector", async () => {
    const selector = selectTcpMessages(newSelector(), (message) => ({ type: `net.${message.type}` }));
    for (const [logic, expected] of [
      [fromConnect(), "Packet"],
      [fromConnect(selector), "net.Packet"],
    ] as const) {
      await using server = await peerServer();
      await using parent = invoking(logic, { host: "127.0.0.1", port: server.port });
      const peer = await server.accept();
      const { output } = await parent.told<DoneActorEvent<OwnedSocket>>(done);
      parent.leave(); // it belongs to the machine, whatever state that is in
      receiveNextPacketAsMessage(output);
      await peer.send("x");
      await parent.told<Packet>(expected as "Packet");
      await send(output, "y");
      expect((await peer.receive(1)).toString()).toBe("y");
    }
  });

  test.each(["stop", "crash"] as const)("closes the socket when the machine does %s", async (how) => {
    await using server = await peerServer();
    await using parent = invoking(fromConnect(), { host: "127.0.0.1", port: server.port });
    const peer = await server.accept();
    await parent.told(done);
    if (how === "crash") parent.crash(new Error("oops"));
    else parent.actor.stop();
    expect((await peer.readToEnd()).how).toBe("Fin");
  });

  test("fails with a ConnectFailure that says why", async () => {
    const port = await closedPort();
    await using parent = invoking(fromConnect(), { host: "127.0.0.1", port, ipVersionPreference: "Ipv4Only" });
    const { error } = await parent.told<ErrorActorEvent>(failed);
    expect(error).toBeInstanceOf(ConnectFailure);
    expect(error).toMatchObject({ error: { type: "ConnectFailedIpv4", ipv4: "Econnrefused" } });
  });

  test("speaks TLS where its input says so, and gives no socket where the certificate is for another", async () => {
    await using server = await tlsEchoServer(credentials("localhost"));
    const input = { host: "127.0.0.1", port: server.port, tls: { ca } };
    await using parent = invoking(fromConnect(), input);
    const { output } = await parent.told<DoneActorEvent<OwnedSocket>>(done);
    await send(output, "Hello, Joe!");
    receiveNextPacketAsMessage(output);
    expect((await parent.told<Packet>("Packet")).data.toString()).toBe("Hello, Joe!");

    const tls = { ca, serverNameIndication: "example.org" };
    await using wrong = invoking(fromConnect(), { ...input, tls });
    const { error } = await wrong.told<ErrorActorEvent>(failed);
    expect(error).toBeInstanceOf(ConnectFailure);
    expect(error).toMatchObject({
      message: expect.stringContaining("it is for another host"),
      error: { type: "TlsCertificateRejected", reason: "HostnameCheckFailed" },
    });
  });

  test.each(["leave", "stop", "crash"] as const)(
    "leaves no connection when the machine does %s during the handshake",
    async (how) => {
      await using server = await peerServer();
      await using parent = invoking(fromConnect(), { host: "127.0.0.1", port: server.port, tls: { ca } });
      const peer = await server.accept();
      await peer.receive(1); // of the hello
      if (how === "leave") parent.leave();
      else if (how === "stop") parent.actor.stop();
      else parent.crash(new Error("oops"));
      await peer.readToEnd();
      expect(parent.types).toEqual([]);
    },
  );

  test.each(["leave", "stop", "crash"] as const)("leaves nothing when the machine does %s meanwhile", async (how) => {
    await using silent = await silentServer();
    await using parent = invoking(fromConnect(), { host: "127.0.0.1", port: silent.port });
    await turns();
    if (how === "leave") parent.leave();
    else if (how === "stop") parent.actor.stop();
    else parent.crash(new Error("oops"));
    expect(parent.childSnapshot.status).toBe("stopped");
    expect(await isSettledWithin(parent.runtime.idle(), 100)).toBe(true);
  });

  test("closes a socket that is there when nobody waits for it any more", async () => {
    await using server = await peerServer();
    await using parent = invoking(fromConnect(), { host: "127.0.0.1", port: server.port });
    const peer = await server.accept(); // connected in the kernel; the machine has not heard of it yet, or just now
    parent.leave();
    parent.actor.stop();
    expect((await peer.readToEnd()).how).toBeDefined();
  });

  test("fails where nobody has invoked it", () => {
    const actor = createActor(fromConnect(), { input: { host: "127.0.0.1", port: 9 } });
    const errors: unknown[] = [];
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    expect(errors).toEqual([
      new Error("Cannot connect for nobody: what fromConnect gives is to be invoked or spawned by a machine"),
    ]);
  });

  test("connects anew where it is restored before it was connected", async () => {
    await using silent = await silentServer();
    await using parent = invoking(fromConnect(), { host: "127.0.0.1", port: silent.port });
    const text = JSON.stringify(parent.actor.getPersistedSnapshot());
    await using server = await peerServer();
    const snapshot = JSON.parse(text.replaceAll(/"port":\d+/g, `"port":${server.port}`)) as never;
    await using again = invoking(fromConnect(), undefined, snapshot);
    expect((await again.told<DoneActorEvent>(done)).output).toMatchObject({ toJSON: expect.any(Function) as unknown });
  });
});
