// The NATS client of the examples at the real server.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { err, ok, type OwnSubject, type Self, unwrap } from "tankard";
import { type NatsClient, startNatsClient } from "../../examples/nats-client/client.ts";
import type { NatsOptions } from "../../examples/nats-client/actor.ts";
import type { Answer, NatsMessage, NatsNews } from "../../examples/nats-client/messages.ts";
import { findProgram } from "../support/find-program.ts";
import { startNats } from "../support/nats.ts";
import { closedPort, temporaryFolder, within } from "../support/peer.ts";
import { promisedOutput, runExample } from "../support/run-example.ts";
import { startProcess } from "../support/test-process.ts";

jest.setTimeout(60_000);

const server = findProgram("nats-server") ?? "";
const describeWithServer = server === "" ? describe.skip : describe;

const WITHIN_MS = 5_000;
/** Long enough for what must not come. */
const SILENCE_MS = 100;
const oneMegabyte = 2 ** 20;

interface Testing extends NatsClient {
  readonly news: OwnSubject<NatsNews>;
}

/** A client in the hands of `self`, who hears of its connection. */
async function client(self: Self, port: number, options: Partial<NatsOptions> = {}): Promise<Testing> {
  const news = self.newSubject<NatsNews>();
  const backoff = { minMs: 20, maxMs: 100 };
  const started = await startNatsClient({ host: "127.0.0.1", port, news, backoff, ...options }, self);
  return { ...unwrap(started).data, news };
}

async function next(self: Self, from: OwnSubject<NatsMessage>): Promise<string> {
  return unwrap(await self.receive(from, WITHIN_MS)).payload.toString();
}

/** Waits for news of a type; what comes before is passed over. */
async function newsOf(self: Self, { news }: Testing, type: NatsNews["type"]): Promise<NatsNews> {
  for (let left = 100; left > 0; left--) {
    const message = unwrap(await self.receive(news, WITHIN_MS));
    if (message.type === type) return message;
  }
  throw new Error(`There is no ${type} among so much news`);
}

/** Answers each request by its own words, until its process ends. */
function startEcho(self: Self, nats: NatsClient, subject: string, name = ""): void {
  const echo = self.spawn(async (own, requests: OwnSubject<NatsMessage>) => {
    for (;;) {
      const { payload, replyTo } = await own.receiveForever(requests);
      if (replyTo !== undefined) await nats.publish(replyTo, `${name}${payload.toString()}`);
    }
  });
  nats.subscribe(subject, echo.subject, { queue: "echoes" });
}

interface Asked {
  readonly question: string;
  readonly answer: Answer;
}

/** Of what kinds they are. An answer to another question is one, too. */
function failuresOf(asked: readonly Asked[]): string[] {
  return asked.flatMap(({ question, answer }) => {
    if (!answer.ok) return [answer.error.type];
    const words = answer.value.payload.toString();
    return words === question ? [] : [`${question} was answered by ${words}`];
  });
}

