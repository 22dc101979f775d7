// What the package costs before it does anything.
import { node, type Workload } from "../workload.ts";

const entryPoints = ["", "/otp", "/framing", "/server", "/reconnect", "/testing", "/xstate"].map(
  (path) => `tankard${path}`,
);

export function packageWorkloads(): Workload[] {
  return [
    {
      name: "start-up",
      title: "a program that imports this and ends",
      unit: "ms",
      isMoreBetter: false,
      kind: "afresh",
      beside: { unit: "KiB of heap" },
      contestants: [
        { name: "Node alone", measured: node("start-up") },
        ...["node:net", ...entryPoints, "xstate"].map((name) => ({ name, measured: node("start-up", name) })),
      ],
    },
    {
      name: "size",
      title: "what an entry point loads, in one minified file, and the package",
      unit: "KiB",
      isMoreBetter: false,
      kind: "once",
      beside: { unit: "KiB in gzip" },
      contestants: [...entryPoints, "package"].map((name) => ({ name, measured: node("size", name) })),
    },
  ];
}
