import { describe, expect, test } from "@jest/globals";
import { taskOf } from "../../examples/key-value/commands.ts";
import { Database } from "../../examples/key-value/database.ts";
import type { Reply } from "../../examples/key-value/resp.ts";

/** A database that is spoken to as by a client: words between spaces. */
class Spoken {
  readonly database = new Database();
  now = 0;

  say(line: string): Reply {
    const task = taskOf(line.split(" "));
    return task.type === "Answer" ? task.reply : this.database.handle(task, this.now);
  }

  /** What an error, or any other reply that is a record, says. */
  text(line: string): unknown {
    const reply = this.say(line);
    return reply !== null && typeof reply === "object" && "text" in reply ? reply.text : reply;
  }
}

describe("Database", () => {
  test("gets what was set, and nothing where there is nothing", () => {
    const spoken = new Spoken();
    expect(spoken.text("SET a 1")).toBe("OK");
    expect(spoken.say("GET a")).toBe("1");
    expect(spoken.say("GET b")).toBeNull();
    expect(spoken.say("EXISTS a a b")).toBe(2);
    expect(spoken.say("DEL a a b")).toBe(1);
    expect(spoken.say("EXISTS a")).toBe(0);
  });

  test("sets only where the key is not there (NX), or only where it is (XX)", () => {
    const spoken = new Spoken();
    expect(spoken.say("SET a 1 XX")).toBeNull();
    expect(spoken.text("SET a 1 NX")).toBe("OK");
    expect(spoken.say("SET a 2 NX PX 5")).toBeNull();
    expect(spoken.say("TTL a")).toBe(-1);
    expect(spoken.text("SET a 3 xx px 5")).toBe("OK");
    spoken.now = 5;
    expect(spoken.text("SET a 4 NX")).toBe("OK");
  });

  test("forgets a key when its time is over, and tells the seconds that are left", () => {
    const spoken = new Spoken();
    spoken.say("SET a 1 EX 10");
    spoken.say("SET b 1");
    expect(spoken.say("EXPIRE b 20")).toBe(1);
    expect(spoken.say("EXPIRE c 20")).toBe(0);
    spoken.now = 4_000;
    expect([spoken.say("TTL a"), spoken.say("TTL b"), spoken.say("TTL c")]).toEqual([6, 16, -2]);
    spoken.now = 9_999;
    expect(spoken.say("GET a")).toBe("1");
    spoken.now = 10_000;
    expect(spoken.say("GET a")).toBeNull();
    expect(spoken.say("EXPIRE b 0")).toBe(1);
    expect(spoken.say("EXISTS b")).toBe(0);
  });

  test("keeps a key's time through INCR, and not through SET", () => {
    const spoken = new Spoken();
    spoken.say("SET a 1 EX 10");
    expect(spoken.say("INCR a")).toBe(2n);
    expect(spoken.say("TTL a")).toBe(10);
    spoken.say("SET a 1");
    expect(spoken.say("TTL a")).toBe(-1);
  });

  test("counts in 64 bits, and begins with 0", () => {
    const spoken = new Spoken();
    expect(spoken.say("INCR a")).toBe(1n);
    spoken.say("SET a -9223372036854775808");
    expect(spoken.say("INCR a")).toBe(-(2n ** 63n) + 1n);
    spoken.say("SET a 9223372036854775807");
    expect(spoken.text("INCR a")).toBe("ERR increment or decrement would overflow");
    for (const value of ["x", "", "01", "1.5", "+1", "-0", "9223372036854775808"]) {
      spoken.say(`SET a ${value}`);
      expect(spoken.text("INCR a")).toBe("ERR value is not an integer or out of range");
      expect(spoken.say("GET a")).toBe(value);
    }
  });

  test("is swept a few keys at a time, until those are gone whose time is over", () => {
    const spoken = new Spoken();
    const { database } = spoken;
    for (let key = 0; key < 10; key++) spoken.say(`SET short${key} 1 PX 5`);
    for (let key = 0; key < 10; key++) spoken.say(`SET long${key} 1 PX 50`);
    spoken.say("SET ever 1");
    database.sweep(5, 4);
    expect(database.size).toBe(17);
    for (let sweep = 0; sweep < 6; sweep++) database.sweep(5, 4);
    expect(database.size).toBe(11);
    for (let sweep = 0; sweep < 7; sweep++) database.sweep(50, 4);
    expect(database.size).toBe(1);
  });
});

describe("taskOf", () => {
  test.each([
    ["FLUSHALL now", "ERR unknown command 'FLUSHALL'"],
    ["b\r\nd\xff", "ERR unknown command 'b??d?'"],
    ["constructor", "ERR unknown command 'constructor'"],
    ["Get", "ERR wrong number of arguments for 'get' command"],
    ["GET a b", "ERR wrong number of arguments for 'get' command"],
    ["SET a", "ERR wrong number of arguments for 'set' command"],
    ["PING a b", "ERR wrong number of arguments for 'ping' command"],
    ["SET a 1 NX XX", "ERR syntax error"],
    ["SET a 1 EX", "ERR syntax error"],
    ["SET a 1 EX 1 PX 1", "ERR syntax error"],
    ["SET a 1 KEEP", "ERR syntax error"],
    ["SET a 1 EX x", "ERR value is not an integer or out of range"],
    ["SET a 1 PX 0", "ERR invalid expire time in 'set' command"],
    ["SET a 1 EX 9223372036854775807", "ERR invalid expire time in 'set' command"],
    ["EXPIRE a 1.5", "ERR value is not an integer or out of range"],
    ["EXPIRE a -9223372036854775807", "ERR invalid expire time in 'expire' command"],
    ["CONFIG SET save 1", "ERR unknown subcommand 'SET'"],
    ["CONFIG GET", "ERR wrong number of arguments for 'config|get' command"],
  ])("%j: %s", (line, text) => {
    expect(new Spoken().text(line)).toBe(text);
  });

  test("answers what needs no data at once", () => {
    const spoken = new Spoken();
    expect(spoken.text("ping")).toBe("PONG");
    expect(spoken.say("PING hello")).toBe("hello");
    expect(spoken.say("ECHO hello")).toBe("hello");
    expect(spoken.say("COMMAND DOCS")).toEqual([]);
    expect(spoken.say("CONFIG GET save appendonly port")).toEqual(["save", "", "appendonly", "no"]);
  });
});
