// What the suite measures: workloads, in each of which contestants do the same thing in their own ways.

/** A program that takes part, by what it is written in or runs on. */
export interface Command {
  readonly tool: "node" | "bun" | "npm" | "c" | "erlang";
  /** The name of its source, without the extension: in programs/ for node and bun, in peers/ for the others. */
  readonly program: string;
  readonly args: readonly string[];
  /** Flags of Node. */
  readonly flags?: readonly string[];
}

export interface Contestant {
  readonly name: string;
  /** Says the address where it listens, which `measured` gets as its last argument. */
  readonly server?: Command;
  /** Does the rounds, or prints the one figure of a workload that begins afresh. */
  readonly measured: Command;
}

/** A figure that is told beside the one that is compared. */
export interface Beside {
  readonly unit: string;
}

export interface Workload {
  /** What it is asked for by on the command line: this name, or its beginning up to a dash. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly unit: string;
  /** Whether a larger figure is the better one. */
  readonly isMoreBetter: boolean;
  /**
   * `rounds`: contestants stand by, warm, and one at a time works for a while; the figure is operations a second.
   * `afresh`: the program begins anew for each figure, and prints it. `once`: the same, and it is the same every time.
   */
  readonly kind: "rounds" | "afresh" | "once";
  /**
   * Of `rounds`: how many processes of each contestant share them, one after the other. More than 1, the default, where
   * what one makes differs more from process to process than from round to round. Each has one round at least.
   */
  readonly processes?: number;
  /** Whether it says nothing on one core. */
  readonly isUnpinned?: boolean;
  /** What one operation counts for in `unit`. Default 1. */
  readonly perOperation?: number;
  /** Default: processor time of the measured program for each operation, where it says it. */
  readonly beside?: Beside;
  /** The first is what the others are compared with. */
  readonly contestants: readonly Contestant[];
}

export function node(program: string, ...args: readonly (string | number)[]): Command {
  return { tool: "node", program, args: args.map(String) };
}

/** With the garbage collector at hand, so that what is measured is what is alive. */
export function nodeWithGc(program: string, ...args: readonly (string | number)[]): Command {
  return { ...node(program, ...args), flags: ["--expose-gc"] };
}

export function bun(program: string, ...args: readonly (string | number)[]): Command {
  return { tool: "bun", program, args: args.map(String) };
}

/** A program in peers/ that uses packages of its own. */
export function npm(program: string, ...args: readonly (string | number)[]): Command {
  return { tool: "npm", program, args: args.map(String) };
}

export function c(program: string, ...args: readonly (string | number)[]): Command {
  return { tool: "c", program, args: args.map(String) };
}

export function erlang(module: string, ...args: readonly (string | number)[]): Command {
  return { tool: "erlang", program: module, args: args.map(String) };
}
