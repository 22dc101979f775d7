import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import dns from "node:dns";
import { describe, expect, test } from "@jest/globals";
import { expectTypeOf } from "expect-type";
import fc from "fast-check";
import type { CallError } from "../../src/process/call.ts";
import { Abnormal, Killed, Normal } from "../../src/process/exit.ts";
import {
  type ConnectAttempt,
  type ConnectError,
  type SocketError,
  describeError,
  reasonFromCode,
} from "../../src/tcp/error.ts";

// In lines, as in the union.
// prettier-ignore
const socketErrors = [
  "Closed", "Timeout", "Eaddrinuse", "Eaddrnotavail", "Eafnosupport", "Ealready", "Econnaborted", "Econnrefused",
  "Econnreset", "Edestaddrreq", "Ehostdown", "Ehostunreach", "Einprogress", "Eisconn", "Emsgsize", "Enetdown",
  "Enetunreach", "Enopkg", "Enoprotoopt", "Enotconn", "Enotty", "Enotsock", "Eproto", "Eprotonosupport", "Eprototype",
  "Esocktnosupport", "Etimedout", "Ewouldblock", "Exbadport", "Exbadseq", "Nxdomain", "Eacces", "Eagain", "Ebadf",
  "Ebadmsg", "Ebusy", "Edeadlk", "Edeadlock", "Edquot", "Eexist", "Efault", "Efbig", "Eftype", "Eintr", "Einval",
  "Eio", "Eisdir", "Eloop", "Emfile", "Emlink", "Emultihop", "Enametoolong", "Enfile", "Enobufs", "Enodev", "Enolck",
  "Enolink", "Enoent", "Enomem", "Enospc", "Enosr", "Enostr", "Enosys", "Enotblk", "Enotdir", "Enotsup", "Enxio",
  "Eopnotsupp", "Eoverflow", "Eperm", "Epipe", "Erange", "Erofs", "Espipe", "Esrch", "Estale", "Etxtbsy", "Exdev",
] as const satisfies readonly SocketError[];

const refused = (address: string): ConnectAttempt => ({ address, family: 4, reason: "Econnrefused" });

// What a JavaScript caller can do: no type stands in its way.
const describeAnything = describeError as (value: unknown) => string;

describe("SocketError", () => {
  test("is one of mug's 78 reasons and nothing else", () => {
    expectTypeOf<(typeof socketErrors)[number]>().toEqualTypeOf<SocketError>();
    expect(new Set(socketErrors).size).toBe(78);
  });
});

