// Effect's SocketServer, which sends back what comes.
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer";
import * as Effect from "effect/Effect";
import { serveAt } from "../programs/rounds.ts";

const server = Effect.scoped(
  Effect.gen(function* () {
    const { address, run } = yield* NodeSocketServer.make({ host: "127.0.0.1", port: 0, noDelay: true });
    serveAt((address as { readonly port: number }).port);
    yield* run((socket) =>
      Effect.scoped(
        Effect.gen(function* () {
          const reader = yield* socket.reader;
          const writer = yield* socket.writer;
          for (;;) {
            const [data] = yield* reader.pull;
            yield* writer.write(data);
          }
        }),
      ).pipe(Effect.ignore),
    );
  }),
);
await Effect.runPromise(server);
