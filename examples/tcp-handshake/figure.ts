// An inspector that draws what two machines say to each other, in the way of RFC 9293's figures.

import type { AnyMachineSnapshot, InspectionEvent } from "xstate";

type Side = "left" | "right";

/** An inspector for the machine of each side. A line is printed when a segment has come, and when a machine moves by itself. */
export function figure(print: (line: string) => void): Record<Side, (seen: InspectionEvent) => void> {
  const states = { left: "", right: "" };
  const draw = (left: string, middle: string, right: string) => {
    print(`${left.padEnd(12)}${middle.padEnd(40)}${right}`.trimEnd());
  };

  const inspector = (side: Side) => (seen: InspectionEvent) => {
    if (seen.type !== "@xstate.snapshot" || seen.actorRef.sessionId !== seen.rootId) return; // of the machine's children
    const before = states[side];
    states[side] = (seen.snapshot as AnyMachineSnapshot).value as string;
    const event = seen.event as { readonly type: string; readonly data?: Buffer };
    if (event.data !== undefined) {
      const arrow = side === "right" ? "-->" : "<--";
      draw(states.left, `${arrow} ${String(event.data).trim().padEnd(31)} ${arrow}`, states.right);
    } else if (event.type === "close") {
      if (side === "left") draw("(Close)", "", "");
      else draw("", "", "(Close)");
    } else if (before !== "" && before !== states[side] && event.type.startsWith("xstate.after")) {
      draw(`(${event.type.split(".")[2] ?? ""})`, "", "");
      draw(states.left, "", states.right);
    }
  };
  return { left: inspector("left"), right: inspector("right") };
}
