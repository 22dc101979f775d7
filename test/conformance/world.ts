// What a scenario has made so far, by the names that its script gave.

import type { Monitor, Name, OwnedSocket, OwnSubject, Self, Subject, Timer } from "tankard";
import { Actor } from "./actor.ts";
import type { Peer, Place, Server } from "./place.ts";
import type { Scenario, Step } from "./scenario.ts";
import type { Names } from "./value.ts";

/** The script is wrong, not what it replays on: no panic that a recording could show. */
export class ScriptError extends Error {}

export class World implements Names {
  readonly place: Place;
  readonly scenario: Scenario;
  readonly #things = new Map<string, unknown>();
  readonly #names = new Map<unknown, string>();
  readonly #actors = new Map<string, Actor>();
  /** What an actor receives from: its subjects, and those of the names that it was registered under. */
  readonly #subjects = new Map<Actor, Map<string, OwnSubject<unknown>>>();

  constructor(place: Place, scenario: Scenario) {
    this.place = place;
    this.scenario = scenario;
  }

  /** Names a thing. Another thing of the same name stays known by it, as results may still show it. */
  name<T>(name: string, thing: T): T {
    this.#things.set(name, thing);
    this.#names.set(thing, name);
    return thing;
  }

  nameOf(thing: unknown): string | undefined {
    return typeof thing === "object" && thing !== null ? this.#names.get(thing) : undefined;
  }

  thing(name: string): unknown {
    return this.#things.get(name) ?? this.#actors.get(name)?.process;
  }

  has(name: string): boolean {
    return this.thing(name) !== undefined;
  }

  /** The actor of this name; the first time somebody speaks of it, it starts. */
  async actor(name: string): Promise<Actor> {
    return this.#actors.get(name) ?? (await this.addActor(name, new Actor(this.place.runtime)));
  }

  /** The actor of this name, if somebody has spoken of it. */
  actorSoFar(name: string | undefined): Actor | undefined {
    return name === undefined ? undefined : this.#actors.get(name);
  }

  async addActor(name: string, actor: Actor): Promise<Actor> {
    this.#actors.set(name, actor);
    this.#names.set(actor.process, name);
    return actor.ready();
  }

  keepSubject(actor: Actor, name: string, subject: OwnSubject<unknown>): void {
    const subjects = this.#subjects.get(actor) ?? new Map<string, OwnSubject<unknown>>();
    this.#subjects.set(actor, subjects.set(name, subject));
  }

  subjectsOf(actor: Actor): ReadonlyMap<string, OwnSubject<unknown>> {
    return this.#subjects.get(actor) ?? new Map<string, OwnSubject<unknown>>();
  }

  async actorOf(step: Step): Promise<Actor> {
    return this.actor(step.actor ?? "");
  }

  /** Lets the actor of a step do something when it has done everything before. */
  async do<T>(step: Step, job: (self: Self) => T | Promise<T>): Promise<T> {
    const actor = await this.actorOf(step);
    return actor.do(job);
  }

  // ── arguments of a step ──

  text(step: Step, argument: string): string {
    const value = step[argument];
    if (typeof value === "string") return value;
    throw new ScriptError(`${step.op} needs the text ${argument}, not ${JSON.stringify(value)}`);
  }

  number(step: Step, argument: string): number {
    const value = step[argument];
    if (typeof value === "number") return value;
    throw new ScriptError(`${step.op} needs the number ${argument}, not ${JSON.stringify(value)}`);
  }

  socket(step: Step, argument = "socket"): OwnedSocket {
    return this.#get(step, argument) as OwnedSocket;
  }

  peer(step: Step): Peer {
    return this.#get(step, "socket") as Peer;
  }

  server(step: Step): Server {
    return this.#get(step, "listener") as Server;
  }

  subject(step: Step, argument = "subject"): Subject<unknown> {
    return this.#get(step, argument) as Subject<unknown>;
  }

  monitor(step: Step): Monitor {
    return this.#get(step, "monitor") as Monitor;
  }

  timer(step: Step): Timer {
    return this.#get(step, "timer") as Timer;
  }

  processName(step: Step): Name<unknown> {
    return this.#get(step, "name") as Name<unknown>;
  }

  #get(step: Step, argument: string): unknown {
    const name = this.text(step, argument);
    const thing = this.thing(name);
    if (thing === undefined) throw new ScriptError(`${step.op} speaks of ${name}, which nobody has made`);
    return thing;
  }
}

/** Does one step and shows what came of it. */
export type Operation = (world: World, step: Step) => Promise<string> | string;
