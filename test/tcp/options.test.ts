import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Owner } from "../../src/process/owner.ts";
import {
  checkConnectOptions,
  checkSocketOptions,
  type ConnectionOptions,
  ipVersionPreference,
  newOptions,
  new as newFromMug,
  socketOptionNames,
  timeout,
} from "../../src/tcp/options.ts";
import { systemLookup } from "../../src/tcp/resolve.ts";

const server: ConnectionOptions = { host: "localhost", port: 8080 };
const owner: Owner = { deliver: () => undefined, onExit: () => () => undefined };

// What a JavaScript caller can do: no type stands in its way.
/** What it gives, those of the socket among the others. */
function checked(options: Parameters<typeof checkConnectOptions>[0]) {
  const { socket, ...others } = checkConnectOptions(options);
  return { ...socket, ...others };
}

const checkAnything = checked as (options: unknown) => unknown;

function thrownFor(options: unknown): unknown {
  try {
    checkAnything(options);
  } catch (error) {
    return error;
  }
  return undefined;
}

const anyOptions: fc.Arbitrary<ConnectionOptions> = fc.record({
  host: fc.string(),
  port: fc.integer(),
  timeout: fc.option(fc.double(), { nil: undefined }),
  nodelay: fc.boolean(),
});

describe("newOptions", () => {
  test("gives the record that could have been written by hand", () => {
    expect(newOptions("localhost", { port: 8080 })).toEqual({ host: "localhost", port: 8080 });
  });

  test("takes the port and nothing else from an object that has more", () => {
    const address = { address: "::1", family: "IPv6", port: 8080 };
    expect(newOptions("localhost", address)).toEqual({ host: "localhost", port: 8080 });
  });

  test("is mug's new too", () => {
    expect(newFromMug).toBe(newOptions);
  });
});

describe("timeout", () => {
  test("changes the timeout and nothing else, and leaves the options as they were", () => {
    fc.assert(
      fc.property(anyOptions, fc.double(), (options, milliseconds) => {
        const before = { ...options };
        expect(timeout(Object.freeze(options), milliseconds)).toEqual({ ...before, timeout: milliseconds });
        expect(options).toEqual(before);
      }),
    );
  });
});

describe("ipVersionPreference", () => {
  test("changes the preference and nothing else, and leaves the options as they were", () => {
    fc.assert(
      fc.property(anyOptions, fc.constantFrom("Ipv4Only", "Ipv6Preferred"), (options, preference) => {
        const before = { ...options };
        const changed = ipVersionPreference(Object.freeze(options), preference);
        expect(changed).toEqual({ ...before, ipVersionPreference: preference });
        expect(options).toEqual(before);
      }),
    );
  });
});

