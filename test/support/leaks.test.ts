import { execFile } from "node:child_process";
import { describe, expect, test } from "@jest/globals";

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

describe("the leak check", () => {
  test("fails the test that leaks, and no other", async () => {
    const results = (await runFixture()).testResults.flatMap((file) => file.assertionResults);

    expect(results.map(({ title, status }) => [title, status])).toEqual([
      ["closes late, within the grace", "passed"],
      ["leaks a server", "failed"],
      ["runs after the leak", "passed"],
    ]);
    expect(results[1]?.failureMessages.join("\n")).toContain("leaves open handles behind: 1 TCPServerWrap");
  }, 60_000);
});

// A Jest of its own, ended by --forceExit since the fixture keeps its server open.
function runFixture(): Promise<Report> {
  const args = ["--testMatch", "**/leaking.fixture.ts", "--runInBand", "--forceExit", "--json"];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ["node_modules/jest/bin/jest.js", ...args], (_error, stdout, stderr) => {
      if (stdout === "") reject(new Error(stderr));
      else resolve(JSON.parse(stdout) as Report);
    });
  });
}
