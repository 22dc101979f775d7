import dns from "node:dns";
import { describe, expect, test } from "@jest/globals";
import {
  connect,
  type ConnectError,
  createRuntime,
  err,
  type IpVersionPreference,
  type Lookup,
  peername,
  sockname,
  unwrap,
} from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { RuntimeEngine } from "../../src/process/runtime.ts";
import { type Family, HappyEyeballs } from "../../src/tcp/happy-eyeballs.ts";
import { closedPort, peerServer } from "../support/peer.ts";
import { silentServer } from "../support/silent-server.ts";
import { startProcess } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

/** What the resolver says, and when: addresses, or nothing. */
interface Answer {
  readonly atMs: number;
  readonly addresses: readonly string[];
}

/** A network in simulated time. A lookup or an address that is not mentioned never answers. */
interface Network {
  readonly 6?: Answer;
  readonly 4?: Answer;
  /** After how many milliseconds an address accepts. */
  readonly accepts?: Readonly<Record<string, number>>;
  /** After how many milliseconds an address refuses. */
  readonly refuses?: Readonly<Record<string, number>>;
}

/** Runs a race and gives what happened, each with its time. */
async function race(
  network: Network,
  interruptAtMs = 0,
  interrupt: (race: HappyEyeballs<string>) => void = () => undefined,
): Promise<string[]> {
  const clock = createSimulatedClock();
  const { alarms } = new RuntimeEngine({ clock });
  const log: string[] = [];
  const note = (text: string): void => void log.push(`${clock.now()} ${text}`);
  const later = (ms: number, what: () => void): (() => void) => {
    const timer = clock.setTimeout(what, ms);
    return () => {
      clock.clearTimeout(timer);
    };
  };
  const running = new HappyEyeballs<string>(
    {
      lookUp: (family, found, failed) => {
        const answer = network[family];
        if (answer === undefined) return () => undefined;
        return later(answer.atMs, () => {
          if (answer.addresses.length > 0) found(answer.addresses);
          else failed("ENOTFOUND");
        });
      },
      dial: (address, _family, connected, failed) => {
        note(`tries ${address}`);
        const stops = [
          later(network.accepts?.[address] ?? Infinity, () => {
            connected(address);
          }),
          later(network.refuses?.[address] ?? Infinity, () => {
            failed("ECONNREFUSED");
          }),
        ];
        return () => {
          note(`leaves ${address}`);
          for (const stop of stops) stop();
        };
      },
    },
    {
      won: (connection) => {
        note(`has ${connection}`);
      },
      failed: (family: Family, address, code) => {
        note(`${address ?? `lookup ${family}`} ${code}`);
      },
      lost: () => {
        note("lost");
      },
    },
    alarms,
  );
  running.start();
  await clock.advance(interruptAtMs);
  interrupt(running);
  await clock.advance(5_000);
  return log;
}

const at = (atMs: number, ...addresses: string[]): Answer => ({ atMs, addresses });

