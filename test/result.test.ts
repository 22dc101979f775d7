import { describe, expect, test } from "@jest/globals";
import { expectTypeOf } from "expect-type";
import { type Err, err, type Ok, ok, type Result, unwrap, UnwrapError } from "tankard";
import { thrownBy } from "./support/in-process.ts";

describe("ok", () => {
  test("is plain data with the value, or with none", () => {
    expect(ok("Joe")).toStrictEqual({ ok: true, value: "Joe" });
    expect(ok()).toStrictEqual({ ok: true, value: undefined });
    expect(JSON.parse(JSON.stringify(ok([1])))).toEqual(ok([1]));
  });

  test("keeps every value as it is, also those that count as false", () => {
    for (const value of [0, "", false, null, Number.NaN]) expect(ok(value)).toStrictEqual({ ok: true, value });
    expect(ok(undefined)).toStrictEqual(ok());
  });

  test("keeps literal types", () => {
    expectTypeOf(ok("Joe")).toEqualTypeOf<Ok<"Joe">>();
    expectTypeOf(ok()).toEqualTypeOf<Ok<undefined>>();
    expectTypeOf(ok("Joe")).toExtend<Result<string, never>>();
  });
});

describe("err", () => {
  test("is plain data with the reason", () => {
    expect(err("Timeout")).toStrictEqual({ ok: false, error: "Timeout" });
  });

  test("keeps literal types", () => {
    expectTypeOf(err("Timeout")).toEqualTypeOf<Err<"Timeout">>();
    expectTypeOf(err("Timeout")).toExtend<Result<never, "Timeout" | "Closed">>();
  });
});

describe("unwrap", () => {
  test("gives the value of a good outcome", () => {
    const value = { name: "Joe" };
    expect(unwrap(ok(value))).toBe(value);
    expect(unwrap<unknown>(ok())).toBeUndefined();
  });

  test("throws an UnwrapError that has the reason, and says it in words", async () => {
    const error = await thrownBy(() => unwrap(err("Econnrefused")));
    expect(error).toBeInstanceOf(UnwrapError);
    expect(error).toMatchObject({ name: "UnwrapError", message: "connection refused", error: "Econnrefused" });
  });

  test("says why a call failed", () => {
    const late = err({ type: "CallTimeout", withinMs: 100 });
    expect(() => unwrap(late)).toThrow("no answer within 100 ms");
  });

  test.each([
    ["a text of the user's own as it is", "no such user", "no such user"],
    ["a value of the user's own as Node shows it", { code: 7 }, "the result was an error: { code: 7 }"],
    ["null", null, "the result was an error: null"],
    ["nothing", undefined, "the result was an error: undefined"],
  ])("says %s", async (_what, reason, message) => {
    expect(await thrownBy(() => unwrap(err(reason)))).toMatchObject({ name: "UnwrapError", message, error: reason });
  });

  test("throws an UnwrapError for a reason that is no JSON too", async () => {
    const circle: Record<string, unknown> = {};
    circle["itself"] = circle;
    for (const reason of [10n, circle, Symbol("why")]) {
      expect(await thrownBy(() => unwrap(err(reason)))).toBeInstanceOf(UnwrapError);
    }
  });
});
