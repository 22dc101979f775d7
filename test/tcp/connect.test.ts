import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners, once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket as RawSocket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  close,
  connect,
  type ConnectionOptions,
  createRuntime,
  err,
  getstat,
  ipVersionPreference,
  newOptions,
  type Owner,
  ownerFromCallback,
  peername,
  receive,
  receiveNextPacketAsMessage,
  send,
  sockname,
  timeout,
  unwrap,
} from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { hosts } from "../support/names.ts";
import {
  closedPort,
  echoServer,
  peerServer,
  type PeerServer,
  temporaryFolder,
  unixPeerServer,
  within,
} from "../support/peer.ts";
import { silentServer } from "../support/silent-server.ts";
import { bytes, nextMessage, packet, pending, soFar, soonMs, startProcess, unasked } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

const loopback = "127.0.0.1";
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"));
const describeIpv6 = hasIpv6 ? describe : describe.skip;

// What a JavaScript caller can do: no type stands in its way.
const connectAnything = connect as (options: unknown) => unknown;

describe("connect", () => {
  test("gives a passive socket: its owner hears nothing before it has asked", async () => {
    await using server = await peerServer();
    await using owner = await startProcess();
    const socket = unwrap(await connect({ host: loopback, port: server.port, owner: owner.self }));
    const peer = await server.accept();
    await peer.send("Welcome");
    await peer.halfClose();
    expect(await unasked(owner.self)).toEqual(err("Timeout"));
    expect(unwrap(getstat(socket)).recvOct).toBe(0);
    receiveNextPacketAsMessage(socket);
    expect(await nextMessage(owner.self)).toEqual(packet(socket, "Welcome"));
  });

  test("reads nothing before it is asked for, not even what comes with the connection", async () => {
    const greeter = createServer((raw) => raw.on("error", () => undefined).end("220 hello\r\n")).listen(0, loopback);
    await once(greeter, "listening");
    await using owner = await startProcess();
    const { port } = greeter.address() as AddressInfo;
    const socket = unwrap(await connect({ host: loopback, port, owner: owner.self }));
    expect(await unasked(owner.self)).toEqual(err("Timeout"));
    expect(unwrap(getstat(socket)).recvOct).toBe(0);
    expect(await receive(socket, soonMs)).toEqual(bytes("220 hello\r\n"));
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    greeter.close();
  });

  test("without an owner gives a socket that lives until it is closed", async () => {
    await using server = await echoServer();
    await using caller = await startProcess();
    const connecting = caller.self.spawn(() => connect({ host: loopback, port: server.port })).result;
    await using socket = unwrap(await connecting);
    await turns();
    unwrap(await send(socket, "nobody's"));
    expect(await receive(socket, soonMs)).toEqual(bytes("nobody's"));
  });

  test.each(["Ipv4Only", "Ipv4Preferred", "Ipv6Preferred"] as const)(
    "reaches a server on IPv4 by its address and by the name localhost, with %s",
    async (preference) => {
      await using server = await echoServer();
      for (const host of [loopback, "localhost"]) {
        const where = { host, port: server.port, ipVersionPreference: preference };
        await using socket = unwrap(await connect(where));
        expect(peername(socket)).toEqual({ ok: true, value: { address: loopback, port: server.port } });
      }
    },
  );

  describeIpv6("over IPv6", () => {
    test.each(["Ipv6Only", "Ipv4Preferred", "Ipv6Preferred"] as const)(
      "reaches a server by its address, with %s",
      async (preference) => {
        await using server = await peerServer("::1");
        const where = { host: "::1", port: server.port, ipVersionPreference: preference };
        await using socket = unwrap(await connect(where));
        expect(peername(socket)).toEqual({ ok: true, value: { address: "::1", port: server.port } });
      },
    );

    test("reaches the version that is preferred where a name has both, and the other where that one fails", async () => {
      await using ipv4 = await peerServer();
      await using ipv6 = await serverOn("::1", ipv4.port);
      using _ = hosts({ "both.test": { 4: [loopback], 6: ["::1"] }, "old.test": { 4: [loopback], 6: ["::2"] } });
      const addresses: string[] = [];
      for (const host of ["both.test", "old.test"]) {
        for (const ipVersionPreference of ["Ipv4Preferred", "Ipv6Preferred"] as const) {
          await using socket = unwrap(await connect({ host, port: ipv6.port, ipVersionPreference }));
          addresses.push(unwrap(peername(socket)).address);
        }
      }
      expect(addresses).toEqual([loopback, "::1", loopback, loopback]);
    });

    test("is Econnrefused for both IP versions where nobody listens on either, in the order tried", async () => {
      const port = await closedPort();
      using _ = hosts({ "both.test": { 4: [loopback], 6: ["::1"] } });
      const ipv4 = { address: loopback, family: 4, reason: "Econnrefused" };
      const ipv6 = { address: "::1", family: 6, reason: "Econnrefused" };
      const error = { type: "ConnectFailedBoth", ipv4: "Econnrefused", ipv6: "Econnrefused" };
      expect(await connect({ host: "both.test", port })).toEqual(err({ ...error, attempts: [ipv6, ipv4] }));
      expect(await connect({ host: "both.test", port, ipVersionPreference: "Ipv4Preferred" })).toEqual(
        err({ ...error, attempts: [ipv4, ipv6] }),
      );
    });
  });

  describe("where it fails", () => {
    test.each([
      ["Ipv4Only", { type: "ConnectFailedIpv4", ipv4: "Nxdomain" }],
      ["Ipv6Only", { type: "ConnectFailedIpv6", ipv6: "Nxdomain" }],
      ["Ipv4Preferred", { type: "ConnectFailedBoth", ipv4: "Nxdomain", ipv6: "Nxdomain" }],
      ["Ipv6Preferred", { type: "ConnectFailedBoth", ipv4: "Nxdomain", ipv6: "Nxdomain" }],
    ] as const)("with %s is Nxdomain for an unknown host, with the resolver's own code", async (preference, error) => {
      // A label is 63 letters at most: no resolver has to be asked.
      const host = `${"a".repeat(64)}.invalid`;
      const failed = await connect({ host, port: 1, ipVersionPreference: preference });
      expect(failed).toMatchObject(err(error));
      const attempts = failed.ok ? [] : failed.error.attempts;
      expect(new Set(attempts.map(({ address, code }) => `${address} ${code ?? ""}`))).toEqual(
        new Set([`${host} ENOTFOUND`]),
      );
    });

    test.each(["0x7f000001", "0X7F.0.0.1", "127.0x0.1", "a".repeat(300), `${"a.".repeat(40_000)}invalid`])(
      "is Nxdomain for what inet does not take for a host (%#)",
      async (host) => {
        await using server = await peerServer();
        expect(await connect({ host, port: server.port, ipVersionPreference: "Ipv4Only" })).toMatchObject(
          err({ type: "ConnectFailedIpv4", ipv4: "Nxdomain" }),
        );
      },
    );

    test("is Nxdomain for an address of the IP version that is not tried", async () => {
      const port = await closedPort();
      expect(await connect({ host: loopback, port, ipVersionPreference: "Ipv6Only" })).toMatchObject(
        err({ type: "ConnectFailedIpv6", ipv6: "Nxdomain" }),
      );
      expect(await connect({ host: "::1", port, ipVersionPreference: "Ipv4Only" })).toMatchObject(
        err({ type: "ConnectFailedIpv4", ipv4: "Nxdomain" }),
      );
    });

    test("is Econnrefused where nobody listens, for the IP version of the address", async () => {
      const port = await closedPort();
      const attempts = [{ address: loopback, family: 4, reason: "Econnrefused" }];
      expect(await connect({ host: loopback, port, ipVersionPreference: "Ipv4Only" })).toEqual(
        err({ type: "ConnectFailedIpv4", ipv4: "Econnrefused", attempts }),
      );
      expect(await connect({ host: loopback, port })).toMatchObject(
        err({ type: "ConnectFailedBoth", ipv4: "Econnrefused", ipv6: "Nxdomain" }),
      );
    });

    test("has tried every address of a name, one after the other", async () => {
      await using server = await peerServer();
      using _ = hosts({ "many.test": { 4: ["127.0.0.2", "127.0.0.3"] }, "last.test": { 4: ["127.0.0.2", loopback] } });
      const failed = await connect({ host: "many.test", port: server.port, ipVersionPreference: "Ipv4Only" });
      expect(failed).toMatchObject(
        err({ type: "ConnectFailedIpv4", attempts: [{ address: "127.0.0.2" }, { address: "127.0.0.3" }] }),
      );
      await using socket = unwrap(
        await connect({ host: "last.test", port: server.port, ipVersionPreference: "Ipv4Only" }),
      );
      expect(unwrap(peername(socket)).address).toBe(loopback);
    });

    test("is Econnrefused for port 0", async () => {
      expect(await connect({ host: loopback, port: 0, ipVersionPreference: "Ipv4Only" })).toMatchObject(
        err({ type: "ConnectFailedIpv4", ipv4: "Econnrefused" }),
      );
    });

    test("is Timeout where nobody answers, after 1000 milliseconds if not told otherwise", async () => {
      await using silent = await silentServer();
      const clock = createSimulatedClock();
      await using owner = await startProcess(createRuntime({ clock }));
      const where = { host: loopback, port: silent.port, ipVersionPreference: "Ipv4Only", owner: owner.self } as const;
      const connecting = connect(where);
      await clock.advance(999);
      expect(await soFar(connecting)).toBe(pending);
      await clock.advance(1);
      const attempts = [{ address: loopback, family: 4, reason: "Timeout" }];
      expect(await connecting).toEqual(err({ type: "ConnectFailedIpv4", ipv4: "Timeout", attempts }));

      const sooner = connect({ ...where, timeout: 20 });
      await clock.advance(20);
      expect(await sooner).toMatchObject(err({ ipv4: "Timeout" }));
    });

    test("has the timeout for each IP version: a lookup that is never answered leaves the other its own", async () => {
      await using silent = await silentServer();
      using _ = hosts({ "slow.test": { 4: [loopback], 6: "silence" } });
      const clock = createSimulatedClock();
      await using owner = await startProcess(createRuntime({ clock }));
      const connecting = connect({ host: "slow.test", port: silent.port, owner: owner.self });
      await clock.advance(1_000);
      await clock.advance(999);
      expect(await soFar(connecting)).toBe(pending);
      await clock.advance(1);
      expect(await connecting).toMatchObject(err({ type: "ConnectFailedBoth", ipv4: "Timeout", ipv6: "Timeout" }));
    });

    test("is Timeout at the deadline for all attempts together", async () => {
      await using silent = await silentServer();
      using _ = hosts({ "slow.test": { 4: [loopback], 6: "silence" } });
      const clock = createSimulatedClock();
      await using owner = await startProcess(createRuntime({ clock }));
      const connecting = connect({ host: "slow.test", port: silent.port, deadline: 1_500, owner: owner.self });
      await clock.advance(1_000);
      await clock.advance(499);
      expect(await soFar(connecting)).toBe(pending);
      await clock.advance(1);
      expect(await connecting).toMatchObject(err({ type: "ConnectFailedBoth", ipv4: "Timeout", ipv6: "Timeout" }));
    });

    test("is Eaddrnotavail from an address that this machine does not have", async () => {
      await using server = await peerServer();
      const where = { host: loopback, port: server.port, ipVersionPreference: "Ipv4Only" } as const;
      expect(await connect({ ...where, localAddress: "192.0.2.1" })).toMatchObject(err({ ipv4: "Eaddrnotavail" }));
    });
  });

  describe("with a signal", () => {
    test("that was aborted before says ConnectAborted, and nothing was tried", async () => {
      await using server = await peerServer();
      const aborted = await connect({ host: loopback, port: server.port, signal: AbortSignal.abort() });
      expect(aborted).toEqual(err({ type: "ConnectAborted", cause: "Signal", attempts: [] }));
      await turns(10);
      expect(server.accepted).toBe(0);
    });

    test("that is aborted while it connects says ConnectAborted at once", async () => {
      await using silent = await silentServer();
      const controller = new AbortController();
      const where = { host: loopback, port: silent.port, ipVersionPreference: "Ipv4Only" } as const;
      const connecting = connect({ ...where, timeout: Infinity, signal: controller.signal });
      expect(await soFar(connecting)).toBe(pending);
      controller.abort();
      expect(await within(connecting, "It goes on connecting")).toMatchObject(
        err({ type: "ConnectAborted", cause: "Signal" }),
      );
      expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    });

    test("that is aborted during the lookup says ConnectAborted at once", async () => {
      using _ = hosts({ "silent.test": { 4: "silence", 6: "silence" } });
      const controller = new AbortController();
      const connecting = connect({ host: "silent.test", port: 1, timeout: Infinity, signal: controller.signal });
      controller.abort();
      expect(await within(connecting, "It goes on looking up")).toMatchObject(
        err({ type: "ConnectAborted", cause: "Signal" }),
      );
    });

    test("that is aborted at any moment leaves no connection behind", async () => {
      await using server = await peerServer();
      for (let moment = 0; moment < 12; moment++) {
        const controller = new AbortController();
        const connecting = connect({ host: loopback, port: server.port, signal: controller.signal });
        await turns(moment);
        controller.abort();
        const result = await connecting;
        if (result.ok) await close(result.value);
        expect(result).toMatchObject(result.ok ? { ok: true } : err({ type: "ConnectAborted", cause: "Signal" }));
      }
      await everyPeerEnds(server);
    });

    test("that is aborted in the very moment in which the connection stands leaves none behind", async () => {
      await using server = await peerServer();
      for (let microtasks = 0; microtasks < 8; microtasks++) {
        const controller = new AbortController();
        using _ = whenConnected(async () => {
          for (let left = microtasks; left > 0; left--) await Promise.resolve();
          controller.abort();
        });
        const where = { host: loopback, port: server.port, ipVersionPreference: "Ipv4Only" } as const;
        const result = await connect({ ...where, signal: controller.signal });
        if (result.ok) await close(result.value);
        expect(result).toMatchObject(result.ok ? { ok: true } : err({ type: "ConnectAborted", cause: "Signal" }));
      }
      await everyPeerEnds(server);
    });

    test("that is aborted afterwards does nothing to the connection", async () => {
      await using server = await echoServer();
      const controller = new AbortController();
      await using socket = unwrap(await connect({ host: loopback, port: server.port, signal: controller.signal }));
      controller.abort();
      unwrap(await send(socket, "still here"));
      expect(await receive(socket, soonMs)).toEqual(bytes("still here"));
    });
  });

  describe("for an owner", () => {
    test("that has ended says ConnectAborted, and nothing was tried", async () => {
      await using server = await peerServer();
      await using owner = await startProcess();
      owner.process.kill();
      const aborted = await connect({ host: loopback, port: server.port, owner: owner.self });
      expect(aborted).toEqual(err({ type: "ConnectAborted", cause: "OwnerExited", attempts: [] }));
      await turns(10);
      expect(server.accepted).toBe(0);
    });

    test("that ends while it connects says ConnectAborted at once", async () => {
      await using silent = await silentServer();
      await using owner = await startProcess();
      const where = { host: loopback, port: silent.port, ipVersionPreference: "Ipv4Only" } as const;
      const connecting = connect({ ...where, timeout: Infinity, owner: owner.self });
      expect(await soFar(connecting)).toBe(pending);
      owner.process.kill();
      expect(await within(connecting, "It goes on connecting")).toMatchObject(
        err({ type: "ConnectAborted", cause: "OwnerExited" }),
      );
    });

    test("that ends in the very moment in which the connection stands leaves none behind", async () => {
      await using server = await peerServer();
      for (let microtasks = 0; microtasks < 8; microtasks++) {
        await using owner = await startProcess();
        using _ = whenConnected(async () => {
          for (let left = microtasks; left > 0; left--) await Promise.resolve();
          owner.process.kill();
        });
        const where = { host: loopback, port: server.port, ipVersionPreference: "Ipv4Only" } as const;
        const result = await connect({ ...where, owner: owner.self });
        await turns(1); // now it has ended, before the answer or after
        expect(result.ok ? getstat(result.value) : result).toMatchObject(
          err(result.ok ? "Closed" : { type: "ConnectAborted", cause: "OwnerExited" }),
        );
      }
      await everyPeerEnds(server);
    });

    test.each(["process", "callback"])("a %s, that ends at any moment leaves no connection behind", async (kind) => {
      await using server = await peerServer();
      for (let moment = 0; moment < 12; moment++) {
        const { owner, end } = await ownerOf(kind);
        const connecting = connect({ host: loopback, port: server.port, owner });
        await turns(moment);
        end();
        const result = await connecting;
        // Where the owner was there for the connection, it has closed with it.
        expect(result.ok ? getstat(result.value) : result).toMatchObject(
          err(result.ok ? "Closed" : { type: "ConnectAborted", cause: "OwnerExited" }),
        );
      }
      await everyPeerEnds(server);
    });
  });

  describe("with options of the socket", () => {
    test("takes what newOptions, timeout and ipVersionPreference give", async () => {
      await using server = await echoServer();
      const options = timeout(ipVersionPreference(newOptions(loopback, { port: server.port }), "Ipv4Only"), 2_000);
      await using socket = unwrap(await connect(options));
      expect(peername(socket)).toEqual({ ok: true, value: { address: loopback, port: server.port } });
    });

    test("fails, and throws nothing, from an address of the other IP version or a port that is taken", async () => {
      await using server = await peerServer();
      const where = { host: loopback, port: server.port, ipVersionPreference: "Ipv4Only" } as const;
      expect(await connect({ ...where, localAddress: "::1" })).toMatchObject(err({ ipv4: "Einval" }));
      const taken = { localAddress: loopback, localPort: server.port };
      expect(await connect({ ...where, ...taken })).toMatchObject(err({ ipv4: "Eaddrinuse" }));
    });

    test("connects from localAddress and localPort", async () => {
      await using server = await peerServer();
      const localPort = await closedPort("127.0.0.2");
      const options = { host: loopback, port: server.port, localAddress: "127.0.0.2", localPort };
      await using socket = unwrap(await connect(options));
      const peer = await server.accept();
      expect(sockname(socket)).toEqual({ ok: true, value: { address: "127.0.0.2", port: localPort } });
      expect([peer.raw.remoteAddress, peer.raw.remotePort]).toEqual(["127.0.0.2", localPort]);
    });

    test("takes keepalive and nodelay", async () => {
      await using server = await echoServer();
      const options = { host: loopback, port: server.port, keepalive: true, nodelay: false };
      await using socket = unwrap(await connect(options));
      unwrap(await send(socket, "as ever"));
      expect(await receive(socket, soonMs)).toEqual(bytes("as ever"));
    });
  });

  describe("with the path of a unix socket", () => {
    test("connects to it, whatever host and port say", async () => {
      await using server = await unixPeerServer();
      await using owner = await startProcess();
      const options = { host: "", port: NaN, path: server.path, owner: owner.self };
      const socket = unwrap(await connect(options));
      const peer = await server.accept();
      await peer.send("over a file");
      receiveNextPacketAsMessage(socket);
      expect(await nextMessage(owner.self)).toEqual(packet(socket, "over a file"));
      unwrap(await send(socket, "back"));
      expect((await peer.receive(4)).toString()).toBe("back");
      expect(peername(socket)).toEqual({ ok: true, value: { address: server.path, port: 0 } });
    });

    test("is ConnectFailedUnix with Enoent where there is none, and Econnrefused where nobody listens", async () => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, "socket");
      expect(await connect({ host: "", port: 0, path })).toMatchObject(
        err({ type: "ConnectFailedUnix", reason: "Enoent" }),
      );
      await writeFile(path, "a file, and no socket");
      expect(await connect({ host: "", port: 0, path })).toMatchObject(
        err({ type: "ConnectFailedUnix", reason: "Econnrefused" }),
      );
      await rm(path);
    });
  });

  test("fails, and throws nothing, for a path that is longer than any unix socket's", async () => {
    await using folder = await temporaryFolder();
    const result = await connect({ host: "", port: 0, path: join(folder.path, "long".repeat(50)) });
    expect(result).toMatchObject(err({ type: "ConnectFailedUnix", reason: expect.stringMatching(/^E/) }));
  });

  test.each<[string, Partial<Record<keyof ConnectionOptions | "owner" | "signal" | "deadline" | "tiemout", unknown>>]>([
    ["received -1", { timeout: -1 }],
    ["received NaN", { timeout: NaN }],
    ["received -5", { deadline: -5 }],
    ['received ""', { host: "" }],
    ['received "a b"', { host: "a b" }],
    ['received "b\\u00fccher.example"'.replace("\\u00fc", "ü"), { host: "bücher.example" }],
    ["received undefined", { host: undefined }],
    ["received 65536", { port: 65_536 }],
    ["received -1", { port: -1 }],
    ['received "80"', { port: "80" }],
    ["received 0", { buffer: 0 }],
    ['received "nowhere"', { localAddress: "nowhere" }],
    ['received "1:2"', { localAddress: "1:2" }],
    ["received { name: 'nobody' }", { owner: { name: "nobody" } }],
    ['unknown option "tiemout", did you mean "timeout"?', { tiemout: 5 }],
  ])("throws, with %s in the text, and tries nothing", async (text, wrong) => {
    await using server = await peerServer();
    expect(() => connectAnything({ host: loopback, port: server.port, ...wrong })).toThrow(text);
    await turns(10);
    expect(server.accepted).toBe(0);
  });

  test("gives a socket whose JSON says its type and number and nothing else", async () => {
    await using server = await peerServer();
    await using socket = unwrap(await connect({ host: loopback, port: server.port }));
    expect(JSON.parse(JSON.stringify({ socket }))).toEqual({ socket: { type: "Socket", id: socket.id } });
  });
});

/** Acts when Node has a connection, just before anybody hears of it. */
function whenConnected(act: () => unknown): Disposable {
  const listener = (message: unknown): void => {
    (message as { readonly socket: RawSocket }).socket.prependOnceListener("connect", act);
  };
  subscribe("net.client.socket", listener);
  return {
    [Symbol.dispose]: () => {
      unsubscribe("net.client.socket", listener);
    },
  };
}

async function ownerOf(kind: string): Promise<{ readonly owner: Owner; readonly end: () => void }> {
  if (kind === "callback") {
    const owner = ownerFromCallback(() => undefined);
    return { owner, end: () => owner.exit() };
  }
  const { self, process } = await startProcess();
  return { owner: self, end: () => process.kill() };
}

/** Whatever has come to the server has ended or ends. */
async function everyPeerEnds(server: PeerServer): Promise<void> {
  await turns(10);
  for (let left = server.accepted; left > 0; left--) await (await server.accept()).readToEnd();
}

/** A server that only answers, on an address and port of the test's choice. */
async function serverOn(host: string, port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((raw) => raw.on("error", () => undefined).resume()).listen(port, host);
  await once(server, "listening");
  return {
    port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
