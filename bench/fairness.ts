// Two processes send one message back and forth without end. Do sockets and timers still get their turn?
// Prints, idle and busy: how late a 1 ms timer is, and how many round trips an unrelated echo connection makes.
import { spawn as startProgram } from "node:child_process";
import { once } from "node:events";
import {
  accept,
  type Listener,
  listen,
  type OwnedSocket,
  type OwnSubject,
  type Process,
  receiveNextPacketAsMessage,
  type Self,
  send,
  spawn,
  type Subject,
  tcpMessages,
  unwrap,
} from "tankard";

const seconds = 3;
const rounds = 3;

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

interface Figures {
  readonly timerP99Ms: number;
  readonly roundTripsPerSecond: number;
}

const listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
const server = spawn(async (self) => {
  for (;;) {
    const socket = unwrap(await accept(listener, Infinity, { owner: self }));
    await echo(self, socket);
  }
});

const idle: Figures[] = [];
const busy: Figures[] = [];
let messages = 0;
for (let round = 0; round < rounds; round++) {
  idle.push(await measure(listener));
  const pair = startBusyPair();
  busy.push(await measure(listener));
  for (const process of pair) process.kill();
}
server.kill();
await listener[Symbol.asyncDispose]();
report();

async function echo(self: Self, socket: OwnedSocket): Promise<void> {
  for (;;) {
    receiveNextPacketAsMessage(socket);
    const message = await self.receiveForever(tcpMessages);
    if (message.type !== "Packet") return;
    await send(socket, message.data);
  }
}

/** Each gets the other's address, and answers with its own. */
interface Ball {
  readonly from: Subject<Ball>;
}

function startBusyPair(): readonly Process<unknown, Ball>[] {
  const play = async (self: Self, inbox: OwnSubject<Ball>): Promise<never> => {
    for (;;) {
      const ball = await self.receiveForever(inbox);
      messages++;
      ball.from.send({ from: inbox });
    }
  };
  const one = spawn(play);
  const other = spawn(play);
  one.subject.send({ from: other.subject });
  return [one, other];
}

async function measure({ port }: Listener): Promise<Figures> {
  const client = startProgram(process.execPath, ["-e", clientSource, String(port), String(seconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  client.stdout.on("data", (data: Buffer) => {
    printed += data.toString();
  });
  const late: number[] = [];
  const until = performance.now() + seconds * 1_000;
  while (performance.now() < until) {
    const asked = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1));
    late.push(performance.now() - asked - 1);
  }
  await once(client, "exit");
  late.sort((a, b) => a - b);
  return { timerP99Ms: late[Math.floor(late.length * 0.99)] ?? NaN, roundTripsPerSecond: Number(printed) / seconds };
}

function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN;
}

function report(): void {
  const of = (figures: readonly Figures[]): Figures => ({
    timerP99Ms: median(figures.map(({ timerP99Ms }) => timerP99Ms)),
    roundTripsPerSecond: median(figures.map(({ roundTripsPerSecond }) => roundTripsPerSecond)),
  });
  const quiet = of(idle);
  const loaded = of(busy);
  const share = loaded.roundTripsPerSecond / quiet.roundTripsPerSecond;
  const extraMs = loaded.timerP99Ms - quiet.timerP99Ms;
  console.log(`busy pair            ${(messages / seconds / rounds / 1e6).toFixed(2)} million messages/s`);
  console.log(
    `1 ms timer, p99 late ${quiet.timerP99Ms.toFixed(2)} ms idle, ${loaded.timerP99Ms.toFixed(2)} ms busy (${extraMs.toFixed(2)} ms more)`,
  );
  console.log(
    `echo, round trips/s  ${quiet.roundTripsPerSecond.toFixed(0)} idle, ${loaded.roundTripsPerSecond.toFixed(0)} busy (${(share * 100).toFixed(0)} %)`,
  );
  const isFair = extraMs <= 5 && share >= 0.5;
  console.log(
    isFair
      ? "fair: at most 5 ms more, at least 50 % of the round trips"
      : "NOT FAIR: more than 5 ms more, or less than 50 % of the round trips",
  );
  process.exitCode = isFair ? 0 : 1;
}
