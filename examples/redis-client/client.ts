// The machine in the hands of who wants something of Redis.

import { call, type CallError, describeError, err, type Result, type Runtime } from "tankard";
import { encodeCommand } from "tankard/framing";
import { actorSubject, clockOf } from "tankard/xstate";
import { type ActorRefFrom, createActor } from "xstate";
import { type CommandFailure, redisMachine, type RedisOptions } from "./machine.ts";
import type { Reply } from "./resp.ts";

/** A command's name, and what it works on. Text is sent as UTF-8. */
export type Argument = string | number | bigint | Uint8Array;

export interface RedisClientOptions extends RedisOptions {
  /** How long a command may take, from the moment it is given. Default 10000. */
  readonly withinMs?: number | undefined;
  /** Whose clock it lives by. Default: the default runtime's. */
  readonly runtime?: Runtime | undefined;
}

/** A command took too long. It may have been done, and may yet be. */
export interface TimedOut {
  readonly type: "TimedOut";
  readonly withinMs: number;
}

/** What has become of a command. */
export type Answer = Result<Reply, CommandFailure | TimedOut>;

export interface RedisClient extends AsyncDisposable {
  /**
   * Sends a command as soon as there is a connection, behind those given before and without waiting for their answers.
   * No command is sent twice. Not for what is answered more than once (SUBSCRIBE, MONITOR), and a new connection knows
   * nothing of what the one before was told by SELECT or AUTH.
   *
   * @returns what has become of it, once; the promise never rejects
   */
  command(...args: readonly Argument[]): Promise<Answer>;
  /** Lets what is in flight finish, fails what is queued, and resolves when nothing is left. */
  close(): Promise<void>;
  /** For who looks at its states, or inspects it. */
  readonly actor: ActorRefFrom<typeof redisMachine>;
}

/** Starts a client. It connects at once, and again whenever the connection is lost, until it is closed. */
export function createRedisClient({ withinMs = 10_000, runtime, ...input }: RedisClientOptions): RedisClient {
  const actor = createActor(redisMachine, { input, ...(runtime === undefined ? {} : { clock: clockOf(runtime) }) });
  actor.start();
  const subject = actorSubject(actor);

  const failureOf = (error: CallError): CommandFailure | TimedOut => {
    if (error.type === "CallTimeout") return { type: "TimedOut", withinMs };
    // Before the machine is done, it has answered whatever it had sent.
    if (actor.getSnapshot().status === "done") return { type: "Closed" };
    return { type: "ConnectionLost", why: describeError(error) };
  };

  // The machine ends, and that is the answer.
  const close = async (): Promise<void> => {
    await call(subject, Infinity, () => ({ type: "close" }));
  };

  return {
    command: async (...args) => {
      const bytes = encodeCommand(...args);
      const called = await call(subject, withinMs, (reply) => ({ type: "command", bytes, reply }));
      return called.ok ? called.value : err(failureOf(called.error));
    },
    close,
    actor,
    [Symbol.asyncDispose]: close,
  };
}
