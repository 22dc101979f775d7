// A service that answers requests in JSON, a line each: the sockets cut the stream, so a packet is one whole request.
//
// Prints: 1 + 2 = 3
//         20 + 22 = 42
//         What is no request has no answer

import { connect, receive, send, unwrap } from "tankard";
import { encodeJson, jsonLines, parseJson } from "tankard/framing";
import { continueWith, stop } from "tankard/otp";
import { startServer, withReply } from "tankard/server";

interface Sum {
  readonly add: readonly [number, number];
}

// A request that is longer than packetSize, or that never ends, costs its sender the connection.
const server = unwrap(
  await startServer(
    { host: "127.0.0.1", port: 0, packet: jsonLines(), packetSize: 1_000 },
    {
      init: () => ({ state: undefined }),
      onPacket(state, request) {
        const parsed = parseJson(request);
        if (!parsed.ok || !isSum(parsed.value)) return stop();
        const [one, other] = parsed.value.add;
        return withReply(continueWith(state), unwrap(encodeJson({ sum: one + other })));
      },
    },
  ),
);

const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, packet: jsonLines() }));
unwrap(await send(socket, '{"add": [1, 2]}\n{"add": ')); // how the bytes are cut does not matter
console.log(`1 + 2 = ${await answer()}`);
unwrap(await send(socket, "[20, 22]}\n"));
console.log(`20 + 22 = ${await answer()}`);
unwrap(await send(socket, "What is 1 + 2?\n"));
console.log(await answer());
await server.stop();

async function answer(): Promise<string> {
  const received = await receive(socket, 1_000);
  if (!received.ok) return "What is no request has no answer";
  const { sum } = unwrap(parseJson(received.value)) as { readonly sum: number }; // our own server's word
  return String(sum);
}

function isSum(value: unknown): value is Sum {
  if (typeof value !== "object" || value === null || !("add" in value) || !Array.isArray(value.add)) return false;
  return value.add.length === 2 && value.add.every((number) => typeof number === "number");
}