describe("HappyEyeballs", () => {
  test("tries IPv6 at once when its answer comes first", async () => {
    expect(await race({ 6: at(10, "::1"), 4: at(20, "1.1.1.1"), accepts: { "::1": 5 } })).toEqual([
      "10 tries ::1",
      "15 has ::1",
    ]);
  });

  test("lets the answer of IPv4 wait 50 milliseconds for that of IPv6", async () => {
    expect(await race({ 6: at(59, "::1"), 4: at(10, "1.1.1.1"), accepts: { "::1": 5 } })).toEqual([
      "59 tries ::1",
      "64 has ::1",
    ]);
    expect(await race({ 6: at(61, "::1"), 4: at(10, "1.1.1.1"), accepts: { "1.1.1.1": 5 } })).toEqual([
      "60 tries 1.1.1.1",
      "65 has 1.1.1.1",
    ]);
  });

  test("waits no longer once IPv6 has no answer", async () => {
    expect(await race({ 6: at(20), 4: at(10, "1.1.1.1"), accepts: { "1.1.1.1": 5 } })).toEqual([
      "20 lookup 6 ENOTFOUND",
      "20 tries 1.1.1.1",
      "25 has 1.1.1.1",
    ]);
  });

  test("takes one version where the other has no answer, or never one", async () => {
    expect(await race({ 6: at(10, "::1"), 4: at(5), accepts: { "::1": 5 } })).toEqual([
      "5 lookup 4 ENOTFOUND",
      "10 tries ::1",
      "15 has ::1",
    ]);
    expect(await race({ 4: at(5, "1.1.1.1"), accepts: { "1.1.1.1": 5 } })).toEqual([
      "55 tries 1.1.1.1",
      "60 has 1.1.1.1",
    ]);
    expect(await race({ 6: at(5, "::1"), accepts: { "::1": 5 } })).toEqual(["5 tries ::1", "10 has ::1"]);
  });

  test("is lost when neither has an answer", async () => {
    expect(await race({ 6: at(10), 4: at(20) })).toEqual(["10 lookup 6 ENOTFOUND", "20 lookup 4 ENOTFOUND", "20 lost"]);
  });

  test("begins another attempt every 250 milliseconds, beside those that run, in turns between the versions", async () => {
    const log = await race({ 6: at(0, "::1", "::2", "::3"), 4: at(0, "1.1.1.1"), accepts: { "::3": 10 } });
    expect(log).toEqual([
      "0 tries ::1",
      "250 tries 1.1.1.1",
      "500 tries ::2",
      "750 tries ::3",
      "760 leaves ::1",
      "760 leaves 1.1.1.1",
      "760 leaves ::2",
      "760 has ::3",
    ]);
  });

  test("begins the next at once where one has failed, and its 250 milliseconds anew", async () => {
    const log = await race({
      6: at(0, "::1", "::2"),
      4: at(0, "1.1.1.1", "2.2.2.2"),
      refuses: { "::1": 100, "1.1.1.1": 10 },
      accepts: { "2.2.2.2": 5 },
    });
    expect(log).toEqual([
      "0 tries ::1",
      "100 ::1 ECONNREFUSED",
      "100 tries 1.1.1.1",
      "110 1.1.1.1 ECONNREFUSED",
      "110 tries ::2",
      "360 tries 2.2.2.2",
      "365 leaves ::2",
      "365 has 2.2.2.2",
    ]);
  });

  test("lets an attempt win that began long before, and leaves the others", async () => {
    expect(await race({ 6: at(0, "::1"), 4: at(0, "1.1.1.1"), accepts: { "::1": 300, "1.1.1.1": 100 } })).toEqual([
      "0 tries ::1",
      "250 tries 1.1.1.1",
      "300 leaves 1.1.1.1",
      "300 has ::1",
    ]);
  });

  test("takes the first of two that connect in the same moment", async () => {
    expect(await race({ 6: at(0, "::1"), 4: at(0, "1.1.1.1"), accepts: { "::1": 300, "1.1.1.1": 50 } })).toEqual([
      "0 tries ::1",
      "250 tries 1.1.1.1",
      "300 leaves 1.1.1.1",
      "300 has ::1",
    ]);
  });

  test("tries addresses that come late: at their turn, or at once where nothing runs or the turn has passed", async () => {
    expect(await race({ 6: at(0, "::1"), 4: at(100, "1.1.1.1"), accepts: { "1.1.1.1": 5 } })).toEqual([
      "0 tries ::1",
      "250 tries 1.1.1.1",
      "255 leaves ::1",
      "255 has 1.1.1.1",
    ]);
    expect(await race({ 6: at(0, "::1"), 4: at(700, "1.1.1.1"), accepts: { "1.1.1.1": 5 } })).toEqual([
      "0 tries ::1",
      "700 tries 1.1.1.1",
      "705 leaves ::1",
      "705 has 1.1.1.1",
    ]);
    expect(
      await race({ 6: at(0, "::1"), 4: at(100, "1.1.1.1"), refuses: { "::1": 10 }, accepts: { "1.1.1.1": 5 } }),
    ).toEqual(["0 tries ::1", "10 ::1 ECONNREFUSED", "100 tries 1.1.1.1", "105 has 1.1.1.1"]);
  });

  test("is lost only when every address has failed and no lookup is under way", async () => {
    expect(await race({ 6: at(0, "::1"), 4: at(500), refuses: { "::1": 10 } })).toEqual([
      "0 tries ::1",
      "10 ::1 ECONNREFUSED",
      "500 lookup 4 ENOTFOUND",
      "500 lost",
    ]);
    expect(await race({ 6: at(0, "::1"), 4: at(0, "1.1.1.1"), refuses: { "::1": 400, "1.1.1.1": 300 } })).toEqual([
      "0 tries ::1",
      "250 tries 1.1.1.1",
      "400 ::1 ECONNREFUSED",
      "550 1.1.1.1 ECONNREFUSED",
      "550 lost",
    ]);
  });

  test("tries 50 dead addresses, one after the other, and the one that lives", async () => {
    const dead = Array.from({ length: 50 }, (_, index) => `10.0.0.${index + 1}`);
    const refuses = Object.fromEntries(dead.map((address) => [address, 1]));
    const log = await race({ 6: at(0), 4: at(0, ...dead, "1.1.1.1"), refuses, accepts: { "1.1.1.1": 1 } });
    expect(log.filter((line) => line.includes("tries"))).toHaveLength(51);
    expect(log.at(-1)).toBe("51 has 1.1.1.1");
  });

  test("says nothing more once it is cancelled: before an answer, between two attempts, during them", async () => {
    const network = { 6: at(10, "::1"), 4: at(10, "1.1.1.1"), accepts: { "::1": 400 } };
    for (const cancelAtMs of [0, 10, 100, 300]) {
      const log = await race(network, cancelAtMs, (running) => {
        running.cancel();
      });
      expect(log.filter((line) => /has|lost|ECONN/.test(line))).toEqual([]);
      const count = (word: string): number => log.filter((line) => line.includes(word)).length;
      expect(count("leaves")).toBe(count("tries"));
    }
  });

  test("says of everything that is under way that its time is over, and is lost", async () => {
    const expire = (running: HappyEyeballs<string>): void => {
      running.expire("ETIME");
      running.expire("ETIME");
    };
    expect(await race({ 6: at(0, "::1") }, 0, expire)).toEqual([
      "0 tries ::1",
      "0 leaves ::1",
      "0 ::1 ETIME",
      "0 lookup 4 ETIME",
      "0 lost",
    ]);
  });
});

