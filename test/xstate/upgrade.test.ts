// Connections of machines that go on in TLS: `fromUpgrade`, and `fromTcpSocket` with its command.

import { once } from "node:events";
import { connect, TLSSocket } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import type { DoneActorEvent, ErrorActorEvent } from "xstate";
import { type OwnedSocket, type Packet, receive, receiveNextPacketAsMessage, send, unwrap } from "tankard";
import { newServerContext, type TlsClientOptions } from "tankard/tls";
import { fromTcpSocket, fromUpgrade, type TcpSocketCommand, UpgradeFailure } from "tankard/xstate";
import { ca, credentials } from "../support/certificates.ts";
import { invoking } from "../support/parent.ts";
import { type Peer, peerServer } from "../support/peer.ts";
import { connectedToPeer } from "../support/test-process.ts";
import { tlsEchoServer } from "../support/tls-peer.ts";

const done = "xstate.done.actor.child";
const failed = "xstate.error.actor.child";
const tls: TlsClientOptions = { ca, serverNameIndication: "localhost" };
const next: TcpSocketCommand = { type: "receiveNextPacketAsMessage" };
const goOn: TcpSocketCommand = { type: "upgrade", tls };
const say = (data: string): TcpSocketCommand => ({ type: "send", data });

/** The peer speaks TLS from here on, as a server, and sends back what it gets. */
function echoOverTls(peer: Peer): void {
  peer.raw.removeAllListeners("data");
  const secured = new TLSSocket(peer.raw, { isServer: true, ...credentials("localhost") });
  secured.on("error", () => undefined);
  secured.pipe(secured);
}

describe("fromUpgrade", () => {
  test("gives the socket that it was given, which speaks TLS and belongs to whom it belonged", async () => {
    await using made = await connectedToPeer();
    const { socket, peer } = made;
    echoOverTls(peer);
    await using parent = invoking(fromUpgrade(), { socket, tls });
    const { output } = await parent.told<DoneActorEvent<OwnedSocket>>(done);
    expect(output).toBe(socket);
    parent.leave(); // it is not the actor's
    unwrap(await send(socket, "Hello, Joe!"));
    expect(unwrap(await receive(socket, 1_000)).toString()).toBe("Hello, Joe!");
  });

  test("answers a client, by a server's context", async () => {
    await using made = await connectedToPeer();
    const { socket, peer } = made;
    peer.raw.removeAllListeners("data");
    await using parent = invoking(fromUpgrade(), { socket, tls: newServerContext(credentials("localhost")) });
    const client = connect({ socket: peer.raw, ca, servername: "localhost" });
    await once(client, "secureConnect");
    await parent.told(done);
    unwrap(await send(socket, "Hello, Mike!"));
    expect(String((await once(client, "data"))[0])).toBe("Hello, Mike!");
    client.destroy();
  });

  test("fails with an UpgradeFailure that says why, and the connection is closed", async () => {
    await using made = await connectedToPeer();
    const { socket, peer } = made;
    echoOverTls(peer);
    const other = { ...tls, serverNameIndication: "example.org" };
    await using parent = invoking(fromUpgrade(), { socket, tls: other });
    const { error } = await parent.told<ErrorActorEvent>(failed);
    expect(error).toBeInstanceOf(UpgradeFailure);
    expect(error).toMatchObject({
      message: expect.stringContaining("it is for another host"),
      error: { type: "TlsCertificateRejected", reason: "HostnameCheckFailed" },
    });
    expect(await send(socket, "x")).toMatchObject({ ok: false });
  });

  test("fails, and harms nothing, where the socket has been asked for a packet", async () => {
    await using made = await connectedToPeer();
    const { socket, peer } = made;
    receiveNextPacketAsMessage(socket);
    await using parent = invoking(fromUpgrade(), { socket, tls });
    const { error } = await parent.told<ErrorActorEvent>(failed);
    expect(error).toMatchObject({ error: "Einval" });
    parent.leave();
    unwrap(await send(socket, "in plain text"));
    expect((await peer.receive(13)).toString()).toBe("in plain text");
  });

  test.each(["leave", "stop", "crash"] as const)("resets the connection when the machine does %s", async (how) => {
    await using made = await connectedToPeer();
    const { socket, peer } = made;
    await using parent = invoking(fromUpgrade(), { socket, tls });
    await peer.receive(1); // of the hello
    if (how === "leave") parent.leave();
    else if (how === "stop") parent.actor.stop();
    else parent.crash(new Error("oops"));
    expect((await peer.readToEnd()).how).toBe("Rst");
    expect(parent.types).toEqual([]);
  });

  test("fails where it is restored in the middle: no snapshot has a socket", async () => {
    await using made = await connectedToPeer();
    await using parent = invoking(fromUpgrade(), { socket: made.socket, tls });
    const snapshot = JSON.parse(JSON.stringify(parent.actor.getPersistedSnapshot())) as never;
    await using again = invoking(fromUpgrade(), undefined, snapshot);
    const { error } = await again.told<ErrorActorEvent>(failed);
    expect(String(error)).toContain("Cannot upgrade: expected a socket");
  });
});

