import net, { type Server } from "node:net";
import { describe, expect, jest, test } from "@jest/globals";
import { echo, serve } from "../support/served.ts";
import { turns } from "../support/turns.ts";

/** What the system says when it cannot accept a connection, as Node's own server would: that cannot be provoked. */
function failAccept(server: Server, code: string): void {
  server.emit("error", Object.assign(new Error(`accept ${code}`), { code, syscall: "accept" }));
}

/** Node's servers that are made until the end of the block. */
function nodeServers(): Disposable & { readonly servers: readonly Server[] } {
  const servers: Server[] = [];
  const original = net.createServer.bind(net);
  const spy = jest.spyOn(net, "createServer").mockImplementation((...args: Parameters<typeof original>) => {
    const server = original(...args);
    servers.push(server);
    return server;
  });
  return {
    servers,
    [Symbol.dispose]: () => {
      spy.mockRestore();
    },
  };
}

describe("an acceptor", () => {
  test.each([
    ["EMFILE", "Emfile"],
    ["ENFILE", "Enfile"],
    ["ECONNABORTED", "Econnaborted"],
    ["ENOBUFS", "Enobufs"],
    ["ENOMEM", "Enomem"],
  ])("survives %s: it pauses, each time twice as long, and connections that are here go on", async (code, error) => {
    using node = nodeServers();
    await using served = await serve(echo);
    const [server] = node.servers as [Server];
    const peer = await served.peer();
    await served.isServing(1);

    const pauses: number[] = [];
    for (let times = 0; times < 8; times++) {
      failAccept(server, code);
      await turns();
      const last = served.events("AcceptFailed").at(-1);
      pauses.push(last?.retryInMs ?? 0);
      await served.clock.advance(last?.retryInMs ?? 0);
      await turns();
    }
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 640, 1_000]);
    expect(served.events("AcceptFailed")[0]).toEqual({ type: "AcceptFailed", error, retryInMs: 10 });
    expect(served.server.info()).toMatchObject({ acceptErrors: 8, open: 1, isListening: true });

    await peer.send("x");
    expect((await peer.receive(1)).toString()).toBe("x");
    const other = await served.peer();
    await other.send("y");
    expect((await other.receive(1)).toString()).toBe("y");
    await served.isServing(2);
    failAccept(server, code);
    await turns();
    expect(served.events("AcceptFailed").at(-1)?.retryInMs).toBe(10); // one that was accepted in between begins anew
    expect(served.crashes).toEqual([]);
  });

  test("that meets anything else is started again, and those that are here go on", async () => {
    using node = nodeServers();
    await using served = await serve(echo);
    const [server] = node.servers as [Server];
    const peer = await served.peer();
    await served.isServing(1);
    failAccept(server, "EINVAL");
    await turns(10);
    expect(served.crashes).toMatchObject([{ reason: { message: "Cannot accept: Einval" }, handled: true }]);
    await peer.send("x");
    expect((await peer.receive(1)).toString()).toBe("x");
    const other = await served.peer();
    await other.send("y");
    expect((await other.receive(1)).toString()).toBe("y");
  });
});
