// What Tankard wants to be, as ratios of one run on one core: the table that a run is held against.

export interface Goal {
  readonly says: string;
  readonly workload: string;
  readonly of: string;
  /** Whom it is compared with; absent where the figure itself is the goal. */
  readonly than?: string;
  /** `nanoseconds`: how much longer one operation takes. */
  readonly by: "ratio" | "difference" | "nanoseconds" | "figure";
  /** Default: the figure that is compared. */
  readonly column?: "beside";
  readonly bound: "at least" | "at most";
  readonly goal: number;
}

/** What no figure of a run says: a test does, or nobody yet. */
export interface GoalElsewhere {
  readonly says: string;
  readonly where: string;
}

const atLeast = (says: string, workload: string, of: string, than: string, goal: number): Goal => ({
  says,
  workload,
  of,
  than,
  by: "ratio",
  bound: "at least",
  goal,
});

/** The same on 1 connection and on 100. */
const atLeastInBoth = (says: string, of: string, than: string, one: number, hundred: number): Goal[] => [
  atLeast(`${says}, 1 connection`, "echo-1", of, than, one),
  atLeast(`${says}, 100 connections`, "echo-100", of, than, hundred),
];

/** The same goal on 1 connection and on 100. */
const atLeastOnEach = (says: string, workload: string, of: string, than: string, goal: number): Goal[] => [
  atLeast(`${says}, 1 connection`, `${workload}-1`, of, than, goal),
  atLeast(`${says}, 100 connections`, `${workload}-100`, of, than, goal),
];

const tls = "tls `data`";
const data = "net `data`";
const once = "Erlang active once";

export const goals: readonly Goal[] = [
  ...atLeastInBoth("active-once echo, callback owner, of raw net", "callback owner", data, 1.0, 1.03),
  ...atLeastInBoth("the same, of Erlang's active once", "callback owner", once, 1.1, 1.1),
  ...atLeastInBoth("the same, of C", "callback owner", "C", 0.85, 0.78),
  ...atLeastInBoth("async process with selector and time limit, of raw net", "async process", data, 0.95, 0.95),
  ...atLeastInBoth("the same, of Erlang's active once", "async process", once, 1.05, 1.05),
  ...atLeastInBoth("passive receive with time limit, of Erlang's", "passive receive", "Erlang passive", 1.0, 1.0),
  ...atLeastInBoth("XState `fromTransition` as owner, of raw net", "XState transition", data, 0.97, 0.97),
  ...atLeastInBoth("XState machine as owner, of raw net", "XState machine", data, 0.7, 0.7),
  atLeast("accepted socket, of raw net, 1 connection", "server-echo-1", "accept, callback owner", data, 0.93),
  atLeast("accepted socket, of raw net, 100 connections", "server-echo-100", "accept, callback owner", data, 0.93),
  ...atLeastOnEach("TLS, one-shot, of Node's", "echo-tls", "callback owner", tls, 0.9),
  ...atLeastOnEach("TLS that was upgraded to, of Node's", "echo-starttls", "callback owner", tls, 0.93),
  ...atLeastOnEach("TLS of an accepted socket, of Node's", "server-echo-tls", "accept, callback owner", tls, 0.9),
  atLeast("bulk receive over TLS, one-shot, of Node's", "bulk-receive-tls", "callback owner", tls, 0.9),
  atLeast("bulk receive, one-shot, of raw net", "bulk-receive", "callback owner", data, 1.15),
  atLeast("the same, of Erlang's active once", "bulk-receive", "callback owner", once, 0.9),
  atLeast("the same, of C", "bulk-receive", "callback owner", "C", 0.75),
  atLeast(
    "64 small sends in a turn, of writes of 64 KiB",
    "small-sends",
    "64 sends of 1 KiB",
    "net, writes of 64 KiB",
    0.85,
  ),
  atLeast("connect and close, of raw net", "connect", "connect, abort", "net", 0.9),
  atLeast("the same, of Erlang", "connect", "connect, abort", "Erlang", 0.9),
  {
    ...atLeast(
      "idle connection with a callback owner, resident, of raw net",
      "idle-connection",
      "callback owner",
      data,
      1.25,
    ),
    bound: "at most",
    column: "beside",
  },
  {
    // As a process of Erlang's there: it waits for whatever comes, without a time limit.
    ...atLeast(
      "idle connection with a process, resident, of raw net",
      "idle-connection",
      "async process, no time limit",
      data,
      1.25,
    ),
    bound: "at most",
    column: "beside",
  },
  {
    ...atLeast("the same, of Erlang", "idle-connection", "async process, no time limit", once, 1),
    bound: "at most",
    column: "beside",
  },
  atLeast("ping-pong, actor, of Erlang", "ping-pong", "actor", "Erlang", 5),
  atLeast("ping-pong, async process, of Erlang", "ping-pong", "async process", "Erlang", 2.5),
  atLeast("call with monitor and time limit, of Erlang's gen:call", "call", "async process", "Erlang", 2.5),
  atLeast(
    "selective receive behind 10,000 others, of the same without",
    "selective",
    "10,000 others",
    "0 others",
    1 / 1.1,
  ),
  atLeast(
    "selective receive behind 100,000 others, of the same without",
    "selective",
    "100,000 others",
    "0 others",
    1 / 1.1,
  ),
  atLeast("spawn, message, exit, async process, of Erlang", "spawn", "async process", "Erlang", 0.8),
  atLeast("spawn, message, exit, actor, of Erlang", "spawn", "actor", "Erlang", 1.2),
  {
    says: "idle async process, bytes of heap",
    workload: "idle-process",
    of: "async process",
    by: "figure",
    bound: "at most",
    goal: 1024,
  },
  {
    says: "idle callback owner, bytes of heap",
    workload: "idle-process",
    of: "callback owner",
    by: "figure",
    bound: "at most",
    goal: 200,
  },
  {
    says: "a time limit of a receive, nanoseconds",
    workload: "receive-timeout",
    of: "receive within 5 s",
    than: "receiveForever",
    by: "nanoseconds",
    bound: "at most",
    goal: 60,
  },
  {
    says: "1 ms timer beside an infinite busy pair, p99, milliseconds later than idle",
    workload: "fairness",
    of: "busy pair",
    than: "idle",
    by: "difference",
    column: "beside",
    bound: "at most",
    goal: 5,
  },
  atLeast("echo of an unrelated connection beside the busy pair, of idle", "fairness", "busy pair", "idle", 0.5),
];

export const goalsElsewhere: readonly GoalElsewhere[] = [
  { says: "system calls of a round trip: 1 read, 1 write, 1 epoll_wait, 0 epoll_ctl", where: "test/performance" },
  { says: "native timers created by a receive with a time limit: 0", where: "test/performance" },
  { says: "promises made by a round trip of a callback owner: 0", where: "test/performance, which holds them at 0" },
];
