// The pipelines that build a selector. What each entry makes of its message is the text that results write.

import {
  deselectSpecificMonitor,
  type ExitMessage,
  type Monitor,
  newSelector,
  type OwnSubject,
  type ProcessDown,
  selectMonitors,
  selectRecord,
  selectSpecificMonitor,
  selectTcpMessages,
  selectTrappedExits,
  type Selector,
} from "tankard";
import type { Actor } from "./actor.ts";
import { constructorName, Panicked, show, showRawReason, showReason, showTcpMessage, valueOf } from "./value.ts";
import { ScriptError, type World } from "./world.ts";

/** Whose selector it is. */
export interface SelectorContext {
  readonly world: World;
  /** What the actor receives from by this name. */
  readonly subjectIn: (name: unknown) => OwnSubject<unknown>;
}

type Pipe = (selector: Selector<string>, context: SelectorContext, args: readonly unknown[]) => Selector<string>;

const pipes: Readonly<Record<string, Pipe>> = {
  select: (selector, { world, subjectIn }, [subject]) =>
    selector.selectMap(subjectIn(subject), (message) => show(message, world)),
  select_map: (selector, { world, subjectIn }, [subject, label]) =>
    selector.selectMap(subjectIn(subject), (message) => labelled(label, show(message, world))),
  select_map_panic: (selector, { subjectIn }, [subject]) =>
    selector.selectMap(subjectIn(subject), (): string => {
      throw new Panicked("mapping panicked");
    }),
  deselect: (selector, { subjectIn }, [subject]) => selector.deselect(subjectIn(subject)),
  select_record: (selector, { world }, [tag, fields, label]) =>
    selectRecord(selector, valueOf(tag, world), Number(fields), (record) => labelled(label, show(record, world))),
  select_other: (selector, { world }, [label]) =>
    selector.selectOther((message) => labelled(label, showRaw(message, world))),
  merge_selector: (selector, context, [other]) => selector.merge(readSelector(other, context)),
  map_selector: (selector, _context, [label]) => selector.map((text) => labelled(label, text)),
  select_monitors: (selector, { world }, [label]) =>
    selectMonitors(selector, (down) => labelled(label, showDown(down, world))),
  select_specific_monitor: (selector, { world }, [monitor, label]) =>
    selectSpecificMonitor(selector, world.thing(String(monitor)) as Monitor, (down) =>
      labelled(label, showDown(down, world)),
    ),
  deselect_specific_monitor: (selector, { world }, [monitor]) =>
    deselectSpecificMonitor(selector, world.thing(String(monitor)) as Monitor),
  select_trapped_exits: (selector, { world }, [label]) =>
    selectTrappedExits(selector, (exit) => labelled(label, showExit(exit, world))),
  select_tcp_messages: (selector, { world }, [label]) =>
    selectTcpMessages(selector, (message) => labelled(label, showTcpMessage(message, world))),
};

/** The selector that a list of steps builds. */
export function readSelector(written: unknown, context: SelectorContext): Selector<string> {
  const steps = written as readonly (readonly unknown[])[];
  return steps.reduce((selector: Selector<string>, [name, ...args]) => {
    const pipe = pipes[String(name)];
    if (pipe === undefined) throw new ScriptError(`the notation has no ${String(name)}`);
    return pipe(selector, context, args);
  }, newSelector());
}

/** Takes whatever stands in the actor's mailbox, as raw messages are written. */
export function everything(world: World, actor: Actor): Selector<string> {
  const others = newSelector().selectOther((message) => showRaw(message, world));
  const subjects = [...world.subjectsOf(actor)].reduce(
    (selector: Selector<string>, [name, subject]) =>
      selector.selectMap(subject, (message) => `#(${name}, ${show(message, world)})`),
    others,
  );
  const sockets = selectTcpMessages(subjects, (message) => showTcpMessage(message, world));
  const downs = selectMonitors(sockets, (down) => showRaw(down, world));
  return selectTrappedExits(downs, (exit) => showRaw(exit, world));
}

/** `Got(1)`; nothing around it without a label. */
function labelled(label: unknown, text: string): string {
  return typeof label === "string" ? `${constructorName(label)}(${text})` : text;
}

function showDown({ monitor, owner, reason }: ProcessDown, world: World): string {
  return `ProcessDown(${show(monitor, world)}, ${show(owner, world)}, ${showReason(reason, world)})`;
}

function showExit({ owner, reason }: ExitMessage, world: World): string {
  return `ExitMessage(${show(owner, world)}, ${showReason(reason, world)})`;
}

/** What a process is told of others' ends is, raw, a tuple. */
function showRaw(message: unknown, world: World): string {
  if (isTold(message, "ProcessDown")) {
    const { monitor, owner, reason } = message as ProcessDown;
    return `Down(${show(monitor, world)}, Process, ${show(owner, world)}, ${showRawReason(reason, world)})`;
  }
  if (isTold(message, "ExitMessage")) {
    const { owner, reason } = message as ExitMessage;
    return `Exit(${show(owner, world)}, ${showRawReason(reason, world)})`;
  }
  if (isTold(message, "Packet") || isTold(message, "SocketClosed") || isTold(message, "TcpError"))
    return showTcpMessage(message as Parameters<typeof showTcpMessage>[0], world);
  return show(message, world);
}

function isTold(message: unknown, type: string): boolean {
  return typeof message === "object" && message !== null && (message as { readonly type?: unknown }).type === type;
}
