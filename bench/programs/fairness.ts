// Two processes send one message back and forth without end. Do sockets and timers still get their turn?
// `fairness idle` and `fairness "busy pair"` print how many round trips a second an unrelated connection makes, and how
// late, in milliseconds, a timer of 1 ms is 1 time in 100.
import { spawn as startProgram } from "node:child_process";
import { once } from "node:events";
import { type OwnSubject, type Process, type Self, spawn, type Subject } from "tankard";
import { servers } from "./echo-servers.ts";
import { transports } from "./transports.ts";

const seconds = 2;

/** The echo client: a program of its own, so that it does not compete for this one's loop. */
const clientSource = `
const [port, seconds] = process.argv.slice(1).map(Number);
const data = Buffer.alloc(64, 1);
let trips = 0, received = 0;
const socket = require("node:net").connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(data));
socket.on("data", (bytes) => {
  received += bytes.length;
  if (received < 64) return;
  received = 0; trips++;
  socket.write(data);
});
setTimeout(() => { console.log(trips); socket.destroy(); }, seconds * 1000);
`;

/** Each gets the other's address, and answers with its own. */
interface Ball {
  readonly from: Subject<Ball>;
}

const port = await servers["accept, async process"]?.(transports.tcp, undefined);
if (process.argv[2] === "busy pair") startBusyPair();
const client = startProgram(process.execPath, ["-e", clientSource, `${port}`, `${seconds}`], {
  stdio: ["ignore", "pipe", "inherit"],
});
let printed = "";
client.stdout.on("data", (data: Buffer) => {
  printed += data.toString();
});
const lateMs: number[] = [];
const until = performance.now() + seconds * 1_000;
while (performance.now() < until) {
  const asked = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 1));
  lateMs.push(performance.now() - asked - 1);
}
await once(client, "exit");
lateMs.sort((a, b) => a - b);
console.log(`${Number(printed) / seconds} ${lateMs[Math.floor(lateMs.length * 0.99)]}`);
process.exit();

function startBusyPair(): readonly Process<unknown, Ball>[] {
  const play = async (self: Self, inbox: OwnSubject<Ball>): Promise<never> => {
    for (;;) {
      const ball = await self.receiveForever(inbox);
      ball.from.send({ from: inbox });
    }
  };
  const one = spawn(play);
  const other = spawn(play);
  one.subject.send({ from: other.subject });
  return [one, other];
}