describe("checkConnectOptions", () => {
  const defaults = {
    path: undefined,
    timeout: 1_000,
    ipVersionPreference: "Ipv6Preferred",
    nodelay: true,
    keepalive: false,
    localAddress: undefined,
    localPort: 0,
    buffer: 65_536,
    readAhead: 65_536,
    reuseBuffers: false,
    packet: "raw",
    packetSize: 1_048_576,
    highWatermark: 65_536,
    lowWatermark: 32_768,
    sendQueueLimit: 16_777_216,
    sendTimeout: Infinity,
    linger: 30_000,
    showEconnreset: false,
    exitOnClose: true,
    owner: undefined,
    signal: undefined,
    deadline: Infinity,
    lookup: systemLookup,
  };

  test("fills in every default", () => {
    expect(checked(server)).toStrictEqual({ ...defaults, ...server });
  });

  test("fills in the default of an option that is given as undefined", () => {
    const undefinedOptions = Object.fromEntries(Object.keys(defaults).map((name) => [name, undefined]));
    expect(checkAnything({ ...undefinedOptions, ...server })).toStrictEqual({ ...defaults, ...server });
  });

  test("keeps everything that is given", () => {
    const given = {
      ...server,
      timeout: Infinity,
      ipVersionPreference: "Ipv4Only",
      nodelay: false,
      keepalive: true,
      localAddress: "127.0.0.1",
      localPort: 65_535,
      buffer: 1,
      readAhead: 1,
      reuseBuffers: true,
      packet: 4,
      packetSize: 1,
      highWatermark: 2,
      lowWatermark: 1,
      sendQueueLimit: 0,
      sendTimeout: 0,
      linger: 0,
      showEconnreset: true,
      exitOnClose: false,
      owner,
      signal: new AbortController().signal,
      deadline: 0,
      lookup: () => undefined,
    } as const;
    expect(checked(given)).toStrictEqual({ ...given, path: undefined });
  });

  test("ignores host and port, right or wrong, where a path is given", () => {
    const resolved = checked({ host: "", port: -1, path: "/run/a b.sock" });
    expect(resolved).toMatchObject({ path: "/run/a b.sock" });
    expect(resolved.host).toBeUndefined();
    expect(resolved.port).toBeUndefined();
    expect(checkAnything({ path: "/run/x.sock" })).toMatchObject({ path: "/run/x.sock", timeout: 1_000 });
  });

  test.each([
    "localhost",
    "127.0.0.1",
    "::1",
    "fe80::1%eth0",
    "example.com.",
    "no such name!".replaceAll(" ", "-"),
    "~",
  ])("lets the host %p through", (host) => {
    expect(checked({ host, port: 0 })).toMatchObject({ host, port: 0 });
  });

  test("names the received host in the text", () => {
    expect(thrownFor({ host: "a b", port: 1 })).toStrictEqual(
      new TypeError(
        'Cannot connect: host must be a non-empty string of ASCII characters without spaces, received "a b"',
      ),
    );
  });

  test.each(["", " ", "a b", "a\n", "a\0b", "\t", "\x7f", "bücher.example", "例え", undefined, null, 127, ["a"], {}])(
    "throws TypeError for the host %p",
    (host) => {
      expect(thrownFor({ host, port: 1 })).toBeInstanceOf(TypeError);
    },
  );

  test.each([-1, 65_536, 1.5, NaN, Infinity, "80", undefined, null])("throws RangeError for the port %p", (port) => {
    expect(thrownFor({ host: "h", port })).toBeInstanceOf(RangeError);
    expect(String(thrownFor({ host: "h", port }))).toMatch(
      "Cannot connect: port must be a whole number from 0 to 65535",
    );
  });

  test.each(["timeout", "deadline", "sendTimeout", "linger"])("bounds %s by 2^32 - 1 or Infinity", (name) => {
    for (const time of [0, 0.5, 2 ** 32 - 1, Infinity]) {
      expect(checkAnything({ ...server, [name]: time })).toMatchObject({ [name]: time });
    }
    for (const time of [-1, -Infinity, NaN, 2 ** 32]) {
      expect(thrownFor({ ...server, [name]: time })).toStrictEqual(
        new RangeError(
          `Cannot connect: ${name} must be from 0 to 4294967295 milliseconds or Infinity, received ${String(time)}`,
        ),
      );
    }
    for (const time of ["5", null, 5n, new Date(0)]) {
      expect(thrownFor({ ...server, [name]: time })).toBeInstanceOf(TypeError);
    }
  });

  test.each([
    ["buffer", 1],
    ["readAhead", 1],
    ["packetSize", 1],
    ["highWatermark", 1],
    ["lowWatermark", 1],
    ["sendQueueLimit", 0],
  ])("bounds %s by %d byte and 1 GiB", (name, least) => {
    for (const bytes of [least, 2 ** 30]) {
      expect(checkAnything({ ...server, [name]: bytes })).toMatchObject({ [name]: bytes });
    }
    for (const bytes of [least - 1, 1.5, NaN, Infinity, 2 ** 30 + 1]) {
      expect(thrownFor({ ...server, [name]: bytes })).toStrictEqual(
        new RangeError(
          `Cannot connect: ${name} must be a whole number of bytes from ${least} to 1073741824, received ${String(bytes)}`,
        ),
      );
    }
    expect(thrownFor({ ...server, [name]: "64k" })).toStrictEqual(
      new TypeError(`Cannot connect: ${name} must be a number of bytes, received "64k"`),
    );
  });

  test.each(["nodelay", "keepalive", "reuseBuffers", "showEconnreset", "exitOnClose"])(
    "throws where %s is no boolean",
    (name) => {
      expect(thrownFor({ ...server, [name]: 1 })).toStrictEqual(
        new TypeError(`Cannot connect: ${name} must be true or false, received 1`),
      );
      expect(thrownFor({ ...server, [name]: null })).toBeInstanceOf(TypeError);
    },
  );

  test("throws for a preference that is none of those", () => {
    expect(thrownFor({ ...server, ipVersionPreference: "ipv4" })).toStrictEqual(
      new TypeError(
        'Cannot connect: ipVersionPreference must be one of "Ipv4Only", "Ipv4Preferred", "Ipv6Only", "Ipv6Preferred", "HappyEyeballs", received "ipv4"',
      ),
    );
  });

  test.each(["127.0.0.1", "::", "::1", "::ffff:127.0.0.1", "FE80::1%eth0.1"])(
    "lets localAddress %p through",
    (address) => {
      expect(checked({ ...server, localAddress: address })).toMatchObject({ localAddress: address });
    },
  );

  test.each(["", "localhost", "face", "127.0.0.1 ", "example.com", 127, null])(
    "throws for localAddress %p",
    (address) => {
      expect(thrownFor({ ...server, localAddress: address })).toBeInstanceOf(TypeError);
    },
  );

  test("throws for a localPort that is no port", () => {
    expect(thrownFor({ ...server, localPort: -1 })).toStrictEqual(
      new RangeError("Cannot connect: localPort must be a whole number from 0 to 65535, received -1"),
    );
  });

  test.each(["", "/tmp/a\0b", 5, null])("throws for path %p", (path) => {
    expect(thrownFor({ ...server, path })).toBeInstanceOf(TypeError);
  });

  test.each([null, 5, {}, { deliver: () => undefined }, { deliver: 1, onExit: () => undefined }])(
    "throws for owner %p",
    (value) => {
      expect(String(thrownFor({ ...server, owner: value }))).toMatch(
        "TypeError: Cannot connect: owner must be an object with the methods deliver and onExit",
      );
    },
  );

  test("throws for an AbortController in place of its signal", () => {
    expect(String(thrownFor({ ...server, signal: new AbortController() }))).toMatch(
      "TypeError: Cannot connect: signal must be an object with the methods addEventListener",
    );
  });

  test("notices what is wrong in mug's order: timeout, host, port", () => {
    const wrong = { host: "", port: -1, timeout: -1, keepalive: 5 };
    expect(String(thrownFor(wrong))).toMatch("timeout must");
    expect(String(thrownFor({ ...wrong, timeout: 1 }))).toMatch("host must");
    expect(String(thrownFor({ ...wrong, timeout: 1, host: "h" }))).toMatch("port must");
    expect(String(thrownFor({ ...wrong, timeout: 1, host: "h", port: 1 }))).toMatch("keepalive must");
  });

  test.each([
    ["timeot", "timeout"],
    ["Timeout", "timeout"],
    ["timeout_ms", "timeout"],
    ["noDelay", "nodelay"],
    ["keep_alive", "keepalive"],
    ["high_watermark", "highWatermark"],
    ["lowWaterMark", "lowWatermark"],
    ["prt", "port"],
    ["sginal", "signal"],
    ["hots", "host"], // two neighbours swapped are one slip, not two
  ])("refuses the option %s and names %s", (name, meant) => {
    expect(thrownFor({ ...server, [name]: 5 })).toStrictEqual(
      new TypeError(`Cannot connect: unknown option "${name}", did you mean "${meant}"?`),
    );
  });

  test.each(["x", "", "encoding", "allowHalfOpen", "toString", "x".repeat(1_000)])(
    "refuses the option %p without a guess where no name is near",
    (name) => {
      expect(thrownFor({ ...server, [name]: 5 })).toBeInstanceOf(TypeError);
      expect(String(thrownFor({ ...server, [name]: 5 }))).toMatch(/^TypeError: Cannot connect: unknown option "[^?]*$/);
    },
  );

  test("names a misspelt host, not a missing one", () => {
    expect(String(thrownFor({ hots: "localhost", port: 1 }))).toMatch('unknown option "hots"');
    expect(String(thrownFor({ hst: "localhost", port: 1 }))).toMatch('did you mean "host"?');
  });

  test.each([undefined, null, "localhost:80", 80])("throws for %p in place of the options", (options) => {
    expect(String(thrownFor(options))).toMatch("TypeError: Cannot connect: the options must be an object, received");
  });

  test("takes every option by the name that it gives back", () => {
    expect(Object.keys(checked(server)).sort()).toEqual([...Object.keys({ ...defaults, ...server })].sort());
    expect(checkAnything(checked({ ...server, owner }))).toStrictEqual(checked({ ...server, owner }));
  });
});

describe("checkSocketOptions", () => {
  test("gives the names of socketOptionNames, all at their defaults", () => {
    expect(Object.keys(checkSocketOptions({}, "listen")).sort()).toEqual([...socketOptionNames].sort());
    expect(checked(server)).toMatchObject(checkSocketOptions({}, "listen"));
  });

  test("keeps one record for sockets that are told the same", () => {
    const one = checkSocketOptions({ packet: 4 }, "listen");
    expect(checkSocketOptions({ packet: 4 }, "connect")).toBe(one);
    expect(checkSocketOptions({ packet: 4, linger: 1 }, "connect")).toStrictEqual({ ...one, linger: 1 });
  });

  test("begins the text of what it throws with the action", () => {
    expect(() => checkSocketOptions({ buffer: 0 }, "listen")).toThrow(
      new RangeError("Cannot listen: buffer must be a whole number of bytes from 1 to 1073741824, received 0"),
    );
  });

  test("throws where the low watermark is above the high one", () => {
    expect(checkSocketOptions({ highWatermark: 9, lowWatermark: 9 }, "accept")).toMatchObject({ lowWatermark: 9 });
    expect(() => checkSocketOptions({ highWatermark: 9, lowWatermark: 10 }, "accept")).toThrow(
      new RangeError("Cannot accept: lowWatermark must be at most highWatermark (9), received 10"),
    );
  });

  test("lets the watermark that was left out give way to the one that was given", () => {
    expect(checkSocketOptions({ highWatermark: 1_000 }, "accept")).toMatchObject({ lowWatermark: 1_000 });
    expect(checkSocketOptions({ highWatermark: 50_000 }, "accept")).toMatchObject({ lowWatermark: 32_768 });
    expect(checkSocketOptions({ lowWatermark: 100_000 }, "accept")).toMatchObject({ highWatermark: 100_000 });
  });

  test("leaves names that it does not know to its caller", () => {
    const accepted = { nodelay: false, backlog: 5 };
    expect(checkSocketOptions(accepted, "listen")).not.toHaveProperty("backlog");
  });
});
