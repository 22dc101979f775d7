import type { AnyActorRef, EventObject } from "xstate";

/** What XState's own actors send by. It is not public, so it may be missing. */
interface Relaying {
  _relay?(source: AnyActorRef, target: AnyActorRef, event: EventObject): void;
}

/** Sends `event` in the name of `source`: whoever inspects the system sees where it came from. */
export function sendFrom(source: AnyActorRef, target: AnyActorRef, event: EventObject): void {
  const system = source.system as Relaying;
  if (system._relay === undefined) target.send(event);
  else system._relay(source, target, event);
}

/** Ends an actor as XState does, also one that is somebody's child, which `stop` refuses. */
export function stopActor(actorRef: AnyActorRef): void {
  actorRef.send({ type: "xstate.stop" });
}
