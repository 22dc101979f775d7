// A server that speaks the protocol of Redis: PING, ECHO, SET with EX, PX, NX and XX, GET, DEL, EXISTS, INCR, EXPIRE, TTL.
// All data is in one actor, which a supervisor starts again, empty, if it crashes; connections live through that. A
// command may hold up to 64 MiB. SIGTERM or Ctrl-C ends the program. Talk to it with redis-cli -p PORT, or with nc.
//
// Prints: listening on 127.0.0.1:6379

import { ok } from "tankard";
import { drainOnSignals } from "tankard/server";
import { announce, readCommandLine } from "./command-line/address.ts";
import { startKeyValueServer } from "./key-value/server.ts";

const commandLine = readCommandLine("Usage: key-value-server [--host HOST] [--port PORT]");
if (commandLine !== undefined) {
  const started = await startKeyValueServer(commandLine.here);
  const server = announce(commandLine.here, started.ok ? ok(started.value.server) : started);
  if (server !== undefined) drainOnSignals(server);
}
