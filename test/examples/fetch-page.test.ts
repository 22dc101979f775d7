import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, jest, test } from "@jest/globals";
import { err, ok, type Result, unwrap } from "tankard";
import { fetchPage, type Page } from "../../examples/fetch-page/fetch.ts";
import { byteByByte } from "../support/cutting.ts";
import { closedPort, type Peer, peerServer } from "../support/peer.ts";
import { promisedOutput, runExample } from "../support/run-example.ts";
import { pattern } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

jest.setTimeout(60_000);

/** Node's own server, on a port of its own. */
async function httpServer(listener: RequestListener): Promise<AsyncDisposable & { readonly url: URL }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: urlOf((server.address() as AddressInfo).port),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function urlOf(port: number, path = "/path?a=b"): URL {
  return new URL(`http://127.0.0.1:${port}${path}`);
}

/** How the server goes on behind what it has said. */
type Then = "Fin" | "Rst" | "Waits";

interface Answered {
  readonly page: Result<Page, string>;
  readonly request: string;
}

/** What is made of these pieces, each of which is a packet of its own. */
async function answered(
  pieces: Iterable<string | Buffer>,
  then: Then = "Waits",
  ...[method, limits]: [method?: "GET" | "HEAD", limits?: Parameters<typeof fetchPage>[2]]
): Promise<Answered> {
  await using server = await peerServer();
  const fetched = fetchPage(urlOf(server.port), method, { deadlineMs: 10_000, ...limits });
  await using peer = await server.accept();
  const request = await requestTo(peer);
  peer.raw.on("error", () => undefined); // a client that has heard enough may reset
  for (const piece of pieces) {
    if (peer.raw.destroyed) break;
    peer.raw.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
    await turns(2);
  }
  if (then === "Fin") peer.raw.end();
  if (then === "Rst") peer.reset();
  return { page: await fetched, request };
}

async function requestTo(peer: Peer): Promise<string> {
  let request = "";
  while (!request.endsWith("\r\n\r\n")) request += (await peer.receive(1)).toString("latin1");
  return request;
}

function textOf({ page }: Answered): string {
  return unwrap(page).body.toString("latin1");
}

function head(...headers: readonly string[]): string {
  return ["HTTP/1.1 200 OK", ...headers, "", ""].join("\r\n");
}

const chunked = head("Transfer-Encoding: chunked");

describe("fetch-page", () => {
  test("prints what its comment says, and asks in HTTP's words", async () => {
    const asked: unknown[] = [];
    await using server = await httpServer(({ method, url, headers }, response) => {
      asked.push([method, url, headers.host]);
      response.end("Hello, Joe!\n");
    });
    const ended = await runExample("fetch-page", server.url.href);
    expect(ended).toEqual({ code: 0, stdout: promisedOutput("fetch-page"), stderr: "" });
    expect(asked).toEqual([["GET", "/path?a=b", server.url.host]]);
  });

  test("prints the headers of HEAD, without control characters", async () => {
    await using server = await httpServer((request, response) => {
      response.sendDate = false;
      response.writeHead(404, request.method, { "X-Words": "a\x9bb", "Content-Length": 10 }).end();
    });
    const ended = await runExample("fetch-page", "--head", server.url.href);
    const stdout = "404 HEAD\nx-words: a?b\ncontent-length: 10\nconnection: close\n";
    expect(ended).toEqual({ code: 0, stdout, stderr: "" });
  });

  test("says in a sentence why there is no page", async () => {
    const url = urlOf(await closedPort()).href;
    const { code, stdout, stderr } = await runExample("fetch-page", url);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^Cannot fetch http:\/\/127\.0\.0\.1:\d+\/path\?a=b: could not connect .*refused.*\.\n$/);
  });

  test.each([[], ["nonsense"], ["https://127.0.0.1/"], ["http://me:word@127.0.0.1/"], ["--body", "http://127.0.0.1/"]])(
    "says how it is used: %j %j",
    async (...args) => {
      const { code, stderr } = await runExample("fetch-page", ...args);
      expect({ code, stderr }).toEqual({ code: 2, stderr: "Usage: fetch-page [--head] http://HOST[:PORT]/PATH\n" });
    },
  );
});

