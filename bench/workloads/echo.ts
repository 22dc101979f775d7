// Round trips of 64 bytes, by every kind of client and by every kind of server, over each transport.
import path from "node:path";
import { bun, c, type Command, type Contestant, erlang, node, npm, type Workload } from "../workload.ts";

/** What connections go over: the name of one of programs/transports.ts, and who else speaks it. */
interface Row {
  readonly transport: "tcp" | "unix" | "tls" | "starttls";
  /** What the names of its workloads end with. */
  readonly suffix: string;
  /** Whether all take part, or only the few that say what the transport costs. */
  readonly isWhole: boolean;
  /** Whether the peers in C and Erlang can; where not, the other side is Node's own, for all the same. */
  readonly hasPeers: boolean;
  /** Whether servers are compared as well. */
  readonly hasServers: boolean;
}

const rows: readonly Row[] = [
  { transport: "tcp", suffix: "", isWhole: true, hasPeers: true, hasServers: true },
  { transport: "unix", suffix: "-unix", isWhole: false, hasPeers: true, hasServers: true },
  { transport: "tls", suffix: "-tls", isWhole: false, hasPeers: false, hasServers: true },
  // A server that was upgraded does what one does that has spoken TLS from the beginning.
  { transport: "starttls", suffix: "-starttls", isWhole: false, hasPeers: false, hasServers: false },
];

const data = "net `data`";
const few = [data, "callback owner", "async process", "passive receive"];
const clients = [
  data,
  "net `for await`",
  "callback owner",
  "actor",
  "async process",
  "passive receive",
  "XState transition",
  "XState machine",
  "XState machine with a `fromTcpSocket` child",
  "XState `fromProcess`",
  "by hand: net to an XState transition",
  "by hand: net to an XState machine",
  "by hand: XState machine with net in a `fromCallback` child",
];
const fewServers = [data, "accept, callback owner", "startServer, actor"];
const servers = [
  data,
  "net `for await`",
  "accept, callback owner",
  "accept, async process",
  "accept, passive receive",
  "startServer, actor",
  "startServer, async process",
  "startServer, callback owner",
  "startServer, XState machine",
];

export function echoWorkloads(folder: string, hasC: boolean): Workload[] {
  return rows.flatMap((row) => {
    const newPlace = placesIn(row, folder);
    return [
      ...[1, 100].map((connections) => clientWorkload(row, connections, newPlace, hasC)),
      ...(row.hasServers ? [1, 100] : []).map((connections) => serverWorkload(row, connections, newPlace, hasC)),
    ];
  });
}

/** Where each server listens, as its last arguments: nothing for a port of the system's choice. */
type NewPlace = () => readonly string[];

function placesIn({ transport }: Row, folder: string): NewPlace {
  let count = 0;
  return () => (transport === "unix" ? [path.join(folder, `${count++}.sock`)] : []);
}

function clientWorkload(
  { transport, suffix, isWhole, hasPeers }: Row,
  connections: number,
  newPlace: NewPlace,
  hasC: boolean,
): Workload {
  const client = (name: string, measured: Command): Contestant => ({
    name,
    measured,
    server: hasC && hasPeers ? c("echo", ...newPlace()) : node("echo-server", data, transport, ...newPlace()),
  });
  return {
    name: `echo${suffix}-${connections}`,
    title: `${title(connections, transport)}, clients of one echo server`,
    unit: "round trips/s",
    isMoreBetter: true,
    kind: "rounds",
    contestants: [
      ...(isWhole ? clients : few).map((name) =>
        client(titleOf(name, transport), node("echo-client", name, transport, connections)),
      ),
      ...(hasPeers
        ? [
            client("Erlang active once", erlang("tcp_peer", "echo-client", "once", connections)),
            client("Erlang passive", erlang("tcp_peer", "echo-client", "passive", connections)),
            client("C", c("echo-client", connections)),
          ]
        : []),
      ...(isWhole
        ? [
            client("Effect Socket", npm("effect-echo-client", connections)),
            client("net `data` on Bun", bun("echo-client", data, transport, connections)),
            client("callback owner on Bun", bun("echo-client", "callback owner", transport, connections)),
          ]
        : []),
    ],
  };
}

function serverWorkload(
  { transport, suffix, isWhole, hasPeers }: Row,
  connections: number,
  newPlace: NewPlace,
  hasC: boolean,
): Workload {
  const server = (name: string, command: Command): Contestant => ({
    name,
    server: { ...command, args: [...command.args, ...newPlace()] },
    measured: hasC && hasPeers ? c("echo-client", connections) : node("echo-client", data, transport, connections),
  });
  return {
    name: `server-echo${suffix}-${connections}`,
    title: `${title(connections, transport)}, servers of one client`,
    unit: "round trips/s",
    isMoreBetter: true,
    kind: "rounds",
    beside: { unit: "µs of the client" },
    contestants: [
      ...(isWhole ? servers : fewServers).map((name) =>
        server(titleOf(name, transport), node("echo-server", name, transport)),
      ),
      ...(hasPeers
        ? [
            server("Erlang active once", erlang("tcp_peer", "echo-server", "once")),
            server("Erlang passive", erlang("tcp_peer", "echo-server", "passive")),
            server("C", c("echo")),
          ]
        : []),
      ...(isWhole
        ? [
            server("Effect SocketServer", npm("effect-echo-server")),
            server("net `data` on Bun", bun("echo-server", data, transport)),
          ]
        : []),
    ],
  };
}

/** Node's own are called by the module that they use. */
function titleOf(name: string, transport: Row["transport"]): string {
  return transport === "tls" || transport === "starttls" ? name.replace(/^net /, "tls ") : name;
}

function title(connections: number, transport: string): string {
  const count = connections === 1 ? "1 connection" : `${connections} connections`;
  return `${count} over ${transport}, 64 bytes`;
}
