import type { AnyActorRef, ErrorActorEvent, EventFrom, EventObject } from "xstate";
import { type ExitReason, ExitSignal } from "../process/exit.ts";
import { MessageLoop } from "../process/message-loop.ts";
import type { Owner } from "../process/owner.ts";
import { type ProcessEngine, processEngine } from "../process/process.ts";
import type { Selector } from "../process/selector.ts";
import type { OwnSubject, Subject } from "../process/subject.ts";
import { orUnmatched, Unmatched } from "../process/unmatched.ts";
import type { TcpMessage } from "../tcp/message.ts";
import { tcpMessages } from "../tcp/select.ts";
import { ActorLife } from "./actor-life.ts";
import { sendFrom, stopActor } from "./relay.ts";
import { runtimeOf } from "./system-runtime.ts";

/**
 * An XState actor as an owner: of sockets, whose messages come to it as its events, by `selector` or as they are; and as
 * whom processes link and monitor. Events come from the run queue, one after the other, in the order of arrival; what
 * the selector does not take goes to `onDeadLetter`.
 *
 * It ends when the actor is done or stopped (`Normal`), in error (`Abnormal`), or when an actor above it is in error,
 * whose children XState leaves alone. `exit` stops the actor; its parent, if it has one, hears of an abnormal exit as
 * of an error. The same actor and selector are the same owner.
 */
export function actorOwner<TRef extends AnyActorRef>(actorRef: TRef, selector: Selector<EventFrom<TRef>>): Owner;
export function actorOwner<TRef extends AnyActorRef>(
  actorRef: TcpMessage extends EventFrom<TRef>
    ? TRef
    : "this actor does not accept Packet, SocketClosed and TcpError: pass a selector",
): Owner;
export function actorOwner(actorRef: AnyActorRef | string, selector?: Selector<EventObject>): Owner {
  return actorProcess(actorRef as AnyActorRef, selector);
}

/**
 * An XState actor's address for processes: what they send comes to it as its event, from the run queue. `call` works,
 * with a `reply` in the event, and so do timers.
 */
export function actorSubject<TRef extends AnyActorRef>(actorRef: TRef): Subject<EventFrom<TRef>> {
  return actorProcess(actorRef, undefined).subject;
}

/** The process that stands for an actor: it lives as long, and what comes to it goes on to the actor. */
export function actorProcess(actorRef: AnyActorRef, selector: Selector<EventObject> | undefined): ProcessEngine {
  const life = ActorLife.of(actorRef);
  life.processes ??= new Map<Selector<EventObject> | undefined, ProcessEngine>();
  const known = life.processes.get(selector);
  if (known !== undefined) return known;
  const process = startProcess(actorRef, selector);
  life.processes.set(selector, process);
  return process;
}

function startProcess(actorRef: AnyActorRef, selector: Selector<EventObject> | undefined): ProcessEngine {
  const started = runtimeOf(actorRef).spawn((self, events: OwnSubject<EventObject>) =>
    eventLoop(actorRef, processEngine(self.process), (selector ?? tcpMessages).select(events)),
  );
  const process = processEngine(started);
  // XState reports what an actor fails of, or its parent hears it: that is no crash of this process.
  ActorLife.of(actorRef).onEnd((reason) => process.end(reason));
  const hasParent = actorRef._parent !== undefined;
  process.onExit(
    (reason) => {
      endActor(actorRef, reason);
    },
    hasParent ? "observer" : "resource",
  );
  return process;
}

/** Hands what comes to `process`, and is an event by `selector`, to the actor. */
export function eventLoop(actorRef: AnyActorRef, process: ProcessEngine, selector: Selector<EventObject>): MessageLoop {
  return new MessageLoop(process, orUnmatched(selector), {
    handle: (event) => {
      if (event instanceof Unmatched) event.discard(process);
      else actorRef.send(event);
    },
  });
}

/** Somebody has ended the process: the actor ends with it, and its parent hears why. */
function endActor(actorRef: AnyActorRef, reason: ExitReason): void {
  if (ActorLife.of(actorRef).ended !== undefined) return;
  stopActor(actorRef);
  const { _parent, id } = actorRef;
  if (_parent === undefined || reason.type === "Normal") return;
  const error = reason.type === "Abnormal" ? reason.reason : new ExitSignal(reason);
  const failed: ErrorActorEvent = { type: `xstate.error.actor.${id}`, error, actorId: id };
  sendFrom(actorRef, _parent, failed);
}
