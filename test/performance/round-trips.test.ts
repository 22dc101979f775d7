import { describe, expect, test } from "@jest/globals";
import { echoServer } from "../support/peer.ts";
import { outputOf } from "./measured.ts";
import { describeWithStrace, systemCallsOf } from "./system-calls.ts";

const trips = 500;
/** A round trip in twenty may do something besides: Node does, now and then. */
const besides = 0.05;
const timeoutMs = 60_000;

const connected = ["callback owner", "async process", "passive receive"];

describeWithStrace("the system calls of a round trip on one connection", () => {
  test.each([...connected, "accepted, callback owner"])(
    "are one read, one write, one poll that finds it and no change of what is polled: %s",
    async (kind) => {
      await using server = await echoServer();

      const calls = await systemCallsOf("round-trips-begin", "round-trips-end", (under) =>
        outputOf("round-trips", [kind, server.port, trips, "none"], { under }),
      );

      const most = trips * (1 + besides);
      expect(calls.read).toBeGreaterThanOrEqual(trips); // what is counted is there
      expect(calls.read).toBeLessThanOrEqual(most);
      expect(calls.write).toBeGreaterThanOrEqual(trips);
      expect(calls.write).toBeLessThanOrEqual(most);
      expect(calls.wakeUp).toBeLessThanOrEqual(trips * 0.2); // on a busy machine
      expect(calls.poll - calls.emptyPoll - calls.wakeUp).toBeLessThanOrEqual(most);
      expect(calls.emptyPoll).toBeLessThanOrEqual(most); // where the answer is not there yet at once
      expect(calls.change).toBeLessThanOrEqual(trips * besides);
    },
    timeoutMs,
  );
});

describe("a round trip on one connection", () => {
  test.each(connected)(
    "makes no timer, whatever the time limit: %s",
    async (kind) => {
      await using server = await echoServer();

      const made = Number(await outputOf("round-trips", [kind, server.port, trips, "Timeout"]));

      expect(made).toBeLessThanOrEqual(besides); // one for all deadlines, and again where it has rung
    },
    timeoutMs,
  );

  // `send` gives the one that all share; whoever awaits a message makes more.
  test.each([
    ["callback owner", 0],
    ["async process", 3],
    ["passive receive", 3],
    ["accepted, callback owner", 0],
  ])(
    "makes no promise but those that are awaited, and one behind which the slice ends: %s",
    async (kind, given) => {
      await using server = await echoServer();

      const made = Number(await outputOf("round-trips", [kind, server.port, trips, "PROMISE"]));

      expect(made).toBeLessThanOrEqual(given + besides);
    },
    timeoutMs,
  );
});
