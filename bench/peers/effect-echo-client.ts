// Effect's Socket as an echo client: `effect-echo-client <connections> <port>`.
import * as NodeSocket from "@effect/platform-node/NodeSocket";
import * as Effect from "effect/Effect";
import { standBy } from "../programs/rounds.ts";

const [connections, port] = process.argv.slice(2).map(Number);
const payload = Buffer.alloc(64, 1);

let trips = 0;
let isOver = true;
let underWay = 0;
let finish: (trips: number) => void = () => undefined;
const begin: (() => void)[] = [];

/** One fiber for each connection: it waits for a round, then goes on until the round is over. */
const client = Effect.scoped(
  Effect.gen(function* () {
    const socket = yield* NodeSocket.makeNet({ host: "127.0.0.1", port, noDelay: true });
    const reader = yield* socket.reader;
    const writer = yield* socket.writer;
    for (;;) {
      yield* Effect.callback<undefined>((resume) => {
        begin.push(() => resume(Effect.succeed(undefined)));
      });
      yield* writer.write(payload);
      for (;;) {
        const [data = payload] = yield* reader.pull;
        trips++;
        if (isOver) break;
        yield* writer.write(data);
      }
      if (--underWay === 0) finish(trips);
    }
  }),
);

for (let i = 0; i < (connections ?? 1); i++) void Effect.runPromise(client);
while (begin.length < (connections ?? 1)) await new Promise((resolve) => setTimeout(resolve, 5)); // nothing tells of it

standBy((milliseconds) => {
  trips = 0;
  isOver = false;
  underWay = begin.length;
  setTimeout(() => (isOver = true), milliseconds);
  for (const one of begin.splice(0)) one();
  return new Promise<number>((resolve) => (finish = resolve));
});
