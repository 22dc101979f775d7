// What the programs that are servers have in common, and the smallest of them.

import { describe, expect, jest, test } from "@jest/globals";
import { connectPeer, peerServer } from "../support/peer.ts";
import { runExample, startServerExample } from "../support/run-example.ts";
import { pattern } from "../support/test-process.ts";

jest.setTimeout(60_000);

describe("echo-server", () => {
  test("sends back what it is sent, to several clients at a time", async () => {
    await using example = await startServerExample("echo-server");
    await using one = await connectPeer(example);
    await using other = await connectPeer(example);
    const data = pattern(1_000_000);
    const [echoed] = await Promise.all([one.receive(data.length), one.send(data)]);
    expect(echoed.equals(data)).toBe(true);
    await other.send("Hello, Joe!\n");
    expect((await other.receive(12)).toString()).toBe("Hello, Joe!\n");
    example.signal("SIGTERM");
    expect(await example.ended).toMatchObject({ code: 0, stderr: "" });
  });
});

describe.each(["echo-server", "key-value-server"])("%s", (name) => {
  test.each(["SIGTERM", "SIGINT"] as const)("lets its clients go at %s, and ends", async (signal) => {
    await using example = await startServerExample(name);
    await using client = await connectPeer(example);
    await client.send("PING\r\n");
    await client.receive(6); // it is served
    example.signal(signal);
    expect(await client.readToEnd()).toMatchObject({ how: "Fin" });
    expect(await example.ended).toEqual({ code: 0, stdout: `listening on 127.0.0.1:${example.port}\n`, stderr: "" });
  });

  test("says how it is used, and why it cannot listen", async () => {
    const usage = { code: 2, stdout: "", stderr: `Usage: ${name} [--host HOST] [--port PORT]\n` };
    for (const args of [["--port", "99999"], ["--port", "x"], ["--host", "a b"], ["--frobnicate"], ["left over"]]) {
      expect(await runExample(name, ...args)).toEqual(usage);
    }
    await using server = await peerServer();
    const ended = await runExample(name, "--port", `${server.port}`);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^Cannot listen on 127\.0\.0\.1:\d+: .*in use.*\.\n$/);
  });
});
