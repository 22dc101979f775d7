// Run by leaks.test.ts in a Jest of its own: what fails here, fails on purpose.
import { createServer, type Server } from "node:net";
import { expect, test } from "@jest/globals";

test("closes late, within the grace", async () => {
  const server = await listening();
  setTimeout(() => server.close(), 100);
  expect(server.listening).toBe(true);
});

test("leaks a server", async () => {
  const server = await listening();
  expect(server.listening).toBe(true);
});

test("runs after the leak", () => {
  expect(true).toBe(true);
});

async function listening(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
