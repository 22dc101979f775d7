import type { Framing } from "../framing/framing.ts";
import { checkOptionNames } from "../process/option-names.ts";
import { Frames } from "../tcp/frames.ts";
import { checkPacket } from "../tcp/option-checks.ts";
import { Stash } from "../tcp/stash.ts";

/** How hard `verifyFraming` looks. */
export interface VerifyOptions {
  /** How many random cuts are tried. Default 200. */
  readonly cuts?: number | undefined;
  /** Where the random cuts begin: the same number, the same cuts. Default 1. */
  readonly seed?: number | undefined;
}

/** What becomes of a stream: its bodies, and how it ends. */
interface Outcome {
  readonly frames: readonly Buffer[];
  readonly end: "at the end of a frame" | "inside a frame" | "Emsgsize" | "Eproto";
  readonly reason: string | undefined;
}

/** Beyond so many bytes, not every single cut is tried: the time would be the square of their number. */
const mostSingleCuts = 2_000;

/**
 * Checks that a framing cuts `bytes` into `frames` (their bodies), however the bytes come: whole, byte by byte, in two at
 * every place, in many at random; that the sizes it tells are right, so that `packetSize` lets the largest of them through
 * and nothing larger; that its states stay as they are; and, where it encodes, that it reads what it has written. The bytes
 * may end inside a frame, and in what is no frame.
 *
 * @throws Error with the cut for which something else comes out
 */
export function verifyFraming(
  framing: Framing,
  bytes: Uint8Array | string,
  frames: readonly (Uint8Array | string)[],
  options: VerifyOptions = {},
): void {
  const action = "verify a framing";
  checkOptionNames(action, options, ["cuts", "seed"]);
  checkPacket(action, "the framing", framing);
  const { cuts = 200, seed = 1 } = options;
  const stream = Buffer.from(bytes as Uint8Array);
  const bodies = frames.map((frame) => Buffer.from(frame as Uint8Array));
  const largest = bodies.reduce((most, { length }) => Math.max(most, length), 1);

  const whole = outcomeOf(framing, [stream], unbounded);
  if (!areEqual(whole.frames, bodies)) throw differing("whole", bodies, whole);
  for (const places of placesToCut(stream.length, cuts, seed)) {
    const pieces = cutAt(stream, places);
    verify(framing, pieces, whole, places);
    // What is left behind the last frame may be larger than any of them.
    const bounded = outcomeOf(framing, pieces, largest);
    if (!areEqual(bounded.frames, bodies))
      throw differing(`with packetSize ${largest}, ${at(places)}`, bodies, bounded);
    if (largest > 1) verifyBound(framing, pieces, bodies, largest - 1, places);
  }
  verify(framing, [stream], whole, []); // once more: the first time has left no trace
  if (framing.encode !== undefined) verifyEncoding(framing, bodies);
}

/** A bound that no frame comes near. */
const unbounded = 2 ** 30;

function outcomeOf(framing: Framing, pieces: readonly Buffer[], packetSize: number): Outcome {
  const stash = new Stash();
  const cutter = new Frames(framing, packetSize, stash);
  const frames: Buffer[] = [];
  for (const piece of pieces) {
    stash.push(Buffer.from(piece));
    for (let frame = cutter.take(); frame !== undefined; frame = cutter.take()) frames.push(frame);
  }
  const inside = stash.size === 0 ? "at the end of a frame" : "inside a frame";
  return { frames, end: cutter.failure?.error ?? inside, reason: cutter.failure?.reason };
}

function verify(framing: Framing, pieces: readonly Buffer[], whole: Outcome, places: readonly number[]): void {
  const outcome = outcomeOf(framing, pieces, unbounded);
  if (areEqual(outcome.frames, whole.frames) && outcome.end === whole.end) return;
  throw differing(at(places), whole.frames, outcome, whole.end);
}

/** The first frame that is larger than `packetSize` is refused, and those before it are not. */
function verifyBound(
  framing: Framing,
  pieces: readonly Buffer[],
  bodies: readonly Buffer[],
  packetSize: number,
  places: readonly number[],
): void {
  const before = bodies.slice(
    0,
    bodies.findIndex(({ length }) => length > packetSize),
  );
  const outcome = outcomeOf(framing, pieces, packetSize);
  if (areEqual(outcome.frames, before) && outcome.end === "Emsgsize") return;
  throw differing(`with packetSize ${packetSize}, ${at(places)}`, before, outcome, "Emsgsize");
}

function verifyEncoding(framing: Framing, bodies: readonly Buffer[]): void {
  const encoded = bodies.flatMap((body) => framing.encode?.([body]) ?? []);
  const outcome = outcomeOf(framing, [Buffer.concat(encoded)], unbounded);
  if (!areEqual(outcome.frames, bodies)) throw differing("of what it has encoded", bodies, outcome);
}

/** Byte by byte, every single cut, and as many at random as were asked for. */
function* placesToCut(size: number, cuts: number, seed: number): Generator<readonly number[]> {
  yield Array.from({ length: Math.max(0, size - 1) }, (_, index) => index + 1);
  for (let place = 0; place <= Math.min(size, mostSingleCuts); place++) yield [place];
  const random = randomNumbers(seed);
  for (let index = 0; index < cuts; index++) {
    const count = 1 + random(Math.min(size, 8) + 1);
    yield Array.from({ length: count }, () => random(size + 1)).sort((one, other) => one - other);
  }
}

/** Whole numbers below the one that is asked for: Park and Miller's, which are good enough and the same everywhere. */
function randomNumbers(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const bounds = [0, ...places, bytes.length];
  return bounds
    .slice(1)
    .map((end, index) => bytes.subarray(bounds[index], end))
    .filter(({ length }) => length > 0);
}

function areEqual(one: readonly Buffer[], other: readonly Buffer[]): boolean {
  return one.length === other.length && one.every((frame, index) => other[index]?.equals(frame));
}

function at(places: readonly number[]): string {
  return places.length > 1 && places.every((place, index) => place === index + 1)
    ? "byte by byte"
    : `cut at ${places.join(", ")}`;
}

function differing(how: string, expected: readonly Buffer[], { frames, end, reason }: Outcome, wanted?: string): Error {
  const wantedEnd = wanted === undefined ? "" : `, then ${wanted}`;
  const why = reason === undefined ? "" : ` (${reason})`;
  return new Error(
    `The framing differs ${how}: expected ${listed(expected)}${wantedEnd}, received ${listed(frames)}, then ${end}${why}`,
  );
}

function listed(frames: readonly Buffer[]): string {
  const shown = frames.slice(0, 5).map((frame) => JSON.stringify(frame.toString("latin1").slice(0, 40)));
  return `[${shown.join(", ")}${frames.length > 5 ? `, ${frames.length - 5} more` : ""}]`;
}