describeWithServer("the NATS client at nats-server", () => {
  test("brings what one client publishes to others, by names and by wildcards, with headers, in order", async () => {
    await using nats = await startNats(server);
    await using my = await startProcess();
    const { self } = my;
    await using one = await client(self, nats.port);
    await using other = await client(self, nats.port);
    const [exact, star, all, none] = [0, 1, 2, 3].map(() => self.newSubject<NatsMessage>()) as [
      OwnSubject<NatsMessage>,
      OwnSubject<NatsMessage>,
      OwnSubject<NatsMessage>,
      OwnSubject<NatsMessage>,
    ];
    one.subscribe("beers.new", exact);
    one.subscribe("*.new", star);
    one.subscribe("beers.>", all);
    one.subscribe("wines.>", none);
    expect(await one.flush(WITHIN_MS)).toEqual(ok());

    const headers = [
      ["Beer", "Porter"],
      ["Beer", "caf\u00e9"],
    ] as const;
    expect(await other.publish("beers.new", "Porter \u{1f37a}", { headers, replyTo: "thanks" })).toEqual(ok());
    await other.publish("beers.old.stale", Buffer.from([0, 13, 10, 255]));
    await other.publish("beers.new", "");
    const first = { type: "NatsMessage", subject: "beers.new", headers, status: undefined, replyTo: "thanks" };
    for (const subject of [exact, star, all]) {
      const { payload, ...rest } = unwrap(await self.receive(subject, WITHIN_MS));
      expect([payload.toString(), rest]).toEqual(["Porter \u{1f37a}", first]);
    }
    expect(unwrap(await self.receive(all, WITHIN_MS)).payload).toEqual(Buffer.from([0, 13, 10, 255]));
    for (const subject of [exact, star, all]) expect(await next(self, subject)).toBe("");
    expect(await self.receive(none, SILENCE_MS)).toEqual(err("Timeout"));
  });

  test("shares the messages of a queue group, each of them to one", async () => {
    await using nats = await startNats(server);
    await using my = await startProcess();
    const { self } = my;
    const messages = 300;
    await using publisher = await client(self, nats.port);
    await using one = await client(self, nats.port);
    await using two = await client(self, nats.port);
    await using three = await client(self, nats.port);
    const workers = [one, two, three].map((worker) => {
      const to = self.newSubject<NatsMessage>();
      worker.subscribe("jobs", to, { queue: "workers" });
      return { worker, to };
    });
    for (const { worker } of workers) unwrap(await worker.flush(WITHIN_MS));
    for (let job = 0; job < messages; job++) void publisher.publish("jobs", `${job}`);
    unwrap(await publisher.flush(WITHIN_MS));

    const shares: number[][] = [];
    for (const { worker, to } of workers) {
      unwrap(await worker.drain(WITHIN_MS));
      const share: number[] = [];
      for (let left = messages; left > 0; left--) {
        const job = await self.receive(to, 0);
        if (!job.ok) break;
        share.push(Number(job.value.payload));
      }
      shares.push(share);
    }
    const done = shares.flat().sort((a, b) => a - b);
    expect(done).toEqual(Array.from({ length: messages }, (_, job) => job));
    for (const share of shares) expect(share.length).toBeGreaterThan(messages / 10);
  });

  test("answers requests, and says where nobody answers or nobody is there", async () => {
    await using nats = await startNats(server);
    await using my = await startProcess();
    const { self } = my;
    await using asking = await client(self, nats.port);
    await using answering = await client(self, nats.port);
    startEcho(self, answering, "echo");
    answering.subscribe("silence", self.newSubject<NatsMessage>());
    unwrap(await answering.flush(WITHIN_MS));

    const count = 500;
    const answers = await Promise.all(
      Array.from({ length: count }, (_, index) => asking.request("echo", `${index}`, WITHIN_MS)),
    );
    expect(answers.map((answer) => unwrap(answer).payload.toString())).toEqual(
      Array.from({ length: count }, (_, index) => `${index}`),
    );
    const began = performance.now();
    expect(await asking.request("nobody", "?", WITHIN_MS)).toEqual(err({ type: "NoResponders" }));
    expect(performance.now() - began).toBeLessThan(WITHIN_MS / 2);
    expect(await asking.request("silence", "?", SILENCE_MS)).toEqual(
      err({ type: "CallTimeout", withinMs: SILENCE_MS }),
    );
    expect(unwrap(await asking.request("echo", "still there", WITHIN_MS)).payload.toString()).toBe("still there");
  });

  test("ends a subscription at once, after so many messages, and with the process that has it", async () => {
    await using nats = await startNats(server);
    await using my = await startProcess();
    const { self } = my;
    await using mine = await client(self, nats.port);
    const [now, later, late] = [
      self.newSubject<NatsMessage>(),
      self.newSubject<NatsMessage>(),
      self.newSubject<NatsMessage>(),
    ] as const;
    const first = mine.subscribe("beers", now);
    mine.unsubscribe(mine.subscribe("beers", later), { afterMessages: 3 });
    const third = mine.subscribe("beers", late);
    const mortal = self.spawn((own, messages: OwnSubject<NatsMessage>): Promise<NatsMessage> =>
      own.receiveForever(messages),
    );
    mine.subscribe("beers", mortal.subject);
    await mine.publish("beers", "1");
    expect(await next(self, now)).toBe("1");
    expect((await within(mortal.result, "It gets no message")).payload.toString()).toBe("1");
    mine.unsubscribe(first);
    for (const beer of ["2", "3", "4"]) await mine.publish("beers", beer);
    for (const beer of ["1", "2", "3", "4"]) expect(await next(self, late)).toBe(beer);
    mine.unsubscribe(third, { afterMessages: 2 }); // so many have come already
    await mine.publish("beers", "5");
    for (const beer of ["1", "2", "3"]) expect(await next(self, later)).toBe(beer);
    for (const subject of [now, later, late]) expect(await self.receive(subject, SILENCE_MS)).toEqual(err("Timeout"));
    // Nobody is left: the server knows that too.
    expect(await mine.request("beers", "?", WITHIN_MS)).toEqual(err({ type: "NoResponders" }));
  });

  test("subscribes anew when the server is killed, twice, and no request gets another's answer", async () => {
    await using my = await startProcess();
    const { self } = my;
    let nats = await startNats(server);
    const { port } = nats;
    const asking = await client(self, port);
    const answering = await client(self, port);
    try {
      startEcho(self, answering, "echo");
      const [plain, limited] = [self.newSubject<NatsMessage>(), self.newSubject<NatsMessage>()];
      answering.subscribe("beers.>", plain);
      answering.unsubscribe(answering.subscribe("beers.>", limited), { afterMessages: 3 });
      answering.unsubscribe(answering.subscribe("beers.>", plain)); // and one that must not come back
      unwrap(await answering.flush(WITHIN_MS));
      let questions = 0;
      const ask100 = (): Promise<readonly Asked[]> =>
        Promise.all(
          Array.from({ length: 100 }, async () => {
            const question = `question ${questions++}`;
            return { question, answer: await asking.request("echo", question, 2_000) };
          }),
        );
      const check = async (word: string): Promise<void> => {
        expect(failuresOf(await ask100())).toEqual([]);
        unwrap(await asking.publish("beers.new", word));
        expect(await next(self, plain)).toBe(word);
        expect(await self.receive(plain, SILENCE_MS)).toEqual(err("Timeout"));
      };

      await check("before");
      for (const kill of [1, 2]) {
        const underWay = ask100();
        await nats.kill();
        for (const one of [asking, answering]) await newsOf(self, one, "Disconnected");
        const waiting = ask100(); // while there is no server
        answering.subscribe(`late.${kill}`, plain); // nor for this
        nats = await startNats(server, port);
        for (const one of [asking, answering]) await newsOf(self, one, "Connected");
        unwrap(await answering.flush(WITHIN_MS));
        // Who is asked may have been away when the question came to the server.
        const excused = ["NoResponders", "CallTimeout", "SendFailed"];
        const failures = failuresOf([...(await underWay), ...(await waiting)]);
        expect(failures.filter((failure) => !excused.includes(failure))).toEqual([]);
        await check(`after ${kill}`);
        for (const late of [1, kill]) {
          unwrap(await asking.publish(`late.${late}`, `late ${late}`));
          expect(await next(self, plain)).toBe(`late ${late}`);
        }
      }
      await check("the last");
      // It has had its three, on three connections.
      for (const word of ["before", "after 1", "after 2"]) expect(await next(self, limited)).toBe(word);
      expect(await self.receive(limited, 0)).toEqual(err("Timeout"));
    } finally {
      await asking.close();
      await answering.close();
      await nats.kill();
    }
  });

  test("carries a payload of 1 MiB, and says of one byte more that the server does not take it", async () => {
    await using nats = await startNats(server);
    await using my = await startProcess();
    const { self } = my;
    await using one = await client(self, nats.port);
    await using other = await client(self, nats.port);
    const large = self.newSubject<NatsMessage>();
    one.subscribe("large", large);
    unwrap(await one.flush(WITHIN_MS));
    const payload = Buffer.from(Array.from({ length: oneMegabyte }, (_, index) => (index * 7) % 256));
    for (let count = 0; count < 3; count++) unwrap(await other.publish("large", payload));
    for (let count = 0; count < 3; count++)
      expect(unwrap(await self.receive(large, WITHIN_MS)).payload.equals(payload)).toBe(true);
    const failure = { type: "PayloadTooLarge", byteSize: oneMegabyte + 1, maxPayload: oneMegabyte };
    expect(await other.publish("large", Buffer.alloc(oneMegabyte + 1))).toEqual(err(failure));
    expect(await other.request("large", Buffer.alloc(oneMegabyte + 1), WITHIN_MS)).toEqual(err(failure));
    expect(await other.flush(WITHIN_MS)).toEqual(ok());
  });

  test("carries a megabyte of small messages, all of them and in order", async () => {
    await using nats = await startNats(server);
    await using my = await startProcess();
    const { self } = my;
    await using one = await client(self, nats.port);
    await using other = await client(self, nats.port);
    const small = self.newSubject<NatsMessage>();
    one.subscribe("small", small);
    unwrap(await one.flush(WITHIN_MS));
    const count = oneMegabyte / 16;
    const words = (index: number) => `${index}`.padStart(16, "0");
    const failed: unknown[] = [];
    for (let index = 0; index < count; index++) {
      const published = await other.publish("small", words(index));
      if (!published.ok) failed.push(published.error);
    }
    expect(failed).toEqual([]);
    let expected = 0;
    for (; expected < count; expected++) {
      const { payload } = unwrap(await self.receive(small, WITHIN_MS));
      if (payload.toString() !== words(expected)) break;
    }
    expect(expected).toBe(count);
  });

  test("drains: what was on its way comes, then nothing, and there is time to answer it", async () => {
    await using nats = await startNats(server);
    await using my = await startProcess();
    const { self } = my;
    await using one = await client(self, nats.port);
    await using other = await client(self, nats.port);
    const [beers, thanks] = [self.newSubject<NatsMessage>(), self.newSubject<NatsMessage>()];
    one.subscribe("beers", beers);
    other.subscribe("thanks", thanks);
    unwrap(await one.flush(WITHIN_MS));
    unwrap(await other.flush(WITHIN_MS));
    const count = 5_000;
    for (let index = 0; index < count; index++) void other.publish("beers", `${index}`);
    unwrap(await other.flush(WITHIN_MS));
    expect(await one.drain(WITHIN_MS)).toEqual(ok());
    await other.publish("beers", "too late");
    for (let index = 0; index < count; index++) {
      const { payload } = unwrap(await self.receive(beers, 0)); // all are here
      void one.publish("thanks", payload);
    }
    expect(() => one.subscribe("beers", beers)).toThrow("Cannot subscribe: the client has been drained or closed");
    await one.close();
    for (let index = 0; index < count; index++) expect(await next(self, thanks)).toBe(`${index}`);
    expect(await self.receive(beers, SILENCE_MS)).toEqual(err("Timeout"));
    expect(await one.publish("beers", "")).toEqual(err({ type: "Closed" }));
    expect(await one.request("beers", "", WITHIN_MS)).toEqual(err({ type: "Closed" }));
    await one.close(); // once more does nothing
  });

  test("closes behind what it has published, though much is coming that nobody will read", async () => {
    await using nats = await startNats(server);
    await using my = await startProcess();
    const { self } = my;
    await using other = await client(self, nats.port);
    const [noise, words] = [self.newSubject<NatsMessage>(), self.newSubject<NatsMessage>()];
    other.subscribe("words", words);
    unwrap(await other.flush(WITHIN_MS));
    const one = await client(self, nats.port);
    one.subscribe("noise", noise);
    unwrap(await one.flush(WITHIN_MS));
    const payload = Buffer.alloc(65_536);
    const noisy = Array.from({ length: 200 }, () => other.publish("noise", payload));
    unwrap(await self.receive(noise, WITHIN_MS));
    const count = 2_000;
    for (let index = 0; index < count; index++) void one.publish("words", `${index}`.padStart(1_000));
    await one.close();
    expect((await Promise.all(noisy)).filter((published) => !published.ok)).toEqual([]);
    for (let index = 0; index < count; index++) expect((await next(self, words)).trim()).toBe(`${index}`);
  });

  test("shows why the server lets nobody in, and comes in by a password", async () => {
    await using nats = await startNats(server, -1, "--user", "joe", "--pass", "secret");
    await using my = await startProcess();
    const { self } = my;
    await using stranger = await client(self, nats.port, { credentials: { user: "joe", pass: "wrong" } });
    expect(await newsOf(self, stranger, "Disconnected")).toMatchObject({
      reason: { type: "HandshakeFailed", error: { type: "ServerError", text: "Authorization Violation" } },
    });
    await using joe = await client(self, nats.port, { credentials: { user: "joe", pass: "secret" } });
    expect(await joe.flush(WITHIN_MS)).toEqual(ok());
  });

  test("answers the server's PING: who does not is cut off after two", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "nats.conf");
    await writeFile(file, 'ping_interval: "50ms"\nping_max: 2\n');
    await using nats = await startNats(server, -1, "--config", file);
    await using my = await startProcess();
    const { self } = my;
    await using mine = await client(self, nats.port);
    await newsOf(self, mine, "Connected");
    // Real time, since the server's is.
    expect(await self.receive(mine.news, 1_000)).toEqual(err("Timeout"));
    expect(await mine.flush(WITHIN_MS)).toEqual(ok());
  });

  test("lives by its heartbeat while nothing else is said", async () => {
    await using nats = await startNats(server);
    await using my = await startProcess();
    const { self } = my;
    await using quiet = await client(self, nats.port, { heartbeat: { everyMs: 20, withinMs: 1_000 } });
    await newsOf(self, quiet, "Connected");
    // Real time, since the server's is: a dozen beats.
    expect(await self.receive(quiet.news, 300)).toEqual(err("Timeout"));
    expect(await quiet.flush(WITHIN_MS)).toEqual(ok());
  });
});

describeWithServer("nats-client.ts at nats-server", () => {
  test("prints what its comment says", async () => {
    await using nats = await startNats(server);
    const expected = { code: 0, stdout: promisedOutput("nats-client"), stderr: "" };
    expect(await runExample("nats-client", "--port", `${nats.port}`)).toEqual(expected);
  });
});

describe("nats-client.ts without a server", () => {
  test("says why nothing can be done, and fails", async () => {
    const { code, stdout, stderr } = await runExample("nats-client", "--port", `${await closedPort()}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^No connection: .*refused.*\n(.*\n)*Nothing can be done: no answer within 2000 ms\.\n$/);
  });
});
