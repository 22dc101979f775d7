// npm run fuzz -- [--seconds N] [--seed N]: shows every decoder random bytes and damaged streams, cut at random, for its
// share of the time. None may throw, take long, keep more than its bound, or cut otherwise when the bytes come otherwise.

import { inspect, parseArgs } from "node:util";
import { type Framing, parseJson, parseResp } from "tankard/framing";
import { Frames } from "../../../src/tcp/frames.ts";
import { Stash } from "../../../src/tcp/stash.ts";
import { anyBytes, type Decoder, decoders, randomNumbers } from "../../support/cutting.ts";

/** A body at most; what a framing keeps beside the bytes themselves is little. */
const packetSize = 1_024;
const mostStateText = 10_000;
/** One stream of some kilobytes takes a millisecond or two; on a machine that is busy with other things, more. */
const mostMs = 2_000;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}`);

const share = (Number(values.seconds) * 1_000) / Object.keys(decoders).length;
for (const [name, decoder] of Object.entries(decoders)) fuzz(name, decoder);

function fuzz(name: string, decoder: Decoder): void {
  const began = performance.now();
  const counts = { streams: 0, bytes: 0, frames: 0, refused: 0 };
  for (let round = 0; performance.now() - began < share; round++) {
    const random = randomNumbers(seed + round);
    const stream = round % 4 === 0 ? anyBytes(random, 3_000) : damaged(decoder, random);
    const started = performance.now();
    try {
      const byteByByte = play(decoder.framing, stream, () => 1);
      const inPieces = play(decoder.framing, stream, () => 1 + random(stream.length));
      if (!areEqual(byteByByte, inPieces)) throw new Error("The cut makes a difference");
      const tooLong = performance.now() - started;
      if (tooLong > mostMs) throw new Error(`It took ${tooLong} ms`);
      counts.streams++;
      counts.bytes += 2 * stream.length;
      counts.frames += 2 * inPieces.frames.length;
      counts.refused += inPieces.isRefused ? 1 : 0;
    } catch (error) {
      console.log(
        `${name}: FAILED in round ${round} with ${JSON.stringify(stream.toString("latin1"))}: ${String(error)}`,
      );
      process.exitCode = 1;
      return;
    }
  }
  const { streams, bytes, frames, refused } = counts;
  const kilobytes = Math.round(bytes / 1_024);
  console.log(`${name}: ${streams} streams, ${refused} of them refused; ${kilobytes} KiB, ${frames} frames`);
}

/** Good frames with some bytes changed, left out, doubled or put in. */
function damaged({ make }: Decoder, random: (below: number) => number): Buffer {
  let stream = Buffer.concat(Array.from({ length: 1 + random(8) }, () => make(random)[0]));
  for (let hits = random(4); hits > 0 && stream.length > 0; hits--) {
    const at = random(stream.length);
    const end = at + random(6);
    const parts = [
      [stream.subarray(0, at), anyBytes(random, 4), stream.subarray(at)],
      [stream.subarray(0, at), stream.subarray(end)],
      [stream.subarray(0, end), stream.subarray(at)],
      [stream.subarray(0, at), Buffer.from("0123456789-\r\n,:*$%|~"[random(20)] ?? ""), stream.subarray(at + 1)],
    ];
    stream = Buffer.concat(parts[random(parts.length)] ?? []);
  }
  return stream;
}

interface Played {
  readonly frames: readonly Buffer[];
  readonly isRefused: boolean;
}

function play(framing: Framing, stream: Buffer, nextSize: () => number): Played {
  const stash = new Stash();
  const watched = watch(framing);
  const cutter = new Frames(watched.framing, packetSize, stash);
  const frames: Buffer[] = [];
  for (let at = 0; at < stream.length && cutter.failure === undefined;) {
    const size = nextSize();
    stash.push(Buffer.from(stream.subarray(at, at + size)));
    at += size;
    for (let frame = cutter.take(); frame !== undefined; frame = cutter.take()) {
      if (frame.length > packetSize) throw new Error(`A frame of ${frame.length} bytes`);
      parseJson(frame);
      parseResp(frame);
      frames.push(frame);
    }
    const { thrown } = watched;
    if (thrown !== undefined) throw thrown;
    const state = inspect(watched.state, { depth: Infinity, maxArrayLength: Infinity }).length;
    if (state > mostStateText) throw new Error(`A state of ${state} characters`);
  }
  return { frames, isRefused: cutter.failure !== undefined };
}

/** As the framing; shows its last state, and what it threw. */
function watch(framing: Framing) {
  const watched = {
    state: framing.start,
    thrown: undefined as Error | undefined,
    framing: {
      start: framing.start,
      read: (state: unknown, bytes: Buffer) => {
        try {
          const reading = framing.read(state, bytes);
          if (reading.type === "More") watched.state = reading.state;
          return reading;
        } catch (error) {
          watched.thrown = new Error("It threw", { cause: error });
          throw error;
        }
      },
    } satisfies Framing,
  };
  return watched;
}

function areEqual(one: Played, other: Played): boolean {
  const { frames } = other;
  return (
    one.isRefused === other.isRefused &&
    one.frames.length === frames.length &&
    one.frames.every((frame, index) => frames[index]?.equals(frame))
  );
}
