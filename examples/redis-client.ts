// A Redis client that is an XState machine: it pipelines, and connects again when the connection is lost. It needs a
// server: redis-server, or the key-value-server among these examples.
//
// Prints: DEL tankard:greeting tankard:count -> 0
//         SET tankard:greeting Hello, Joe! -> OK
//         GET tankard:greeting -> "Hello, Joe!"
//         INCR tankard:greeting -> ERR value is not an integer or out of range
//         INCR tankard:count, 1000 times -> [1, 1000]
//         DEL tankard:greeting tankard:count -> 2
//         GET tankard:greeting -> nothing

import { ok } from "tankard";
import { readCommandLine } from "./command-line/address.ts";
import { type Answer, createRedisClient, type RedisClient } from "./redis-client/client.ts";
import { failureText, replyText } from "./redis-client/words.ts";

const REDIS_PORT = 6379;
const KEYS = ["tankard:greeting", "tankard:count"] as const;
const [GREETING, COUNT] = KEYS;
const INCREMENTS = 1_000;

const commandLine = readCommandLine("Usage: redis-client [--host HOST] [--port PORT]");
if (commandLine !== undefined) {
  const { host, port } = commandLine.here;
  const redis = createRedisClient({ host, port: port === 0 ? REDIS_PORT : port });
  redis.actor.on("lost", ({ why }) => {
    console.error(`No connection: ${why}.`);
  });
  const close = () => void redis.close();
  process.once("SIGINT", close).once("SIGTERM", close);
  await work(redis);
  await redis.close();
}

/** All of it is sent at once; the answers come in order. */
async function work(redis: RedisClient): Promise<void> {
  const run = (...command: readonly string[]) => ({ what: command.join(" "), answer: redis.command(...command) });
  const job = [
    run("DEL", ...KEYS),
    run("SET", GREETING, "Hello, Joe!"),
    run("GET", GREETING),
    run("INCR", GREETING),
    { what: `INCR ${COUNT}, ${INCREMENTS} times`, answer: increment(redis) },
    run("DEL", ...KEYS),
    run("GET", GREETING),
  ];
  for (const { what, answer } of job) say(what, await answer);
}

async function increment(redis: RedisClient): Promise<Answer> {
  const counts = await Promise.all(Array.from({ length: INCREMENTS }, () => redis.command("INCR", COUNT)));
  const values = counts.map((count) => (count.ok ? count.value : null));
  return counts.find(({ ok }) => !ok) ?? ok([values[0] ?? null, values.at(-1) ?? null]);
}

/** An error that the server says is an answer, too. Without any, the job has failed. */
function say(what: string, answer: Answer): void {
  console.log(`${what} -> ${answer.ok ? replyText(answer.value) : failureText(answer.error)}`);
  if (!answer.ok && answer.error.type !== "ErrorReply") process.exitCode = 1;
}
