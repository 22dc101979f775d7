// Real time and loopback.

import { once } from "node:events";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect, createRuntime } from "tankard";
import { LoopbackServer } from "./peer.ts";
import type { Place } from "./place.ts";

export function loopback(): Place {
  const servers: LoopbackServer[] = [];
  // What a scenario lets crash is what it wants to see, and a message to nobody is part of some.
  const runtime = createRuntime({ onCrash: () => undefined });
  return {
    runtime,
    sleep: async (milliseconds) => {
      await delay(milliseconds);
    },
    within: (promise, milliseconds) => {
      const timeout = new AbortController();
      const late = delay(milliseconds, undefined, { signal: timeout.signal }).catch(() => undefined);
      const settled = promise.then((value) => ({ value }));
      return Promise.race([settled, late]).finally(() => {
        timeout.abort();
      });
    },
    connect,
    listen: async (options) => {
      const server = await LoopbackServer.listen(options);
      servers.push(server);
      return server;
    },
    closedPort: async (ip) => {
      const server = net.createServer().listen(0, ip);
      await once(server, "listening");
      const { port } = server.address() as net.AddressInfo;
      server.close();
      await once(server, "close");
      return port;
    },
    close: async () => {
      await runtime.stop();
      await Promise.all(servers.map((server) => server.closeAll()));
    },
  };
}