describe("connect with HappyEyeballs", () => {
  const where = { host: "name.test", ipVersionPreference: "HappyEyeballs" as IpVersionPreference };

  /** A resolver that knows one name. */
  const names =
    (addresses: { readonly 4?: readonly string[]; readonly 6?: readonly string[] }): Lookup =>
    (_host, { family }, callback) => {
      setImmediate(() => {
        callback(
          null,
          (addresses[family] ?? []).map((address) => ({ address })),
        );
      });
    };

  test("connects to whichever version answers", async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      await using server = await peerServer(host);
      const lookup = names({ 4: ["127.0.0.1"], 6: ["::1"] });
      await using socket = unwrap(await connect({ ...where, port: server.port, lookup }));
      expect(unwrap(peername(socket)).address).toBe(host);
    }
  });

  test("does not wait for an address that is silent, and leaves no attempt open", async () => {
    await using silent = await silentServer("127.0.0.2");
    await using server = await peerServer("127.0.0.1", silent.port);
    const clock = createSimulatedClock();
    await using owner = await startProcess(createRuntime({ clock }));
    const lookup = names({ 4: ["127.0.0.2", "127.0.0.1"] });
    const connecting = connect({ ...where, port: silent.port, lookup, owner: owner.self });
    await turns(5);
    await clock.advance(249);
    expect(server.accepted).toBe(0);
    await clock.advance(1);
    const socket = unwrap(await connecting);
    expect(unwrap(peername(socket)).address).toBe("127.0.0.1");
  });

  test("keeps the reason of each version and all attempts where none answers", async () => {
    const port = await closedPort();
    const lookup = names({ 4: ["127.0.0.1", "127.0.0.2"], 6: ["::1"] });
    const { error } = (await connect({ ...where, port, lookup })) as { readonly error: ConnectError };
    expect(error).toMatchObject({ type: "ConnectFailedBoth", ipv4: "Econnrefused", ipv6: "Econnrefused" });
    expect(error.attempts.map(({ address }) => address)).toEqual(["::1", "127.0.0.1", "127.0.0.2"]);
  });

  test("has one time for both versions: their lookups and all attempts", async () => {
    const clock = createSimulatedClock();
    await using owner = await startProcess(createRuntime({ clock }));
    const connecting = connect({ ...where, port: 9, timeout: 400, lookup: () => undefined, owner: owner.self });
    await clock.advance(400);
    expect(await connecting).toMatchObject(err({ type: "ConnectFailedBoth", ipv4: "Timeout", ipv6: "Timeout" }));
  });

  test("takes an address as it is, in its version alone", async () => {
    await using server = await peerServer();
    await using socket = unwrap(await connect({ ...where, host: "127.0.0.1", port: server.port }));
    expect(unwrap(peername(socket)).address).toBe("127.0.0.1");
    const port = await closedPort();
    const failed = await connect({ ...where, host: "127.0.0.1", port });
    expect(failed).toMatchObject(err({ type: "ConnectFailedBoth", ipv4: "Econnrefused", ipv6: "Nxdomain" }));
  });

  test("is called off by its signal at any moment, and leaves nothing", async () => {
    await using silent = await silentServer();
    for (const turnsBefore of [0, 1, 3, 8]) {
      const runtime = createRuntime({ clock: createSimulatedClock() });
      await using owner = await startProcess(runtime);
      const controller = new AbortController();
      const { signal } = controller;
      const lookup = names({ 4: ["127.0.0.1"] });
      const connecting = connect({ ...where, port: silent.port, lookup, signal, owner: owner.self });
      await turns(turnsBefore);
      controller.abort();
      expect(await connecting).toMatchObject(err({ type: "ConnectAborted", cause: "Signal" }));
      owner.end();
      await runtime.idle();
    }
  });

  test("connects from localAddress", async () => {
    await using server = await peerServer();
    const lookup = names({ 4: ["127.0.0.1"] });
    await using socket = unwrap(await connect({ ...where, port: server.port, lookup, localAddress: "127.0.0.3" }));
    expect(unwrap(sockname(socket)).address).toBe("127.0.0.3");
  });
});