describe("fetchPage, of Node's server", () => {
  test.each([0, 1, 100_000, 2 ** 20])("a body of %i bytes, by its length, in chunks and to the end", async (size) => {
    const sent = pattern(size);
    await using server = await httpServer(({ url }, response) => {
      if (url === "/length") response.setHeader("Content-Length", size);
      if (url === "/end") response.useChunkedEncodingByDefault = false;
      for (let at = 0; at < size; at += 30_000) response.write(sent.subarray(at, at + 30_000));
      response.end();
    });
    for (const path of ["/length", "/chunks", "/end"]) {
      const { status, headers, body } = unwrap(await fetchPage(new URL(path, server.url)));
      expect(status).toBe(200);
      expect(headers.has("content-length")).toBe(path === "/length" || (path === "/chunks" && size === 0));
      expect(headers.has("transfer-encoding")).toBe(path === "/chunks" && size > 0);
      expect(body.equals(sent)).toBe(true);
    }
  });

  test("trailers", async () => {
    await using server = await httpServer((_request, response) => {
      response.writeHead(200, { Trailer: "X-Sum" });
      response.write("abc");
      response.addTrailers({ "X-Sum": "294" });
      response.end("def");
    });
    const { body, trailers } = unwrap(await fetchPage(server.url));
    expect(body.toString()).toBe("abcdef");
    expect([...trailers]).toEqual([["x-sum", "294"]]);
  });

  test.each([204, 304])("%i has no body", async (status) => {
    await using server = await httpServer((_request, response) => response.writeHead(status).end());
    expect(unwrap(await fetchPage(server.url))).toMatchObject({ status, body: Buffer.alloc(0) });
  });

  test("an interim answer comes before the real one", async () => {
    await using server = await httpServer((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: "</style.css>; rel=preload" });
      response.end("real");
    });
    expect(unwrap(await fetchPage(server.url))).toMatchObject({ status: 200, body: Buffer.from("real") });
  });
});