describe("fromTcpSocket", () => {
  test("speaks TLS from the beginning where its input says so", async () => {
    await using server = await tlsEchoServer(credentials("localhost"));
    const input = { host: "127.0.0.1", port: server.port, tls: { ca } };
    await using parent = invoking(fromTcpSocket(), input);
    parent.command(say("Hello, Joe!"));
    parent.command(next);
    expect((await parent.told<Packet>("Packet")).data.toString()).toBe("Hello, Joe!");
    expect(parent.types).toEqual(["Connected", "Packet"]);

    await using wrong = invoking(fromTcpSocket(), { ...input, tls: {} });
    const { error } = await wrong.told<ErrorActorEvent>(failed);
    expect(error).toMatchObject({ name: "ConnectFailure", error: { type: "TlsCertificateRejected" } });
    expect(wrong.types).toEqual([failed]);
  });

  test("goes on in TLS when it is told to, also before it is connected, and tells Upgraded", async () => {
    await using server = await peerServer();
    await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
    parent.command(goOn);
    parent.command(next);
    echoOverTls(await server.accept());
    await parent.told("Upgraded");
    parent.command(say("over TLS"));
    expect((await parent.told<Packet>("Packet")).data.toString()).toBe("over TLS");
    expect(parent.types).toEqual(["Connected", "Upgraded", "Packet"]);
  });

  test("lets leave in plain text what was to be sent before, and nothing else", async () => {
    await using server = await peerServer();
    await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
    for (const command of [say("STARTTLS\r\n"), goOn, say("secret")]) parent.command(command);
    const peer = await server.accept();
    const received = await peer.receive(100);
    expect(received.toString("latin1", 0, 10)).toBe("STARTTLS\r\n");
    expect(received[10]).toBe(0x16); // a record of TLS's handshake
    expect(received.includes("secret")).toBe(false);
  });

  test.each([
    ["a certificate that is for another", "TlsCertificateRejected", { ...tls, serverNameIndication: "example.org" }],
    ["a server that does not speak TLS", "TlsHandshakeFailed", tls],
  ])("is in error with an UpgradeFailure, and tells no other end, at %s", async (_what, type, options) => {
    await using server = await peerServer();
    await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
    const peer = await server.accept();
    await parent.told("Connected");
    if (type === "TlsCertificateRejected") echoOverTls(peer);
    parent.command({ type: "upgrade", tls: options });
    if (type === "TlsHandshakeFailed") await peer.send("550 no\r\n".repeat(9));
    const { error } = await parent.told<ErrorActorEvent>(failed);
    expect(error).toBeInstanceOf(UpgradeFailure);
    expect(error).toMatchObject({ error: { type } });
    expect(parent.types).toEqual(["Connected", failed]);
  });

  test("says of a server that leaves during the handshake that it does, and not only that it has gone", async () => {
    await using server = await peerServer();
    await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
    const peer = await server.accept();
    await parent.told("Connected");
    parent.command(goOn);
    await peer.receive(1);
    await peer.halfClose();
    const { error } = await parent.told<ErrorActorEvent>(failed);
    expect(error).toMatchObject({ error: { type: "TlsHandshakeFailed", reason: "Closed" } });
    expect(parent.types).toEqual(["Connected", failed]);
  });

  test("resets the connection where the state is left during the handshake", async () => {
    await using server = await peerServer();
    await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
    const peer = await server.accept();
    await parent.told("Connected");
    parent.command(goOn);
    await peer.receive(1);
    parent.leave();
    expect((await peer.readToEnd()).how).toBeDefined();
    expect(parent.types).toEqual(["Connected"]);
  });

  test("is in error for options that no connection can have", async () => {
    await using server = await peerServer();
    await using parent = invoking(fromTcpSocket(), { host: "127.0.0.1", port: server.port });
    await parent.told("Connected");
    parent.command({ type: "upgrade", tls: { ca: "no PEM" } });
    const { error } = await parent.told<ErrorActorEvent>(failed);
    expect(String(error)).toMatch(/^TypeError: Cannot upgrade: /);
  });
});
