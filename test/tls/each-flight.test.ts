// A handshake that breaks off, record by record: no flight is another's business, and none may leave anything behind.

import { describe, expect, test } from "@jest/globals";
import { abort, receive, type Result, type Socket, unwrap } from "tankard";
import { session, type TlsVersion } from "tankard/tls";
import { type Fault, type Said } from "../support/man-in-the-middle.ts";
import { until } from "../support/peer.ts";
import { silenceMs, soonMs } from "../support/test-process.ts";
import { bothOurs } from "../support/tls-ends.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

/** What the fault does to one of the two: the handshake `Fails`, or its first receive `Hears` of it or hears `Nothing`. */
type Outcome = "Fails" | "Hears" | "Nothing";

interface Flight {
  readonly name: string;
  readonly client: Outcome;
  readonly server: Outcome;
}

/** Who sends last has shaken hands before that arrives. */
const flights: Readonly<Record<TlsVersion, readonly Flight[]>> = {
  "TLSv1.2": [
    { name: "the client's hello", client: "Fails", server: "Fails" },
    { name: "the server's hello and certificate", client: "Fails", server: "Fails" },
    { name: "the client's key and Finished", client: "Fails", server: "Fails" },
    { name: "the server's ticket and Finished", client: "Fails", server: "Hears" },
  ],
  "TLSv1.3": [
    { name: "the client's hello", client: "Fails", server: "Fails" },
    { name: "the server's hello to Finished", client: "Fails", server: "Fails" },
    { name: "the client's Finished", client: "Hears", server: "Fails" },
    { name: "the server's tickets", client: "Hears", server: "Hears" },
  ],
};

/** Where something can be done to a flight, in each of its records. */
interface Places {
  readonly direction: Fault["direction"];
  readonly offsets: readonly number[];
}

/** The places of a whole handshake, flight by flight. */
async function placesOf(version: TlsVersion): Promise<Places[]> {
  await using ends = await bothOurs({ faults: [], server: { maxVersion: version } });
  const client = unwrap(ends.client);
  await until(() => session(client).ok, "No session comes");
  const seen = { ToClient: 0, ToServer: 0 };
  return turnsOf(ends.middle.said).map(({ direction, data }) => {
    const start = seen[direction];
    seen[direction] += data.length;
    return { direction, offsets: offsetsIn(data).map((offset) => start + offset) };
  });
}

/** What was said until the other one spoke. */
function turnsOf(said: readonly Said[]): Said[] {
  const turns: Said[] = [];
  for (const { direction, data } of said) {
    const last = turns.at(-1);
    if (last?.direction !== direction) turns.push({ direction, data });
    else turns[turns.length - 1] = { direction, data: Buffer.concat([last.data, data]) };
  }
  return turns;
}

const headerSize = 5;

/**
 * In the header of each record and, where that is not short, in the middle of what it holds. A signature is up to three
 * bytes longer or shorter than the one before: no place is so near to another flight.
 */
function offsetsIn(flight: Buffer): number[] {
  const offsets: number[] = [];
  for (let start = 0; start < flight.length;) {
    const size = flight.readUInt16BE(start + 3);
    offsets.push(start + 4);
    if (size > 8) offsets.push(start + headerSize + (size >> 1));
    start += headerSize + size;
  }
  return offsets;
}

/** Milliseconds for a handshake that stalls; much more than one of them takes, of which some tens run side by side. */
const stalledMs = 600;

async function outcomesOf(version: TlsVersion, fault: Fault): Promise<readonly [client: Outcome, server: Outcome]> {
  const time = { handshakeTimeout: fault.what === "Stall" ? stalledMs : soonMs };
  await using ends = await bothOurs({ faults: [fault], client: time, server: { ...time, maxVersion: version } });
  // The client first: of what is done to the last flight the server hears by the client's end.
  const silenceOrSoonMs = fault.what === "Stall" && ends.server.ok ? silenceMs : soonMs;
  return [await outcomeOf(ends.client, silenceOrSoonMs), await outcomeOf(ends.server, soonMs)];
}

async function outcomeOf(end: Result<Socket, unknown>, withinMs: number): Promise<Outcome> {
  if (!end.ok) return "Fails";
  const received = await receive(end.value, withinMs);
  abort(end.value);
  if (received.ok) throw new Error(`Received ${received.value.length} bytes that nobody has sent`);
  return received.error === "Timeout" ? "Nothing" : "Hears";
}

describe.each(["TLSv1.2", "TLSv1.3"] as const)("a handshake of %s, both sides ours,", (version) => {
  test.each(["Stall", "End", "Reset", "Garbage"] as const)(
    "that comes to a %s ends in time for both, whichever flight and record it is in",
    async (what) => {
      const places = await placesOf(version);
      expect(places.map(({ direction }) => direction)).toEqual(["ToServer", "ToClient", "ToServer", "ToClient"]);
      const cases = places.flatMap(({ direction, offsets }, index) =>
        offsets.map((offset) => ({ ...(flights[version][index] as Flight), direction, offset })),
      );
      const errors = await uncaughtDuring(async () => {
        const outcomes = cases.map(async ({ name, direction, offset }) => {
          const [client, server] = await outcomesOf(version, { direction, offset, what });
          return { name, direction, offset, client, server };
        });
        // Of tickets that never come a client knows nothing.
        const expected = cases.map((one) =>
          what === "Stall" && one.client === "Hears" && one.server === "Hears" ? { ...one, client: "Nothing" } : one,
        );
        expect(await Promise.all(outcomes)).toEqual(expected);
      });
      expect(errors).toEqual([]);
    },
  );
});
