import { describe, expect, test } from "@jest/globals";
import { type Peer, peerServer, type PeerServer } from "../support/peer.ts";
import { runProgram } from "../support/run-program.ts";
import { silentServer } from "../support/silent-server.ts";

// Whether a program ends can only be seen from outside: each of these is a Node process of its own.

/** Milliseconds in which a program that has nothing to do ends: Node's own start comes on top. */
const aliveMs = 500;

const start = (port: number) => `
  import { accept, close, connect, listen, receive, receiveNextPacketAsMessage, ref, send, shutdown, shutdownWrite, spawn, unref, unwrap } from "tankard";
  const server = { host: "127.0.0.1", port: ${port} };
`;

/** Runs a program beside a server; what the server does with its one connection is the test's. */
async function runBeside(
  program: string,
  serve: (server: PeerServer) => Promise<void> = () => Promise.resolve(),
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string; readonly ms: number }> {
  await using server = await peerServer();
  const serving = serve(server);
  const begin = performance.now();
  const ended = await runProgram(start(server.port) + program);
  const ms = performance.now() - begin;
  await serving;
  return { ...ended, ms };
}

/** Lets the program wait, and then wakes it: it ends because of that, or has ended before. */
function later(act: (peer: Peer) => unknown): (server: PeerServer) => Promise<void> {
  return async (server) => {
    const peer = await server.accept();
    await new Promise((resolve) => setTimeout(resolve, aliveMs)); // that a program goes on, only time shows
    await act(peer);
  };
}

describe("Socket", () => {
  test("that is passive keeps the program alive, though nobody waits for anything", async () => {
    const ended = await runBeside(
      `const socket = unwrap(await connect(server));
       process.on("exit", () => console.log("killed or ended"));
       process.once("SIGTERM", () => { console.log("alive"); void close(socket); });
       setTimeout(() => process.kill(process.pid, "SIGTERM"), ${aliveMs}).unref();`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "alive\nkilled or ended\n", stderr: "" });
  });

  test("of a process that only waits for messages keeps the program alive until the peer's end is told", async () => {
    const ended = await runBeside(
      `const { tcpMessages } = await import("tankard");
       spawn(async (self) => {
         const socket = unwrap(await connect({ ...server, owner: self }));
         receiveNextPacketAsMessage(socket);
         console.log((await self.receiveForever(tcpMessages)).type);
       });`,
      later((peer) => peer.close()),
    );
    expect(ended).toMatchObject({ code: 0, stdout: "SocketClosed\n", stderr: "" });
    expect(ended.ms).toBeGreaterThan(aliveMs);
  });

  test("that is unref'ed lets the program end, passive or armed", async () => {
    const ended = await runBeside(
      `spawn(async (self) => {
         const socket = unwrap(await connect({ ...server, owner: self }));
         unref(socket);
         receiveNextPacketAsMessage(socket);
         const other = unwrap(await connect(server));
         unref(other);
         console.log("open");
         await new Promise(() => undefined);
       });`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "open\n", stderr: "" });
  });

  test("that is ref'ed again keeps the program alive", async () => {
    const ended = await runBeside(
      `const socket = unwrap(await connect(server));
       unref(socket);
       unref(socket);
       ref(socket);
       setTimeout(() => { console.log("alive"); unref(socket); }, ${aliveMs}).unref();`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "alive\n", stderr: "" });
  });

  test("that we have shut down lets the program end when the queue has left and the peer has ended", async () => {
    const ended = await runBeside(
      `const socket = unwrap(await connect(server));
       unwrap(await send(socket, Buffer.alloc(16_000_000)));
       unwrap(await shutdown(socket));
       console.log("shut down");`,
      later(async (peer) => {
        const { data, how } = await peer.readToEnd();
        expect([data.length, how]).toEqual([16_000_000, "Fin"]);
        await peer.halfClose();
      }),
    );
    expect(ended).toMatchObject({ code: 0, stdout: "shut down\n", stderr: "" });
    expect(ended.ms).toBeGreaterThan(aliveMs);
  });

  test("that we have shut down lets the program end when the queue has left, though the peer does not end", async () => {
    const ended = await runBeside(
      `const socket = unwrap(await connect(server));
       unwrap(await shutdown(socket));
       console.log("shut down");`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "shut down\n", stderr: "" });
  });

  test("that was ended for writing, and then shut down, lets the program end as well", async () => {
    const ended = await runBeside(
      `const socket = unwrap(await connect(server));
       unwrap(await shutdownWrite(socket));
       await new Promise((resolve) => setTimeout(resolve, 50)); // our end leaves
       unwrap(await shutdown(socket));
       console.log("shut down");`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "shut down\n", stderr: "" });
  });

  test("whose owner has ended lets the program end when the queue has left", async () => {
    const ended = await runBeside(
      `spawn(async (self) => {
         const socket = unwrap(await connect({ ...server, owner: self }));
         unwrap(await send(socket, Buffer.alloc(16_000_000)));
         console.log("ended");
       });`,
      later(async (peer) => {
        const { data, how } = await peer.readToEnd();
        expect([data.length, how]).toEqual([16_000_000, "Fin"]);
      }),
    );
    expect(ended).toMatchObject({ code: 0, stdout: "ended\n", stderr: "" });
  });

  test("whose end has been told keeps nothing alive", async () => {
    const ended = await runBeside(
      `const socket = unwrap(await connect(server));
       console.log(JSON.stringify(await receive(socket, -1)));`,
      later((peer) => peer.close()),
    );
    expect(ended).toMatchObject({ code: 0, stdout: '{"ok":false,"error":"Closed"}\n', stderr: "" });
  });
});

describe("connect", () => {
  test("keeps the program alive while it is pending", async () => {
    await using silent = await silentServer();
    const ended = await runProgram(
      `import { connect } from "tankard";
       const where = { host: "127.0.0.1", port: ${silent.port}, ipVersionPreference: "Ipv4Only", timeout: ${aliveMs} };
       const result = await connect(where);
       console.log(result.error.ipv4);`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "Timeout\n", stderr: "" });
  });
});

describe("Listener", () => {
  test("that is open keeps the program alive until it is closed", async () => {
    const ended = await runProgram(
      `import { closeListener, listen, unwrap } from "tankard";
       const listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
       setTimeout(() => { console.log("alive"); void closeListener(listener); }, ${aliveMs}).unref();`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "alive\n", stderr: "" });
  });

  test("that has been closed keeps nothing alive, but the sockets that it had accepted do", async () => {
    const ended = await runProgram(
      `import { accept, closeListener, connect, listen, unref, unwrap } from "tankard";
       const listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
       const client = unwrap(await connect({ host: "127.0.0.1", port: listener.port }));
       const accepted = unwrap(await accept(listener, 1000));
       await closeListener(listener);
       unref(client);
       setTimeout(() => { console.log("alive"); unref(accepted); }, ${aliveMs}).unref();`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "alive\n", stderr: "" });
  });
});
