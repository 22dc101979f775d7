import { describe, expect, jest, test } from "@jest/globals";
import { closedPort, connectPeer, type Peer, peerServer } from "../support/peer.ts";
import { runExample, startServerExample } from "../support/run-example.ts";
import { pattern } from "../support/test-process.ts";

jest.setTimeout(60_000);

function proxyTo(port: number) {
  return startServerExample("proxy", "--to", `127.0.0.1:${port}`);
}

/** Reads to the end while `data` goes out, and half-closes behind it. */
async function exchange(peer: Peer, data: Buffer): Promise<Buffer> {
  const [stream] = await Promise.all([peer.readToEnd(), peer.send(data).then(() => peer.halfClose())]);
  expect(stream.how).toBe("Fin");
  return stream.data;
}

/** Of a connection over which nothing is said. A reset may come before Node has heard that it stands. */
async function howItEnds(server: { readonly port: number }): Promise<string | undefined> {
  try {
    await using client = await connectPeer(server);
    return (await client.readToEnd()).how;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ECONNRESET" ? "Rst" : String(error);
  }
}

describe("proxy", () => {
  test("lets several clients talk to the server, both ways to the ends", async () => {
    await using server = await peerServer();
    await using example = await proxyTo(server.port);
    for (let round = 0; round < 2; round++) {
      await using client = await connectPeer(example);
      const served = await server.accept();
      const [request, answer] = [pattern(3_000_000, round), pattern(2_000_000, 99)];
      const [atClient, atServer] = await Promise.all([exchange(client, request), exchange(served, answer)]);
      expect(atServer.equals(request)).toBe(true);
      expect(atClient.equals(answer)).toBe(true);
    }
    example.signal("SIGTERM");
    expect(await example.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test.each(["SIGTERM", "SIGINT"] as const)("ends at %s, and resets the connections that it cuts", async (signal) => {
    await using server = await peerServer();
    await using example = await proxyTo(server.port);
    await using client = await connectPeer(example);
    const served = await server.accept();
    await client.send("half of ");
    expect((await served.receive(8)).toString()).toBe("half of ");
    example.signal(signal);
    expect((await client.readToEnd()).how).toBe("Rst");
    expect((await served.readToEnd()).how).toBe("Rst");
    expect(await example.ended).toEqual({ code: 0, stdout: `listening on 127.0.0.1:${example.port}\n`, stderr: "" });
  });

  test("resets a client whose server is not there, says so, and goes on", async () => {
    const port = await closedPort();
    await using example = await proxyTo(port);
    for (let round = 0; round < 2; round++) {
      expect(await howItEnds(example)).toBe("Rst");
    }
    example.signal("SIGTERM");
    const { code, stderr } = await example.ended;
    expect(code).toBe(0);
    expect(stderr.match(/^could not connect over IPv4 .*refused.*\.$/gm)).toHaveLength(2);
  });

  test("says how it is used, and why it cannot listen", async () => {
    const usage = { code: 2, stdout: "", stderr: "Usage: proxy --to HOST:PORT [--host HOST] [--port PORT]\n" };
    for (const args of [[], ["--to", "nowhere"], ["--to", "here:1", "--port", "99999"], ["--frobnicate"]]) {
      expect(await runExample("proxy", ...args)).toEqual(usage);
    }
    await using server = await peerServer();
    const ended = await runExample("proxy", "--to", "127.0.0.1:1", "--port", `${server.port}`);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^Cannot listen on 127\.0\.0\.1:\d+: .*in use.*\.\n$/);
  });
});
