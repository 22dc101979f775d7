// The functions of gleam/erlang/process, and the life and death of actors.

import {
  type CallError,
  type ExitReason,
  named,
  namedSubject,
  newName,
  type OwnSubject,
  type Process,
  type Result,
  type Self,
  subjectName,
  subjectOwner,
} from "tankard";
import { Actor } from "./actor.ts";
import { everything, readSelector, type SelectorContext } from "./selector.ts";
import type { Step } from "./scenario.ts";
import { Panicked, Request, show, showReason, valueOf } from "./value.ts";
import type { Operation, World } from "./world.ts";

export const processOperations: Readonly<Record<string, Operation>> = {
  // ── actors ──

  start: async (world, step) => {
    await world.actorOf(step);
    return "Nil";
  },

  spawn: (world, step) =>
    world.do(step, async (self) => {
      const name = world.text(step, "as");
      await world.addActor(name, new Actor(self));
      return name;
    }),

  spawn_unlinked: (world, step) =>
    world.do(step, async (self) => {
      const name = world.text(step, "as");
      await world.addActor(name, new Actor({ spawn: (run, options) => self.spawnUnlinked(run, options) }));
      return name;
    }),

  die: async (world, step) => {
    const actor = await world.actorOf(step);
    const { panic } = step.how as { readonly panic?: string };
    if (step.how === "kill") actor.process.kill();
    else if (panic === undefined) actor.return();
    else actor.panic(new Panicked(panic));
    return `Exited(${step.actor ?? ""}, ${showEnd(await actor.process.exited, world)})`;
  },

  is_alive: async (world, step) => {
    const { process } = await world.actor(world.text(step, "process"));
    return process.isAlive ? "True" : "False";
  },

  kill: (world, step) =>
    endProcess(world, step, (process) => {
      process.kill();
    }),

  send_exit: (world, step) =>
    endProcess(world, step, (process, self) => {
      process.sendExit({ from: self });
    }),

  send_abnormal_exit: (world, step) =>
    endProcess(world, step, (process, self) => {
      process.sendAbnormalExit(valueOf(step.reason, world), { from: self });
    }),

  link: (world, step) =>
    world.do(step, async (self) => {
      const { process } = await world.actor(world.text(step, "to"));
      return self.link(process) ? "True" : "False";
    }),

  unlink: (world, step) =>
    world.do(step, async (self) => {
      const { process } = await world.actor(world.text(step, "from"));
      self.unlink(process);
      return "Nil";
    }),

  trap_exits: (world, step) =>
    world.do(step, (self) => {
      self.trapExits(step.flag !== false);
      return "Nil";
    }),

  monitor: (world, step) =>
    world.do(step, async (self) => {
      const { process } = await world.actor(world.text(step, "of"));
      const name = world.text(step, "as");
      world.name(name, self.monitor(process));
      return name;
    }),

  demonitor_process: (world, step) =>
    world.do(step, (self) => {
      self.demonitor(world.monitor(step));
      return "Nil";
    }),

  sleep_in_process: (world, step) =>
    world.do(step, async (self) => {
      await self.sleep(world.number(step, "ms"));
      return "Nil";
    }),

  sleep_forever: (world, step) =>
    world.do(step, async (self) => {
      await self.sleep(Infinity);
      return "Nil";
    }),

  self: (world, step) => world.do(step, (self) => show(self.process, world)),

  // ── subjects and names ──

  new_subject: async (world, step) => {
    const actor = await world.actorOf(step);
    return actor.do((self) => {
      const name = world.text(step, "as");
      world.keepSubject(actor, name, world.name(name, self.newSubject<unknown>()));
      return name;
    });
  },

  new_name: (world, step) => {
    const name = world.text(step, "as");
    world.name(name, newName<unknown>(name));
    return name;
  },

  named_subject: (world, step) => {
    const name = world.text(step, "as");
    world.name(name, namedSubject(world.processName(step)));
    return name;
  },

  register: async (world, step) => {
    const actor = await world.actor(world.text(step, "process"));
    const registered = await orError(() => actor.as((self) => self.register(world.processName(step))));
    if (!registered.ok) return "Error(Nil)";
    world.keepSubject(actor, world.text(step, "name"), registered.value);
    return "Ok(Nil)";
  },

  unregister: async (world, step) => {
    const name = world.processName(step);
    const holder = named(name);
    if (!holder.ok) return "Error(Nil)";
    const actor = await world.actor(world.nameOf(holder.value) ?? "");
    const unregistered = await actor.as((self) => self.unregister(name));
    return unregistered.ok ? "Ok(Nil)" : "Error(Nil)";
  },

  named: (world, step) => showFound(named(world.processName(step)), world),
  subject_owner: (world, step) => showFound(subjectOwner(world.subject(step)), world),
  subject_name: (world, step) => showFound(subjectName(world.subject(step)), world),

  // ── messages ──

  send: (world, step) =>
    world.do(step, () => {
      world.subject(step).send(valueOf(step.message, world));
      return "Nil";
    }),

  tell: async (world, step) => {
    const { process } = await world.actor(world.text(step, "to"));
    return world.do(step, () => {
      process.tell(valueOf(step.message, world));
      return "Nil";
    });
  },

  receive: (world, step) =>
    world.do(step, async (self) => {
      const received = await self.receive(await receivable(world, step, self), world.number(step, "timeout"));
      return received.ok ? `Ok(${show(received.value, world)})` : "Error(Nil)";
    }),

  receive_forever: (world, step) =>
    world.do(step, async (self) => {
      return show(await self.receiveForever(await receivable(world, step, self)), world);
    }),

  selector_receive: (world, step) =>
    world.do(step, async (self) => {
      const selector = readSelector(step.selector, await selectorContext(world, step, self));
      const received = await self.receive(selector, world.number(step, "timeout"));
      return received.ok ? `Ok(${received.value})` : "Error(Nil)";
    }),

  selector_receive_forever: (world, step) =>
    world.do(step, async (self) => {
      return await self.receiveForever(readSelector(step.selector, await selectorContext(world, step, self)));
    }),

  flush_messages: (world, step) =>
    world.do(step, (self) => {
      self.flushMessages();
      return "Nil";
    }),

  mailbox: async (world, step) => {
    const actor = await world.actorOf(step);
    await world.place.sleep(world.number(step, "wait"));
    return actor.do(async (self) => {
      const found: string[] = [];
      const selector = everything(world, actor);
      for (let next = await self.receive(selector, 0); next.ok; next = await self.receive(selector, 0))
        found.push(next.value);
      return `[${found.join(", ")}]`;
    });
  },

  // ── calls ──

  call: (world, step) => world.do(step, (self) => callAndShow(self, world, step, world.number(step, "timeout"))),
  call_forever: (world, step) => world.do(step, (self) => callAndShow(self, world, step, Infinity)),

  take_request: (world, step) =>
    world.do(step, async (self) => {
      const received = await self.receive(await receivable(world, step, self), world.number(step, "timeout"));
      if (!received.ok) return "Error(Nil)";
      const request = received.value as Request;
      world.name(world.text(step, "as"), request.reply);
      return `Ok(${show(request, world)})`;
    }),

  // ── timers ──

  send_after: (world, step) =>
    world.do(step, (self) => {
      const name = world.text(step, "as");
      const message = valueOf(step.message, world);
      world.name(name, self.sendAfter(world.subject(step), world.number(step, "delay"), message));
      return name;
    }),

  cancel_timer: (world, step) =>
    world.do(step, (self) => (self.cancelTimer(world.timer(step)).ok ? "Cancelled(Remaining)" : "TimerNotFound")),
};

