import { describe, expect, test } from "@jest/globals";
import {
  Abnormal,
  type ExitReason,
  Killed,
  Normal,
  ownerFromCallback,
  type SocketClosed,
  type TcpMessage,
} from "tankard";
import { createWorld, inProcess, spawnPuppet } from "../support/in-process.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

const oops = new Error("oops");

describe("ownerFromCallback", () => {
  test("gives each message to the callback, in order, never inside the call that delivers it", async () => {
    const { runtime } = createWorld();
    const got: TcpMessage[] = [];
    const owner = ownerFromCallback((message) => got.push(message), runtime);
    const messages = [1, 2, 3].map(closed);
    for (const message of messages) owner.deliver(message);
    expect(got).toEqual([]);
    await turns(1);
    expect(got).toEqual(messages);
  });

  test("keeps the order where the callback delivers further messages", async () => {
    const { runtime } = createWorld();
    const got: number[] = [];
    const owner = ownerFromCallback((message) => {
      const number = numberOf(message);
      got.push(number);
      if (number < 3) owner.deliver(closed(number + 10));
    }, runtime);
    for (const number of [1, 2, 3]) owner.deliver(closed(number));
    await turns(1);
    expect(got).toEqual([1, 2, 3, 11, 12]);
  });

  test("lets others have their turn between many messages, and gets them all", async () => {
    const { runtime } = createWorld();
    const log: string[] = [];
    const owners = ["a", "b"].map((name) => ownerFromCallback(() => log.push(name), runtime));
    for (let left = 500; left > 0; left--) for (const owner of owners) owner.deliver(closed(left));
    await turns(20);
    expect(log).toHaveLength(1_000);
    expect(log.lastIndexOf("a")).toBeGreaterThan(log.indexOf("b"));
  });

  test("lives in the default runtime unless it is given another", () => {
    const { runtime } = createWorld();
    expect(ownerFromCallback(() => undefined, runtime).runtime).toBe(runtime);
    expect(ownerFromCallback(() => undefined).runtime).toBe(ownerFromCallback(() => undefined).runtime);
  });

  describe("exit", () => {
    test("ends it once, with the reason; Normal without one", () => {
      const { runtime } = createWorld();
      for (const [given, reason] of [
        [undefined, Normal],
        [Killed, Killed],
        [Abnormal(1), Abnormal(1)],
      ] as const) {
        const owner = ownerFromCallback(() => undefined, runtime);
        const heard: ExitReason[] = [];
        owner.onExit((why) => heard.push(why));
        owner.exit(given);
        owner.exit(Killed);
        expect(heard).toEqual([reason]);
      }
    });

    test("is no crash: nothing is thrown, whatever the reason", async () => {
      const { runtime } = createWorld();
      const errors = await uncaughtDuring(() => ownerFromCallback(() => undefined, runtime).exit(Abnormal(oops)));
      expect(errors).toEqual([]);
    });

    test("drops what is waiting and what comes later", async () => {
      const { runtime } = createWorld();
      const got: TcpMessage[] = [];
      const owner = ownerFromCallback((message) => got.push(message), runtime);
      owner.deliver(closed(1));
      owner.exit();
      owner.deliver(closed(2));
      await turns(1);
      expect(got).toEqual([]);
    });

    test("from within the callback lets no further message through", async () => {
      const { runtime } = createWorld();
      const got: number[] = [];
      const owner = ownerFromCallback((message) => {
        got.push(numberOf(message));
        owner.exit();
      }, runtime);
      owner.deliver(closed(1));
      owner.deliver(closed(2));
      await turns(1);
      expect(got).toEqual([1]);
    });
  });

  describe("onExit", () => {
    test("tells resources before observers", () => {
      const { runtime } = createWorld();
      const log: string[] = [];
      const owner = ownerFromCallback(() => undefined, runtime);
      owner.onExit(() => log.push("observer"));
      owner.onExit(() => log.push("resource"), "resource");
      owner.exit();
      expect(log).toEqual(["resource", "observer"]);
    });

    test("calls at once where the owner has ended", () => {
      const { runtime } = createWorld();
      const owner = ownerFromCallback(() => undefined, runtime);
      owner.exit(Killed);
      const heard: ExitReason[] = [];
      owner.onExit((reason) => heard.push(reason))();
      expect(heard).toEqual([Killed]);
    });

    test("gives a function that takes the listener away", () => {
      const { runtime } = createWorld();
      const owner = ownerFromCallback(() => undefined, runtime);
      const heard: ExitReason[] = [];
      owner.onExit((reason) => heard.push(reason))();
      owner.exit();
      expect(heard).toEqual([]);
    });

    test("keeps everybody else informed where a listener throws, and the runtime going", async () => {
      const { runtime } = createWorld();
      const heard: string[] = [];
      const errors = await uncaughtDuring(async () => {
        const owner = ownerFromCallback(() => {
          throw oops;
        }, runtime);
        for (const role of ["resource", "observer"] as const) {
          owner.onExit(() => {
            throw new Error(role);
          }, role);
          owner.onExit(() => heard.push(role), role);
        }
        owner.deliver(closed(1));
        await turns(1);
        expect(await runtime.spawn(() => "goes on").result).toBe("goes on");
      });
      expect(heard).toEqual(["resource", "observer"]);
      expect(errors).toEqual([new Error("resource"), new Error("observer")]);
    });
  });

  describe("a callback that throws", () => {
    test("ends the owner Abnormal, drops the rest and is an uncaught exception", async () => {
      const { runtime } = createWorld();
      const got: number[] = [];
      const reasons: ExitReason[] = [];
      const errors = await uncaughtDuring(() => {
        const owner = ownerFromCallback((message) => {
          got.push(numberOf(message));
          throw oops;
        }, runtime);
        owner.onExit((reason) => reasons.push(reason), "resource");
        for (const number of [1, 2]) owner.deliver(closed(number));
      });
      expect([got, reasons, errors]).toEqual([[1], [Abnormal(oops)], [oops]]);
    });

    test("is no uncaught exception where an observer hears of it", async () => {
      const { runtime } = createWorld();
      const reasons: ExitReason[] = [];
      const errors = await uncaughtDuring(() => {
        const owner = ownerFromCallback(() => {
          throw oops;
        }, runtime);
        owner.onExit((reason) => reasons.push(reason));
        owner.deliver(closed(1));
      });
      expect([reasons, errors]).toEqual([[Abnormal(oops)], []]);
    });

    test("after it has ended itself is an uncaught exception all the same", async () => {
      const { runtime } = createWorld();
      const errors = await uncaughtDuring(() => {
        const owner = ownerFromCallback(() => {
          owner.exit();
          throw oops;
        }, runtime);
        owner.onExit(() => undefined);
        owner.deliver(closed(1));
      });
      expect(errors).toEqual([oops]);
    });

    test("ends the processes that are linked to it, with what it threw", () =>
      inProcess(async (_self, { runtime }) => {
        const { self, process } = await spawnPuppet(runtime);
        const owner = ownerFromCallback(() => {
          throw oops;
        }, runtime);
        self.link(owner);
        owner.deliver(closed(1));
        expect(await process.exited).toEqual(Abnormal(oops));
      }));

    test("is reported for a linked process that it ends and that nobody watches", async () => {
      const { runtime, crashes } = createWorld();
      const { self, process } = await spawnPuppet(runtime);
      const errors = await uncaughtDuring(() => {
        const owner = ownerFromCallback(() => {
          throw oops;
        }, runtime);
        self.link(owner);
        owner.deliver(closed(1));
      });
      expect(process.isAlive).toBe(false);
      expect(errors).toEqual([]);
      expect(crashes).toMatchObject([{ process, reason: oops, handled: false }]);
    });
  });

  describe("takeBack", () => {
    test("gives the messages of one socket that the callback has not had, and keeps the others in order", async () => {
      const { runtime } = createWorld();
      const got: TcpMessage[] = [];
      const owner = ownerFromCallback((message) => got.push(message), runtime);
      const [handed, kept] = [closed(1), closed(2)];
      for (const message of [handed, kept, handed, kept]) owner.deliver(message);
      expect(owner.takeBack?.(handed.socket)).toEqual([handed, handed]);
      expect(owner.takeBack?.(handed.socket)).toEqual([]);
      await turns(1);
      expect(got).toEqual([kept, kept]);
    });
  });
});

/** A message of a socket that is nothing but a number: the owner looks at which socket it is, and no further. */
function closed(number: number): SocketClosed {
  return { type: "SocketClosed", socket: { number } as never };
}

function numberOf(message: TcpMessage): number {
  return (message.socket as unknown as { number: number }).number;
}
