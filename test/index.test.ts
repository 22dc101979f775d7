import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import * as tankard from "tankard";
import * as framing from "tankard/framing";
import * as otp from "tankard/otp";
import * as reconnect from "tankard/reconnect";
import * as server from "tankard/server";
import * as testing from "tankard/testing";
import * as tls from "tankard/tls";
import * as xstate from "tankard/xstate";

/** The values that an entry point exports. Types are fixed by the programs in `test/types`. */
function namesOf(entry: object): string[] {
  return Object.keys(entry).sort();
}

/** What of a program does not depend on how its lines are broken. */
function withoutLayout(program: string): string {
  return program.replaceAll(/[\s,]/g, "");
}

describe("the public names", () => {
  test("of tankard change only on purpose", () => {
    expect(namesOf(tankard)).toEqual([
      "Abnormal",
      "ExitSignal",
      "Killed",
      "Normal",
      "Selector",
      "UnwrapError",
      "abort",
      "accept",
      "call",
      "close",
      "closeListener",
      "connect",
      "controllingProcess",
      "createRuntime",
      "describeError",
      "deselectSpecificMonitor",
      "disarm",
      "err",
      "fromNodeSocket",
      "getstat",
      "ipVersionPreference",
      "lastError",
      "listen",
      "named",
      "namedSubject",
      "new",
      "newName",
      "newOptions",
      "newSelector",
      "ok",
      "ownerFromCallback",
      "peername",
      "receive",
      "receiveExact",
      "receiveNextPacketAsMessage",
      "ref",
      "relay",
      "selectMonitors",
      "selectRecord",
      "selectSpecificMonitor",
      "selectTcpMessages",
      "selectTcpMessagesFrom",
      "selectTcpPassive",
      "selectTrappedExits",
      "send",
      "sendBuilder",
      "setActive",
      "setopts",
      "shutdown",
      "shutdownWrite",
      "sockname",
      "spawn",
      "subjectName",
      "subjectOwner",
      "tcpMessages",
      "timeout",
      "toDuplex",
      "unref",
      "unwrap",
    ]);
  });

  test("of tankard/otp change only on purpose", () => {
    expect(namesOf(otp)).toEqual([
      "continueWith",
      "getState",
      "namedFactorySupervisor",
      "newGroup",
      "postpone",
      "resume",
      "startActor",
      "startActorWithInit",
      "startFactorySupervisor",
      "startSupervisor",
      "stop",
      "stopAbnormal",
      "stopActor",
      "suspend",
      "withSelector",
    ]);
  });

  test("of tankard/framing change only on purpose", () => {
    expect(namesOf(framing)).toEqual([
      "encodeCommand",
      "encodeJson",
      "jsonLines",
      "lengthPrefix",
      "line",
      "netstring",
      "newFraming",
      "parseJson",
      "parseResp",
      "resp",
      "varint",
    ]);
  });

  test("of tankard/server change only on purpose", () => {
    expect(namesOf(server)).toEqual(["drainOnSignals", "startServer", "supervised", "withReply", "withUpgrade"]);
  });

  test("of tankard/tls change only on purpose", () => {
    expect(namesOf(tls)).toEqual([
      "connect",
      "connectionInformation",
      "negotiatedProtocol",
      "newServerContext",
      "peercert",
      "replaceServerContext",
      "session",
      "upgrade",
    ]);
  });

  test("of tankard/testing change only on purpose", () => {
    expect(namesOf(testing)).toEqual(["createSimulatedClock", "createSocketPair", "verifyFraming"]);
  });

  test("of tankard/reconnect change only on purpose", () => {
    expect(namesOf(reconnect)).toEqual(["startReconnecting"]);
  });

  test("of tankard/xstate change only on purpose", () => {
    expect(namesOf(xstate)).toEqual([
      "ConnectFailure",
      "ListenFailure",
      "SendFailure",
      "UpgradeFailure",
      "actorOwner",
      "actorSubject",
      "clockOf",
      "fromConnect",
      "fromLink",
      "fromMonitor",
      "fromProcess",
      "fromServer",
      "fromTcpSocket",
      "fromUpgrade",
      "machineChild",
      "machineHandler",
      "selectSendResults",
      "tcpSocketActions",
    ]);
  });

  test("hold every function of mug under its own name", () => {
    const mug = [
      "new",
      "timeout",
      "ip_version_preference",
      "connect",
      "send",
      "send_builder",
      "receive",
      "receive_exact",
    ];
    mug.push("receive_next_packet_as_message", "select_tcp_messages", "shutdown", "describe_error");
    const inCamelCase = mug.map((name) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()));
    expect(namesOf(tankard)).toEqual(expect.arrayContaining(inCamelCase));
  });
});

describe("the README", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

  test("has only programs that compile: those of test/types/readme.ts", () => {
    const compiled = withoutLayout(readFileSync(new URL("types/readme.ts", import.meta.url), "utf8"));
    const programs = [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map(([, program = ""]) => program);
    expect(programs.length).toBeGreaterThan(3);
    for (const program of programs) {
      const [, names = "ok", body = program] = /^import \{ (.+) \} from "tankard";\n(.*)$/s.exec(program) ?? [];
      expect(namesOf(tankard)).toEqual(expect.arrayContaining(names.split(", ")));
      expect(compiled).toContain(withoutLayout(body));
    }
  });

  test("points at files that exist", () => {
    for (const [, path = ""] of readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      expect(readFileSync(new URL(`../${path}`, import.meta.url), "utf8")).not.toBe("");
    }
  });
});
