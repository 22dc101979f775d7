import {
  type Actor,
  type ActorOptions,
  type ActorRefFromLogic,
  type AnyActorLogic,
  createActor,
  type InputFrom,
  type Snapshot,
} from "xstate";
import type { Runtime } from "../process/runtime.ts";
import { throwFailure } from "./actor-life.ts";
import { clockOf } from "./system-runtime.ts";

/** How the actors are made that are nobody's children in XState. */
export interface ActorSettings<TLogic extends AnyActorLogic> {
  /** As `createActor`'s. */
  readonly inspect?: ActorOptions<TLogic>["inspect"] | undefined;
  /** As `createActor`'s. */
  readonly logger?: ActorOptions<TLogic>["logger"] | undefined;
  /**
   * Sees each actor before it starts. Who subscribes to it hears its errors too: XState reports those of an actor that has
   * a subscriber without an `error` listener as uncaught, whoever else hears of them.
   */
  readonly onActor?: ((actorRef: ActorRefFromLogic<TLogic>) => void) | undefined;
}

/** @internal */
export const actorSettingNames = { inspect: true, logger: true, onActor: true } satisfies Record<
  keyof ActorSettings<AnyActorLogic>,
  true
>;

/** An input as it has to be given: by a function, unless the logic takes none. */
export type InputSetting<TLogic extends AnyActorLogic, TArguments extends readonly unknown[]> =
  undefined extends InputFrom<TLogic>
    ? { readonly input?: ((...args: TArguments) => InputFrom<TLogic>) | undefined }
    : { readonly input: (...args: TArguments) => InputFrom<TLogic> };

/**
 * Makes a root actor whose system lives in `runtime`, and does not start it.
 *
 * @throws what it fails of as it is made
 */
export function makeActor<TLogic extends AnyActorLogic>(
  logic: TLogic,
  runtime: Runtime,
  { inspect, logger, onActor }: ActorSettings<TLogic>,
  input: unknown,
  snapshot?: Snapshot<unknown>,
): Actor<TLogic> {
  const given = { inspect, logger, input, snapshot, clock: clockOf(runtime) };
  // XState takes an option that is there and undefined for one that is given.
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const actor = createActor(logic, options as unknown as ActorOptions<TLogic> & { input: never });
  throwFailure(actor); // XState would report it as the actor starts
  onActor?.(actor);
  return actor;
}