/** A link brings the end back to who sent it, in Erlang after the step and here within it: its result stands. */
async function endProcess(world: World, step: Step, end: (process: Process, self: Self) => void): Promise<string> {
  const { process } = await world.actor(world.text(step, "process"));
  return new Promise((over) => {
    void world.do(step, (self) => {
      end(process, self);
      if (process !== self.process || process.isAlive) over("Nil");
    });
  });
}

async function receivable(world: World, step: Step, self: Self): Promise<OwnSubject<unknown>> {
  const { subjectIn } = await selectorContext(world, step, self);
  return subjectIn(step.subject);
}

/**
 * In gleam one receives by a name; here only by the subject that `register` gave to who holds it, or held it. Who never
 * did has none: nothing ever comes by it.
 */
async function selectorContext(world: World, step: Step, self: Self): Promise<SelectorContext> {
  const actor = await world.actorOf(step);
  return {
    world,
    subjectIn: (name) => {
      const subject = world.thing(String(name)) as OwnSubject<unknown>;
      const named = subjectName(subject);
      if (!named.ok) return subject;
      return world.subjectsOf(actor).get(world.nameOf(named.value) ?? "") ?? self.newSubject<unknown>();
    },
  };
}

/** gleam's `call` panics where ours gives an error: this is how one is made of the other. */
async function callAndShow(self: Self, world: World, step: Step, withinMs: number): Promise<string> {
  const subject = world.subject(step);
  const callee = subjectOwner(subject);
  const message = valueOf(step.message, world);
  const answer = await self.call(subject, withinMs, (reply: { send(message: unknown): void }) => {
    return new Request(message, reply);
  });
  if (answer.ok) return show(answer.value, world);
  if (!callee.ok) throw new Panicked("Callee subject had no owner");
  throw new Panicked(whyNoAnswer(answer.error, world.nameOf(callee.value) ?? "", world));
}

function whyNoAnswer(error: CallError, callee: string, world: World): string {
  switch (error.type) {
    case "CalleeDown":
      return `callee exited: ProcessDown(<ref>, ${callee}, ${showReason(error.reason, world)})`;
    case "CallTimeout":
      return "callee did not send reply before timeout";
    case "CallRejected":
      return error.type;
    default:
      return error satisfies never;
  }
}

function showEnd(reason: ExitReason, world: World): string {
  return reason.type === "Abnormal" ? show(reason.reason, world) : reason.type;
}

function showFound(found: Result<unknown, unknown>, world: World): string {
  return found.ok ? `Ok(${show(found.value, world)})` : "Error(Nil)";
}

/** gleam says of a process that has ended what it says of a name that is taken; ours throws. */
async function orError<T>(job: () => Promise<Result<T, unknown>>): Promise<Result<T, unknown>> {
  try {
    return await job();
  } catch (error) {
    return { ok: false, error };
  }
}