describe("connect with a lookup of one's own", () => {
  test("asks it for each IP version, in the order of the preference", async () => {
    await using server = await peerServer();
    const asked: unknown[] = [];
    const lookup: Lookup = (host, { family, all }, callback) => {
      asked.push([host, family, all]);
      callback(null, family === 4 ? [{ address: "127.0.0.1" }] : []);
    };
    await using _socket = unwrap(await connect({ host: "name.test", port: server.port, lookup }));
    expect(asked).toEqual([
      ["name.test", 6, true],
      ["name.test", 4, true],
    ]);
  });

  test("takes Node's own", async () => {
    await using server = await peerServer();
    await using socket = unwrap(await connect({ host: "localhost", port: server.port, lookup: dns.lookup }));
    expect(unwrap(peername(socket)).port).toBe(server.port);
  });

  test.each<[string, Lookup, string]>([
    [
      "throws",
      () => {
        throw Object.assign(new Error("no"), { code: "EAI_AGAIN" });
      },
      "Nxdomain",
    ],
    [
      "fails",
      (_host, _options, callback) => {
        callback(Object.assign(new Error("no"), { code: "ETIMEOUT" }), []);
      },
      "Timeout",
    ],
    [
      "finds nothing",
      (_host, _options, callback) => {
        callback(null, []);
      },
      "Nxdomain",
    ],
    [
      "finds what is no address of the version",
      (_host, _options, callback) => {
        callback(null, [{ address: "name.test" }, { address: "::1" }]);
      },
      "Nxdomain",
    ],
    [
      "throws nothing that is an error",
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- that is the point
        throw undefined;
      },
      "Eio",
    ],
    ["rejects", () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" })), "Nxdomain"],
  ])("that %s is a reason and no exception", async (_how, lookup, reason) => {
    const failed = await connect({ host: "name.test", port: 9, ipVersionPreference: "Ipv4Only", lookup });
    expect(failed).toMatchObject(err({ type: "ConnectFailedIpv4", ipv4: reason }));
  });

  test("that gives one address as it is, and no error as undefined, is understood", async () => {
    await using server = await peerServer();
    const lookup = ((_host: string, _options: object, callback: (...answer: unknown[]) => void) => {
      setImmediate(callback, undefined, "127.0.0.1", 4);
    }) as unknown as Lookup;
    const options = { host: "name.test", port: server.port, ipVersionPreference: "Ipv4Only", lookup } as const;
    await using socket = unwrap(await connect(options));
    expect(unwrap(peername(socket)).address).toBe("127.0.0.1");
  });

  test("that answers twice, or after the end, is heard once", async () => {
    await using server = await peerServer();
    const callbacks: (() => void)[] = [];
    const lookup: Lookup = (_host, _options, callback) => {
      const answer = (): void => {
        callback(null, [{ address: "127.0.0.1" }]);
      };
      callbacks.push(answer);
      answer();
      answer();
    };
    const options = { host: "name.test", port: server.port, ipVersionPreference: "Ipv4Only", lookup } as const;
    await using _socket = unwrap(await connect(options));
    for (const callback of callbacks) callback();
    await turns(5);
    expect(server.accepted).toBe(1);
  });

  test("that is no function is refused", () => {
    expect(() => connect({ host: "name.test", port: 9, lookup: "dns" as never })).toThrow(
      'Cannot connect: lookup must be a function, received "dns"',
    );
  });
});
