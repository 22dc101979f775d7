// A server that sends back what it is sent. SIGTERM or Ctrl-C ends it: whoever is connected is let go, and it is over.
//
// Prints: listening on 127.0.0.1:7000

import { continueWith, stop } from "tankard/otp";
import { drainOnSignals, startServer, withReply } from "tankard/server";
import { announce, readCommandLine } from "./command-line/address.ts";

const commandLine = readCommandLine("Usage: echo-server [--host HOST] [--port PORT]");
if (commandLine !== undefined) {
  const started = await startServer(commandLine.here, {
    init: () => ({ state: undefined }),
    onPacket: (state, data) => withReply(continueWith(state), data),
    onDrain: () => stop(),
  });
  const server = announce(commandLine.here, started);
  if (server !== undefined) drainOnSignals(server);
}
