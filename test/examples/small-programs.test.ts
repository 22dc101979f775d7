// The programs of one idea each: what they print is what their first comment says.

import { describe, expect, test } from "@jest/globals";
import { promisedOutput, runExample } from "../support/run-example.ts";

const programs = [
  "echo-client",
  "active-once",
  "two-sockets",
  "supervised",
  "json-lines-service",
  "tcp-handshake-game",
];

describe.each(programs)("examples/%s.ts", (name) => {
  test("prints what its comment says, and ends", async () => {
    expect(await runExample(name)).toEqual({ code: 0, stdout: promisedOutput(name), stderr: "" });
  }, 60_000);
});
