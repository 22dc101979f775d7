// Replays a scenario on Tankard, step by step, through its public API.

import { processOperations } from "./process-operations.ts";
import type { Place } from "./place.ts";
import type { Scenario, Step } from "./scenario.ts";
import { serverOperations } from "./server-operations.ts";
import { tcpOperations } from "./tcp-operations.ts";
import { type Inexpressible, whyInexpressible } from "./inexpressible.ts";
import { Panicked, show, showRawReason } from "./value.ts";
import { type Operation, ScriptError, World } from "./world.ts";

/** What a step showed, or why Tankard has nothing to show for it. */
export type Seen = { readonly result: string } | { readonly inexpressible: Inexpressible };

/** Longer than any step of a scenario takes: what is not over by then hangs. */
const STEP_WITHIN_MS = 20_000;

export async function replay(scenario: Scenario, place: Place): Promise<readonly Seen[]> {
  const world = new World(place, scenario);
  const asynchronous = new Map<string, Promise<string>>();
  const seen: Seen[] = [];
  try {
    for (const [index, step] of scenario.steps.entries()) {
      const inexpressible = whyInexpressible(scenario, index);
      seen.push(inexpressible === undefined ? { result: await take(world, step, asynchronous) } : { inexpressible });
      if (inexpressible?.partsWays === true) break;
      if (step.op === "receive_next_packet_as_message") await turns();
    }
  } finally {
    await place.close();
  }
  return seen;
}

async function take(world: World, step: Step, asynchronous: Map<string, Promise<string>>): Promise<string> {
  switch (step.op) {
    case "sleep":
      await world.place.sleep(world.number(step, "ms"));
      return "Nil";
    case "await":
      return resultWithin(world, asynchronous.get(world.text(step, "id")), world.number(step, "within"));
    default: {
      const result = start(world, step);
      if (typeof step.async !== "string") return resultWithin(world, orEnd(world, step, result), STEP_WITHIN_MS);
      asynchronous.set(step.async, result);
      return "Started";
    }
  }
}

async function resultWithin(world: World, result: Promise<string> | undefined, ms: number): Promise<string> {
  const settled = await world.place.within(result ?? Promise.resolve("NotRun(nothing of that id was started)"), ms);
  return settled?.value ?? "Blocked";
}

/** A step that ends its own actor shows how. */
async function orEnd(world: World, step: Step, result: Promise<string>): Promise<string> {
  const actor = world.actorSoFar(step.actor);
  const endsAnother = step.process !== undefined && step.process !== step.actor;
  if (actor === undefined || step.op === "die" || endsAnother) return result;
  const ended = actor.process.exited.then((reason) => `Exited(${step.actor ?? ""}, ${showRawReason(reason, world)})`);
  return Promise.race([result, ended]);
}

async function start(world: World, step: Step): Promise<string> {
  try {
    return await operationOf(world, step)(world, step);
  } catch (error) {
    if (error instanceof ScriptError) return `NotRun(${error.message})`;
    if (step.uncaught !== true || step.actor === undefined) return showPanic(error);
    const actor = await world.actor(step.actor);
    actor.panic(error);
    return `Exited(${step.actor}, ${show(error, world)})`;
  }
}

/** Some words are in both books: a step with a socket is of mug's. */
function operationOf(world: World, step: Step): Operation {
  const books =
    "socket" in step ? [tcpOperations, serverOperations] : [processOperations, serverOperations, tcpOperations];
  for (const book of books) {
    const operation = book[step.op];
    if (operation !== undefined) return operation;
  }
  throw new ScriptError(`the notation has no operation ${step.op}`);
}

function showPanic(error: unknown): string {
  return error instanceof Panicked ? `Panic("${error.message}")` : `Panic(${String(error)})`;
}

/** In Erlang a step is a message to another process: by the next one the driver has looked at the kernel. */
async function turns(): Promise<void> {
  for (let count = 0; count < 3; count++) await new Promise(setImmediate);
}