describe("fetchPage, of bytes as they may come", () => {
  const answers: readonly (readonly [name: string, answer: string, body: string, then?: Then])[] = [
    ["by its length", `${head("Content-Length: 9")}one\ntwo\r\n`, "one\ntwo\r\n"],
    ["by its length, then another answer", `${head("Content-Length: 3")}one${head()}`, "one"],
    ["empty", head("Content-Length: 0"), ""],
    [
      "in chunks",
      `${chunked}3\r\none\r\n00a ;a="b"\r\n\r\n0\r\n\r\ntwo\r\n0;end\r\nX-A: 1\r\n\r\n`,
      "one\r\n0\r\n\r\ntwo",
    ],
    ["in no chunks", `${chunked}0\r\n\r\n`, ""],
    ["to the end", `${head()}one\ntwo`, "one\ntwo", "Fin"],
    ["to an end at once", head(), "", "Fin"],
    ["behind lines that end in LF", `${head("Content-Length: 3").replaceAll("\r", "")}one`, "one"],
    ["behind a status without words", "HTTP/1.0 200\r\n\r\none", "one", "Fin"],
    ["behind interim answers", `HTTP/1.1 100 Continue\r\nA: b\r\n\r\n${head("Content-Length: 3")}one`, "one"],
  ];

  test.each(answers)("%s: at once, in two, byte by byte", async (...[, answer, body, then]) => {
    const bytes = Buffer.from(answer, "latin1");
    expect(textOf(await answered([bytes], then))).toBe(body);
    expect(textOf(await answered(byteByByte(bytes), then))).toBe(body);
    for (let at = 1; at < bytes.length; at += 7) {
      expect(textOf(await answered([bytes.subarray(0, at), bytes.subarray(at)], then))).toBe(body);
    }
  });

  test("a body that comes with its headers is no line, however long it is", async () => {
    const body = "x".repeat(60_000);
    for (const answer of [
      `${head("Content-Length: 60000")}${body}`,
      `${chunked}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      `${head()}${body}`,
    ]) {
      const limits = { lineBytes: 50, bodyBytes: 60_000 };
      expect(textOf(await answered([answer], "Fin", "GET", limits))).toBe(body);
    }
  });

  test("many chunks of a byte", async () => {
    const chunks = "1\r\nx\r\n".repeat(50_000);
    expect(textOf(await answered([`${chunked}${chunks}0\r\n\r\n`]))).toBe("x".repeat(50_000));
  });

  test("HEAD has no body, whatever its headers say", async () => {
    const { page, request } = await answered([head("Content-Length: 3", "A: 1", "a:  2 ")], "Waits", "HEAD");
    const { headers, body } = unwrap(page);
    expect(body).toHaveLength(0);
    expect(headers.get("a")).toBe("1, 2");
    expect(request).toMatch(/^HEAD \/path\?a=b HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
  });
});

describe("fetchPage, of a server that does wrong", () => {
  const huge = "9".repeat(400);
  const limits = { lineBytes: 200, headLines: 10, headBytes: 1_000, bodyBytes: 1_000 };
  const tooLarge = "the body is larger than 1000 bytes";
  const tooLong = "a line is longer than 200 bytes";
  const both = head("Content-Length: 3", "Transfer-Encoding: chunked");
  const closed = "(connection closed)";
  const inside = "(connection closed inside a line)";
  const lies: readonly (readonly [name: string, answer: string, error: string, then?: Then])[] = [
    ["nothing", "", `a status line did not come ${closed}`, "Fin"],
    ["another protocol", "220 mail.example ESMTP\r\n", '"220 mail.example ESMTP" is no status line'],
    ["a status that is none", "HTTP/1.1 999 Odd\r\n", '"HTTP/1.1 999 Odd" is no status line'],
    ["control characters", "HTTP/1.1 200 \x1b[2J\r\n", '"HTTP/1.1 200 ?[2J" is no status line'],
    ["a change of protocol", "HTTP/1.1 101 No\r\n\r\n", "the server goes on in another protocol"],
    ["a header without a colon", head("Nonsense"), '"Nonsense" is no header'],
    ["a header in two lines", head("A: b", " c"), '" c" is no header'],
    ["a space before the colon", head("Content-Length : 3"), '"Content-Length : 3" is no header'],
    ["a header cut off", "HTTP/1.1 200 OK\r\nA: b", `the end of the headers did not come ${inside}`, "Fin"],
    ["no end of the headers", "HTTP/1.1 200 OK\r\nA: b\r\n", `the end of the headers did not come ${closed}`, "Fin"],
    ["a line without an end", `HTTP/1.1 200 OK\r\nA: ${"b".repeat(300)}`, tooLong],
    ["too many headers", head(...Array<string>(10).fill("A: b")), "there are too many headers"],
    ["too long headers", head(...Array<string>(6).fill(`A: ${"b".repeat(190)}`)), "there are too many headers"],
    ["interim answers for ever", "HTTP/1.1 100 Continue\r\n\r\n".repeat(10), "there are too many headers"],
    ["a negative length", head("Content-Length: -1"), 'the content-length "-1" is no number of bytes'],
    ["two lengths", head("Content-Length: 3", "Content-Length: 4"), 'the content-length "3, 4" is no number of bytes'],
    ["a large length", head("Content-Length: 1001"), tooLarge],
    ["a length beyond numbers", head(`Content-Length: ${huge.slice(0, 180)}`), tooLarge],
    ["a length and chunks", both, "the body has both a content-length and an encoding"],
    [
      "an encoding",
      head("Transfer-Encoding: gzip, chunked"),
      'the transfer-encoding "gzip, chunked" is not one that was asked for',
    ],
    ["an end inside the body", `${head("Content-Length: 3")}on`, `all of the body did not come ${closed}`, "Fin"],
    ["no body", head("Content-Length: 3"), `all of the body did not come ${closed}`, "Fin"],
    ["a reset at the end", `${head()}on`, "the end of the body did not come (connection reset by the peer)", "Rst"],
    ["no end of the body", `${head()}${"x".repeat(1_001)}`, tooLarge],
    ["a negative chunk", `${chunked}-1\r\n`, '"-1" is no size of a chunk'],
    ["a chunk without a size", `${chunked}\r\n`, '"" is no size of a chunk'],
    ["a chunk in C's hexadecimal", `${chunked}0x3\r\n`, '"0x3" is no size of a chunk'],
    ["a large chunk", `${chunked}3e9\r\n`, tooLarge],
    ["a chunk beyond numbers", `${chunked}${"f".repeat(190)}\r\n`, tooLarge],
    ["large chunks", `${chunked}${`1f4\r\n${"x".repeat(500)}\r\n`.repeat(2)}1\r\n`, tooLarge],
    ["a size without an end", `${chunked}1;${"x".repeat(300)}`, tooLong],
    ["a chunk that is longer", `${chunked}3\r\nfour\r\n`, "a chunk is longer than its size"],
    ["an end inside a chunk", `${chunked}3\r\non`, `all of the body did not come ${closed}`, "Fin"],
    ["an end between chunks", `${chunked}3\r\none\r\n`, `the size of a chunk did not come ${closed}`, "Fin"],
    ["no end of the trailers", `${chunked}0\r\nA: b\r\n`, `the end of the trailers did not come ${closed}`, "Fin"],
    ["too many trailers", `${chunked}0\r\n${"A: b\r\n".repeat(8)}`, "there are too many headers"],
  ];

  test.each(lies)("%s", async (...[, answer, error, then]) => {
    for (const pieces of [[answer], byteByByte(Buffer.from(answer, "latin1"))]) {
      const { page } = await answered(pieces, then, "GET", limits);
      expect(page).toEqual(err(error));
    }
  });

  test.each([
    ["a status line", ""],
    ["the end of the headers", "HTTP/1.1 200 OK\r\n"],
    ["all of the body", `${head("Content-Length: 3")}on`],
    ["the end of the body", `${head()}on`],
    ["the size of a chunk", `${chunked}3\r\none\r\n`],
  ])("one that falls silent before %s", async (what, answer) => {
    const { page } = await answered([answer], "Waits", "GET", { deadlineMs: 200 });
    expect(page).toEqual(err(`${what} did not come (timed out)`));
  });

  test("one that says a little now and then has no more time than others", async () => {
    await using server = await httpServer((_request, response) => {
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => {
        clearInterval(timer);
      });
    });
    const before = performance.now();
    const page = await fetchPage(server.url, "GET", { deadlineMs: 300 });
    expect(page).toMatchObject({ ok: false, error: expect.stringMatching(/did not come \(timed out\)$/) });
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test("a server that is not believed sees a reset, and one that has answered a plain end", async () => {
    await using server = await peerServer();
    for (const [answer, how] of [
      [head("Content-Length: -1"), "Rst"],
      [head("Content-Length: 0"), "Fin"],
    ] as const) {
      const fetched = fetchPage(urlOf(server.port));
      await using peer = await server.accept();
      await requestTo(peer);
      await peer.send(answer);
      expect((await peer.readToEnd()).how).toBe(how);
      expect((await fetched).ok).toBe(how === "Fin");
    }
  });

  test("finds a page at an IPv6 address", async () => {
    await using server = await peerServer("::1");
    const fetched = fetchPage(new URL(`http://[::1]:${server.port}`));
    await using peer = await server.accept();
    expect(await requestTo(peer)).toMatch(/^GET \/ HTTP\/1\.1\r\nHost: \[::1\]:\d+\r\n/);
    await peer.send(head("Content-Length: 0"));
    expect(await fetched).toMatchObject(ok({ status: 200 }));
  });
});
