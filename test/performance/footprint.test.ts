import { describe, expect, test } from "@jest/globals";
import { echoServer } from "../support/peer.ts";
import { measured } from "./measured.ts";

/** The Node that the figures below are of. Another lays out objects in another way. */
const nodeMajor = 20;
const isThisNode = Number(process.versions.node.split(".")[0]) === nodeMajor;
if (!isThisNode) process.stderr.write(`Skipped: how much heap is kept is known of Node ${nodeMajor} alone\n`);
const describeOnThisNode = isThisNode ? describe : describe.skip;

/** So many that what the program keeps besides is a small part of it. */
const processes = 10_000;
const connections = 1_000;
/** Bytes of heap that each keeps. One that is put here anew says in its commit why it may cost so much. */
const stated = {
  "async process": 725,
  actor: 1_135,
  "callback owner": 185,
  "connection, callback owner": 1_925,
  "connection, async process": 2_460,
  "connection, served by an actor": 3_140,
};
const most = 1.25;

describeOnThisNode("what is idle", () => {
  test.each(Object.entries(stated))(
    "keeps at most a quarter more heap than is stated: %s, %d bytes",
    async (kind, bytes) => {
      await using server = await echoServer();
      const count = kind.startsWith("connection") ? connections : processes;

      const each = await measured<number>("footprint", [kind, count, server.port], {
        flags: ["--expose-gc"],
      });

      expect(each).toBeLessThanOrEqual(bytes * most);
    },
    60_000,
  );
});
