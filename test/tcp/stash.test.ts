import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Stash } from "../../src/tcp/stash.ts";
import { runProgram } from "../support/run-program.ts";

/** The same in a few lines: all that has come as one buffer, and how much of it is set apart. */
class Model {
  all = Buffer.alloc(0);
  apart = 0;

  get size(): number {
    return this.all.length;
  }

  push(chunk: Buffer): void {
    this.all = Buffer.concat([this.all, chunk]);
  }

  setApart(): void {
    this.apart = this.size;
  }

  clear(): void {
    this.take(this.size);
  }

  take(size: number): Buffer {
    const taken = this.all.subarray(0, size);
    this.all = this.all.subarray(size);
    this.apart = Math.max(0, this.apart - size);
    return taken;
  }

  get unreadSize(): number {
    return this.size - this.apart;
  }

  takePacket(most: number): Buffer | undefined {
    if (this.all.length === 0) return undefined;
    return this.take(this.apart > 0 ? this.apart : Math.min(most, this.all.length));
  }
}

type Step =
  | { readonly do: "push"; readonly chunk: Uint8Array }
  | { readonly do: "takePacket"; readonly most: number }
  | { readonly do: "take"; readonly size: number }
  | { readonly do: "setApart" }
  | { readonly do: "clear" };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("push" as const), chunk: fc.uint8Array({ minLength: 1 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("takePacket" as const), most: fc.integer({ min: 1, max: 30 }) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("take" as const), size: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("setApart" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("clear" as const) }) },
  ),
  { maxLength: 60 },
);

/** What it says at each step. */
function play(
  list: readonly Step[],
  stash: Pick<Stash, "push" | "take" | "takePacket" | "setApart" | "clear" | "size" | "unreadSize">,
) {
  const said = list.map((step): Buffer | undefined => {
    switch (step.do) {
      case "push":
        stash.push(Buffer.from(step.chunk));
        return undefined;
      case "takePacket":
        return stash.takePacket(step.most);
      case "take":
        return stash.take(Math.min(step.size, stash.size));
      case "setApart":
        stash.setApart();
        return undefined;
      case "clear":
        stash.clear();
        return undefined;
    }
  });
  return [...said, stash.size, stash.unreadSize, stash.take(stash.size)];
}

describe("Stash", () => {
  test("is a buffer with a part set apart, whatever is pushed and taken", () => {
    fc.assert(
      fc.property(steps, (list) => {
        expect(play(list, new Stash())).toEqual(play(list, new Model()));
      }),
      { numRuns: 500 },
    );
  });

  test("gives a chunk that is taken whole as it came, without a copy", () => {
    const stash = new Stash();
    const chunk = Buffer.from("whole");
    stash.push(chunk);
    expect(stash.takePacket(100)).toBe(chunk);
    expect(stash.takePacket(100)).toBeUndefined();
  });

  test("gives what was set apart as one packet, however large, and then goes on as before", () => {
    const stash = new Stash();
    stash.push(Buffer.from("abc"));
    stash.push(Buffer.from("def"));
    stash.setApart();
    stash.push(Buffer.from("ghi"));
    expect(stash.take(1).toString()).toBe("a");
    expect(stash.takePacket(2)?.toString()).toBe("bcdef");
    expect(stash.takePacket(2)?.toString()).toBe("gh");
    expect(stash.takePacket(2)?.toString()).toBe("i");
  });

  test("gives single bytes out of 65,536 chunks without going through all of them each time", () => {
    const stash = new Stash();
    for (let i = 0; i < 65_536; i++) stash.push(Buffer.of(i % 251));
    const start = performance.now();
    let right = 0;
    for (let i = 0; i < 65_536; i++) if (stash.take(1)[0] === i % 251) right++;
    expect(right).toBe(65_536);
    expect(performance.now() - start).toBeLessThan(1_000); // a hundred times what it takes, for slow machines
  });

  test("holds 65,536 bytes that came one by one in little more memory than they are", async () => {
    // In a program of its own, where nobody else's garbage comes and goes.
    const { stdout } = await runProgram(
      `import { setFlagsFromString } from "node:v8";
       import { runInNewContext } from "node:vm";
       import { Stash } from "./src/tcp/stash.ts";
       setFlagsFromString("--expose-gc");
       const collect = runInNewContext("gc");
       const memoryInUse = () => {
         collect();
         const { heapUsed, external } = process.memoryUsage();
         return heapUsed + external;
       };
       const stash = new Stash();
       const before = memoryInUse();
       for (let i = 0; i < 65_536; i++) stash.push(Buffer.allocUnsafe(1));
       console.log(memoryInUse() - before, stash.size);`,
    );
    const [memory, size] = stdout.split(" ").map(Number);
    expect(size).toBe(65_536);
    expect(memory).toBeLessThan(2_000_000); // with a Buffer for each it is some 7 MB for a connection
  });
});
