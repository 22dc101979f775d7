// Supervisors and groups as a user of the package writes them. Compiled, never run.
import { expectTypeOf } from "expect-type";
import {
  type Host,
  newName,
  ok,
  type OwnSubject,
  type Process,
  type Result,
  type Self,
  type Subject,
  unwrap,
} from "tankard";
import {
  type Backoff,
  type ChildSpec,
  type FactoryRequest,
  type FactorySupervisor,
  namedFactorySupervisor,
  newGroup,
  type Started,
  type StartError,
  startFactorySupervisor,
  startSupervisor,
  type Supervisor,
} from "tankard/otp";
import { type Server, supervised } from "tankard/server";

interface Session {
  readonly room: string;
  readonly lines: Subject<string>;
}

function startSession(room: string, host: Host): Promise<Result<Started<Session>, StartError>> {
  const process = host.spawn((self, _lines: OwnSubject<string>) => self.sleep(Infinity));
  return Promise.resolve(ok({ process, data: { room, lines: process.subject } }));
}

const sessionsName = newName<FactoryRequest<string, Session>>("sessions");
const backoff: Backoff = { minMs: 100, maxMs: 5_000 };
const lobby: ChildSpec = { id: "lobby", start: (host) => startSession("lobby", host), restart: "Transient" };
const started = await startSupervisor({
  strategy: "RestForOne",
  backoff,
  restartTolerance: { intensity: 5, periodMs: 10_000 },
  children: [
    lobby,
    { id: "sessions", start: (host) => startFactorySupervisor({ name: sessionsName, start: startSession }, host) },
    { id: "below", start: (host) => startSupervisor({ strategy: "OneForAll", children: [] }, host) },
  ],
});
await using supervisor = unwrap(started).data;
expectTypeOf(supervisor).toEqualTypeOf<Supervisor>();
for (const { id, process } of supervisor.children())
  expectTypeOf({ id, process }).toEqualTypeOf<{ id: string; process: Process | undefined }>();
const restarted = await supervisor.restartChild("lobby");
if (!restarted.ok && restarted.error.type === "InitFailed") expectTypeOf(restarted.error.reason).toBeUnknown();

const sessions = namedFactorySupervisor(sessionsName);
const session = unwrap(await sessions.startChild("#gleam")).data;
expectTypeOf(session).toEqualTypeOf<Session>();
// @ts-expect-error rooms are called by strings
await sessions.startChild(5);

const factory = unwrap(await startFactorySupervisor({ start: startSession })).data;
expectTypeOf(factory).toEqualTypeOf<FactorySupervisor<string, Session>>();
for (const { argument } of factory.children()) expectTypeOf(argument).toBeString();

const room = newGroup<string>();
expectTypeOf(room.join(session.lines)).toBeBoolean();
expectTypeOf(room.broadcast("hello")).toBeNumber();
// @ts-expect-error the room speaks strings
room.broadcast(5);
// @ts-expect-error a member has to understand all that is said
room.join(newSubjectOfHello());
declare function newSubjectOfHello(): Subject<"hello">;

// @ts-expect-error no such strategy
await startSupervisor({ strategy: "OneForMany", children: [] });
// @ts-expect-error no such option
await startSupervisor({ strategy: "OneForOne", children: [], restarts: 5 });

const server = supervised("server", { port: 0 }, { createOwner: () => self });
expectTypeOf(unwrap(await server.start(self)).data).toEqualTypeOf<Server>();
declare const self: Self;
