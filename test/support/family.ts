// Children for supervisors, of which a test sees every start and every end.

import { type Host, ok, type Process, type Result, type Self } from "tankard";
import type { ChildSpec, Started, StartError } from "tankard/otp";

export interface FamilyMember {
  readonly process: Process;
  readonly self: Self;
  /** Lets its function return: it ends normally. */
  leave(): void;
}

export interface Family {
  /** What happened since `history` was last asked: "+a" for a start of child a, "-a" for an end. */
  history(): string[];
  /** The child of this id that was started last. */
  member(id: string): FamilyMember;
  /** How often a child of this id was started. */
  starts(id: string): number;
  /** The specification of one more child. */
  spec(id: string, changes?: Partial<ChildSpec>): ChildSpec;
  specs(...ids: readonly string[]): ChildSpec[];
  /** Starts a child that is called `id`, and does nothing by itself. */
  start(id: string, host: Host): Promise<Result<Started<FamilyMember>, StartError>>;
  /** What the next starts of this id give instead, one after the other. */
  failing(id: string, ...errors: readonly StartError[]): void;
}

export function newFamily(): Family {
  const members = new Map<string, FamilyMember[]>();
  const failures = new Map<string, StartError[]>();
  let events: string[] = [];

  const start: Family["start"] = (id, host) => {
    const error = failures.get(id)?.shift();
    if (error !== undefined) {
      events.push(`!${id}`);
      return Promise.resolve({ ok: false, error });
    }
    return new Promise((resolve) => {
      const process: Process = host.spawn(
        (self) =>
          new Promise<void>((leave) => {
            self.onExit(() => leave(), "resource");
            const member: FamilyMember = { process, self, leave };
            members.set(id, [...(members.get(id) ?? []), member]);
            events.push(`+${id}`);
            self.onExit(() => events.push(`-${id}`), "resource");
            resolve(ok({ process, data: member }));
          }),
      );
    });
  };

  const spec: Family["spec"] = (id, changes = {}) => ({ id, start: (host) => start(id, host), ...changes });

  return {
    start,
    spec,
    specs: (...ids) => ids.map((id) => spec(id)),
    history: () => {
      const past = events;
      events = [];
      return past;
    },
    member: (id) => {
      const member = members.get(id)?.at(-1);
      if (member === undefined) throw new Error(`No child ${id} was ever started`);
      return member;
    },
    starts: (id) => members.get(id)?.length ?? 0,
    failing: (id, ...errors) => void failures.set(id, [...errors]),
  };
}
