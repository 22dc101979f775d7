// How a machine becomes a diagram. That Mermaid draws what is written here was tried by hand, with Mermaid 11.

import { describe, expect, test } from "@jest/globals";
import { and, createMachine, fromCallback, not, type AnyStateMachine } from "xstate";
import { mermaidOf } from "../../scripts/diagrams/mermaid.ts";

const child = fromCallback(() => undefined);

describe("mermaidOf", () => {
  test("draws states, where they begin and end, and events with guards", () => {
    const machine = createMachine({
      initial: "red",
      states: {
        red: { on: { go: [{ guard: "isFree", target: "green" }, { target: "broken" }] } },
        green: { on: { stop: "red" } },
        broken: { type: "final" },
      },
    });
    expect(linesOf(machine)).toEqual([
      'state "red" as _red',
      'state "green" as _green',
      'state "broken" as _broken',
      "[*] --> _red",
      "_red --> _green : go [isFree]",
      "_red --> _broken : go [else]",
      "_green --> _red : stop",
      "_broken --> [*]",
    ]);
  });

  test("draws one arrow from a state to another, with a line for each event", () => {
    const machine = createMachine({
      initial: "a",
      states: {
        a: { on: { x: "b", "*": "b" }, after: { 100: "b", aWhile: "b" }, always: { guard: "isSo", target: "b" } },
        b: {},
      },
    });
    expect(linesOf(machine)).toContain(
      "_a --> _b : x<br/>any other event<br/>after 100 ms<br/>after aWhile<br/>[isSo]",
    );
  });

  test("says always, done and self in words", () => {
    const machine = createMachine({
      initial: "a",
      states: {
        a: { always: "b" },
        b: { on: { again: { target: "b", reenter: true } }, initial: "c", states: { c: {} }, onDone: "d" },
        d: { on: { again: { target: "d", reenter: true } } },
      },
    });
    expect(linesOf(machine)).toEqual(
      expect.arrayContaining(["_a --> _b : always", "_b --> _d : done", "_d --> _d : again"]),
    );
    expect(linesOf(machine)).toContain("  _in_any_state : again#58; begins again");
  });

  test("writes into a state what it invokes, and what changes no state", () => {
    const machine = createMachine({
      initial: "a",
      states: {
        a: {
          invoke: [
            { id: "tcp", src: "tcp", onDone: "b", onError: { guard: "isHopeless", target: "b" } },
            { id: "other", src: "tcp" },
            { src: child, onSnapshot: "b" },
          ],
          on: {
            x: { actions: ["count", { type: "tell" }, () => undefined] },
            y: { guard: "isSo", actions: () => 1 },
            z: {},
          },
        },
        b: {},
      },
    });
    expect(linesOf(machine)).toEqual([
      'state "a" as _a',
      "_a : invokes tcp",
      "_a : invokes tcp as other",
      "_a : invokes a child",
      "_a : x#58; count, tell",
      "_a : y [isSo]",
      "_a : z#58; ignored",
      'state "b" as _b',
      "[*] --> _a",
      "_a --> _b : tcp is done<br/>tcp is in error [isHopeless]<br/>a child has changed",
    ]);
  });

  test("nests states; an arrow out of one begins at its border, one into it ends there", () => {
    const machine = createMachine({
      id: "m",
      initial: "out",
      on: { reset: ".out", hint: { actions: "note" } },
      states: {
        in: {
          initial: "one",
          on: { back: ".one" },
          states: { one: { on: { next: "two", leave: "#m.out" } }, two: { on: { up: "#m.in" } } },
        },
        out: { on: { enter: "#m.in.two" } },
      },
    });
    expect(mermaidOf(machine)).toBe(`stateDiagram-v2
  state "in" as _in {
    state "one" as _one
    state "two" as _two
    _two : up#58; to in
    state "in any state" as _in_any_state
    [*] --> _one
    _one --> _two : next
    _in_any_state --> _one : back
  }
  state "out" as _out
  state "in any state" as _in_any_state_2
  _in_any_state_2 : hint#58; note
  [*] --> _out
  _in --> _out : leave (one)
  _out --> _in : enter to two
  _in_any_state_2 --> _out : reset
`);
  });

  test("draws the regions of a parallel state side by side, and says their names where they begin", () => {
    const machine = createMachine({
      id: "m",
      initial: "p",
      states: {
        p: {
          type: "parallel",
          invoke: { id: "tcp", src: "tcp" },
          states: {
            one: { initial: "a", states: { a: { on: { x: "b" } }, b: { on: { end: "#m.q" } } } },
            two: { on: { y: { actions: "say" } } },
          },
        },
        q: {},
      },
    });
    expect(mermaidOf(machine)).toBe(`stateDiagram-v2
  state "p" as _p {
    state "a" as _a
    state "b" as _b
    [*] --> _a : one
    _a --> _b : x
    --
    state "two" as _two
    _two : y#58; say
    --
    state "in any state" as _in_any_state
    _in_any_state : invokes tcp
  }
  state "q" as _q
  [*] --> _p
  _p --> _q : end (b)
`);
  });

  test("draws a machine that is parallel itself, and one of a single state", () => {
    const parallel = createMachine({ id: "both", type: "parallel", states: { a: {}, b: {} } });
    expect(linesOf(parallel)).toEqual([
      'state "both" as _both {',
      '  state "a" as _a',
      "  --",
      '  state "b" as _b',
      "}",
    ]);
    expect(linesOf(createMachine({ id: "one", on: { x: { actions: "say" } } }))).toEqual([
      'state "one" as _one',
      "_one : x#58; say",
    ]);
  });

  test("says what a guard is made of", () => {
    const isOdd = () => true;
    const target = "b";
    const machine = createMachine({
      initial: "a",
      states: {
        a: {
          on: {
            x: { guard: and(["isMe", not("isYou")]), target },
            y: { guard: isOdd, target },
            z: { guard: { type: "is", params: 1 }, target },
          },
        },
        b: {},
      },
    });
    expect(linesOf(machine)).toContain("_a --> _b : x [isMe and not isYou]<br/>y [isOdd]<br/>z [is]");
  });

  test("draws histories as states", () => {
    const states = {
      a: {},
      h: { type: "history" as const },
      d: { type: "history" as const, history: "deep" as const },
    };
    const machine = createMachine({ initial: "a", states });
    expect(linesOf(machine)).toEqual(
      expect.arrayContaining(['state "h (history)" as _h__history_', 'state "d (deep history)" as _d__deep_history_']),
    );
  });

  test("lets nothing that a name may have mean anything to Mermaid, and gives no two states one name", () => {
    const machine = createMachine({
      initial: "SYN-SENT",
      states: {
        "SYN-SENT": { on: { 'a: "b"; <i>#*_{}': "SYN_SENT" } },
        SYN_SENT: { on: { "a.*": "state" } },
        state: { on: { "é`%%": "end note" } },
        "end note": {},
      },
    });
    expect(linesOf(machine)).toEqual([
      'state "SYN-SENT" as _SYN_SENT',
      'state "SYN#95;SENT" as _SYN_SENT_2',
      'state "state" as _state',
      'state "end note" as _end_note',
      "[*] --> _SYN_SENT",
      "_SYN_SENT --> _SYN_SENT_2 : a#58; #34;b#34;#59; #60;i#62;#35;#42;#95;#123;#125;",
      "_SYN_SENT_2 --> _state : a.#42;",
      "_state --> _end_note : #233;#96;#37;#37;",
    ]);
  });
});

/** The lines of the diagram, without its heading and its indentation. */
function linesOf(machine: AnyStateMachine): string[] {
  return mermaidOf(machine)
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.slice(2));
}