describe("describeError", () => {
  test("describes each reason in words of its own", () => {
    expect(new Set(socketErrors.map(describeError)).size).toBe(78);
  });

  test.each(socketErrors)("says %s as a phrase that can stand within a sentence", (reason) => {
    expect(describeError(reason)).toMatch(/^(?!\s)[a-z/' -]+[a-z]$/);
  });

  test.each<[ConnectError, string]>([
    [
      { type: "ConnectFailedIpv4", ipv4: "Enetunreach", attempts: [] },
      "could not connect over IPv4 (no route to the network)",
    ],
    [
      { type: "ConnectFailedIpv6", ipv6: "Nxdomain", attempts: [] },
      "could not connect over IPv6 (host name not found)",
    ],
    [
      { type: "ConnectFailedBoth", ipv6: "Nxdomain", ipv4: "Econnrefused", attempts: [refused("127.0.0.1")] },
      "could not connect over IPv4 (connection refused: 127.0.0.1)",
    ],
    [
      { type: "ConnectFailedBoth", ipv6: "Enetunreach", ipv4: "Econnrefused", attempts: [refused("127.0.0.1")] },
      "could not connect over IPv6 (no route to the network) or IPv4 (connection refused: 127.0.0.1)",
    ],
    [
      { type: "ConnectFailedUnix", reason: "Enoent", attempts: [] },
      "could not connect over a unix socket (no such file or directory)",
    ],
    [{ type: "ConnectAborted", cause: "Signal", attempts: [] }, "could not connect: aborted by its signal"],
    [{ type: "ConnectAborted", cause: "OwnerExited", attempts: [] }, "could not connect: its owner exited"],
  ])("says which IP versions failed and why, for %o", (error, words) => {
    expect(describeError(error)).toBe(words);
  });

  test("names the addresses of each IP version only with that version", () => {
    const attempts: ConnectAttempt[] = [
      { address: "2001:db8::1", family: 6, reason: "Timeout" },
      { address: "192.0.2.1", family: 4, reason: "Ehostunreach" },
    ];
    expect(describeError({ type: "ConnectFailedBoth", ipv6: "Timeout", ipv4: "Ehostunreach", attempts })).toBe(
      "could not connect over IPv6 (timed out: 2001:db8::1) or IPv4 (no route to the host: 192.0.2.1)",
    );
  });

  test("says the version's own reason first where single addresses failed for others", () => {
    const attempts: ConnectAttempt[] = [
      { address: "192.0.2.1", family: 4, reason: "Ehostunreach" },
      refused("192.0.2.2"),
      { address: "192.0.2.3", family: 4, reason: "Ehostunreach" },
    ];
    expect(describeError({ type: "ConnectFailedIpv4", ipv4: "Timeout", attempts })).toBe(
      "could not connect over IPv4 (timed out; no route to the host: 192.0.2.1, 192.0.2.3; connection refused: 192.0.2.2)",
    );
  });

  test("counts the addresses after the third", () => {
    const attempts = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"].map(refused);
    expect(describeError({ type: "ConnectFailedIpv4", ipv4: "Econnrefused", attempts })).toBe(
      "could not connect over IPv4 (connection refused: 192.0.2.1, 192.0.2.2, 192.0.2.3 and 2 more)",
    );
    expect(describeError({ type: "ConnectFailedIpv4", ipv4: "Econnrefused", attempts: attempts.slice(0, 3) })).toBe(
      "could not connect over IPv4 (connection refused: 192.0.2.1, 192.0.2.2, 192.0.2.3)",
    );
  });

  test("shows Node's code where an attempt has kept it", () => {
    const attempts: ConnectAttempt[] = [{ address: "192.0.2.1", family: 4, reason: "Eio", code: "EREMOTEIO" }];
    expect(describeError({ type: "ConnectFailedIpv4", ipv4: "Eio", attempts })).toBe(
      "could not connect over IPv4 (input/output error: 192.0.2.1 [EREMOTEIO])",
    );
  });

  test.each<[CallError, string]>([
    [{ type: "CallTimeout", withinMs: 500 }, "no answer within 500 ms"],
    [{ type: "CallRejected" }, "no answer: the callee's mailbox refused the request"],
    [{ type: "CalleeDown", reason: Normal }, "no answer: the callee ended normally"],
    [{ type: "CalleeDown", reason: Killed }, "no answer: the callee was killed"],
    [{ type: "CalleeDown", reason: Abnormal("noproc") }, "no answer: the callee ended abnormally (noproc)"],
    [
      { type: "CalleeDown", reason: Abnormal(new RangeError("too far")) },
      "no answer: the callee ended abnormally (RangeError: too far)",
    ],
    [
      { type: "CalleeDown", reason: Abnormal({ type: "Lost", at: 5 }) },
      `no answer: the callee ended abnormally ({ type: 'Lost', at: 5 })`,
    ],
    [{ type: "CalleeDown", reason: Abnormal(undefined) }, "no answer: the callee ended abnormally (undefined)"],
  ])("says why a call has no answer, for %o", (error, words) => {
    expect(describeError(error)).toBe(words);
  });

  test.each<[unknown, string]>([
    ["ECONNREFUSED", `"ECONNREFUSED"`],
    ["toString", `"toString"`],
    ["", `""`],
    [undefined, "undefined"],
    [null, "null"],
    [42, "42"],
    [{ type: "Refused" }, "{ type: 'Refused' }"],
    [{ type: "ConnectFailedIpv4", ipv4: "Refused", attempts: [] }, `"Refused"`],
    [{ type: "ConnectFailedIpv4", ipv4: "Econnrefused" }, "{ type: 'ConnectFailedIpv4', ipv4: 'Econnrefused' }"],
    [{ type: "ConnectAborted", cause: "Boredom", attempts: [] }, `"Boredom"`],
    [{ type: "CalleeDown", reason: { type: "Tired" } }, "{ type: 'Tired' }"],
    ["x".repeat(5_000), `"${"x".repeat(100)}" and 4900 more characters`],
  ])("throws with the value in the text for what is no error: %p", (value, shown) => {
    expect(() => describeAnything(value)).toThrow(
      new TypeError(`Cannot describe a value that is no error of this library, received ${shown}`),
    );
  });
});

describe("reasonFromCode", () => {
  const nodesCodes = [...getSystemErrorMap().values()].map(([name]) => name);
  const dnsCodes = Object.values<unknown>(dns).filter((value): value is string => typeof value === "string");
  const byCode = new Map(socketErrors.map((reason) => [reason.toUpperCase(), reason]));

  test.each([...new Set([...nodesCodes, ...Object.keys(constants.errno), ...dnsCodes])])(
    "gives a reason for Node's %s, and the one of that name if there is one",
    (code) => {
      const reason = reasonFromCode(code);
      expect(socketErrors).toContain(reason);
      expect(reason).toBe(byCode.get(code) ?? reason);
    },
  );

  test.each(socketErrors)("gives %s for its name in capitals", (reason) => {
    expect(reasonFromCode(reason.toUpperCase())).toBe(reason);
  });

  test.each(["EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "EAI_NONAME", "EAI_SERVICE", "EAI_SOMETHING_NEW"])(
    "gives Nxdomain for the resolver's %s",
    (code) => {
      expect(reasonFromCode(code)).toBe("Nxdomain");
    },
  );

  test.each([
    ["ENOTFOUND", "Nxdomain"],
    ["ENODATA", "Nxdomain"],
    ["ENONAME", "Nxdomain"],
    ["ESERVFAIL", "Nxdomain"],
    ["EREFUSED", "Nxdomain"],
    ["EFORMERR", "Nxdomain"],
    ["ENOTIMP", "Nxdomain"],
    ["EBADNAME", "Nxdomain"],
    ["EBADQUERY", "Nxdomain"],
    ["EBADRESP", "Nxdomain"],
    ["EBADSTR", "Nxdomain"],
    ["EBADFAMILY", "Nxdomain"],
    ["ETIMEOUT", "Timeout"],
    ["ETIMEDOUT", "Etimedout"],
    ["EAGAIN", "Eagain"],
    ["EWOULDBLOCK", "Ewouldblock"],
    ["ENOTSUP", "Enotsup"],
    ["EOPNOTSUPP", "Eopnotsupp"],
    ["EDEADLK", "Edeadlk"],
    ["EDEADLOCK", "Edeadlock"],
    ["ENETRESET", "Econnreset"],
    ["ENONET", "Enetunreach"],
    ["EOF", "Closed"],
    ["ESHUTDOWN", "Closed"],
    ["ECANCELED", "Closed"],
    ["ERR_SOCKET_CLOSED", "Closed"],
    ["ERR_SOCKET_CLOSED_BEFORE_CONNECTION", "Closed"],
    ["ERR_STREAM_DESTROYED", "Closed"],
    ["ERR_STREAM_WRITE_AFTER_END", "Closed"],
    ["ERR_STREAM_PREMATURE_CLOSE", "Closed"],
    ["ERR_SERVER_NOT_RUNNING", "Closed"],
    ["EREMOTEIO", "Eio"],
    ["UNKNOWN", "Eio"],
    ["Unknown system error -96", "Eio"],
    ["toString", "Eio"],
    ["", "Eio"],
  ])("gives, for %s, %s", (code, reason) => {
    expect(reasonFromCode(code)).toBe(reason);
  });

  test("gives Eio for an error that has no code, or one that is no text", () => {
    expect(reasonFromCode(undefined)).toBe("Eio");
    expect((reasonFromCode as (code: unknown) => unknown)(-104)).toBe("Eio");
  });

  test("gives a reason that can be described for any text", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((rest) => `E${rest.toUpperCase()}`),
        ),
        (code) => {
          expect(describeError(reasonFromCode(code))).not.toBe("");
        },
      ),
    );
  });
});
