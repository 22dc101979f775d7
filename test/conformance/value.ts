// Erlang's values in steps and results, and what stands for them here.

import type { ExitReason, OwnedSocket, TcpMessage } from "tankard";
import { showBytes } from "./bytes.ts";

/** A list; a tuple is an array, since it is arrays that `selectRecord` takes. */
class List {
  readonly items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/** What a process dies of that panics. */
export class Panicked extends Error {}

/** The request of a `call`, as the callee receives it. */
export class Request {
  readonly message: unknown;
  readonly reply: { send(message: unknown): void };

  constructor(message: unknown, reply: { send(message: unknown): void }) {
    this.message = message;
    this.reply = reply;
  }
}

/** Knows the things of a scenario by the names that the script gave them. */
export interface Names {
  thing(name: string): unknown;
  nameOf(thing: unknown): string | undefined;
}

/** A value of a step: text, a number, a list, an atom (a symbol here), a tuple (an array here), or something by its name. */
export function valueOf(written: unknown, names: Names): unknown {
  if (Array.isArray(written)) return new List(written.map((item) => valueOf(item, names)));
  if (typeof written !== "object" || written === null) return written;
  const { atom, tuple, ref } = written as Readonly<Record<string, unknown>>;
  if (typeof atom === "string") return Symbol.for(atom);
  if (Array.isArray(tuple)) return tuple.map((item) => valueOf(item, names));
  if (typeof ref === "string") return names.thing(ref);
  throw new TypeError(`The notation has no such value: ${JSON.stringify(written)}`);
}

/** A value as results write it. */
export function show(value: unknown, names: Names): string {
  const name = names.nameOf(value);
  if (name !== undefined) return name;
  if (value === undefined) return "Nil";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return showBytes(Buffer.from(value));
  if (typeof value === "symbol") return constructorName(nameOf(value));
  if (value instanceof Uint8Array) return showBytes(value);
  if (value instanceof List) return `[${showAll(value.items, names)}]`;
  if (Array.isArray(value)) return showTuple(value, names);
  if (value instanceof Error) return `Panicked("${value.message}")`; // as the recorder wrote it, quotes within and all
  if (value instanceof Request) return `Request(${show(value.message, names)})`;
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

function showAll(values: readonly unknown[], names: Names): string {
  return values.map((value) => show(value, names)).join(", ");
}

function showTuple([tag, ...fields]: readonly unknown[], names: Names): string {
  const isConstructor = typeof tag === "symbol" && fields.length > 0 && !["true", "false", "nil"].includes(nameOf(tag));
  if (isConstructor) return `${show(tag, names)}(${showAll(fields, names)})`;
  return tag === undefined ? "#()" : `#(${showAll([tag, ...fields], names)})`;
}

function nameOf(atom: symbol): string {
  return Symbol.keyFor(atom) ?? "";
}

/** A tag or a label as a constructor: `tcp_closed` is TcpClosed, `DOWN` is Down. */
export function constructorName(tag: string): string {
  return tag
    .split("_")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join("");
}

export function showTcpMessage(message: TcpMessage, names: Names): string {
  const socket = showSocket(message.socket, names);
  switch (message.type) {
    case "Packet":
      return `Packet(${socket}, ${showBytes(message.data)})`;
    case "TcpError":
      return `TcpError(${socket}, ${message.error})`;
    case "SocketClosed":
      return `SocketClosed(${socket})`;
    default:
      return message satisfies never;
  }
}

function showSocket(socket: OwnedSocket, names: Names): string {
  return names.nameOf(socket) ?? "an unknown socket";
}

/** A reason as gleam_erlang gives it: `Abnormal("why")`. */
export function showReason(reason: ExitReason, names: Names): string {
  return reason.type === "Abnormal" ? `Abnormal(${showRawReason(reason, names)})` : reason.type;
}

/** A reason as it stands in a raw message: `"why"`. Erlang's `noproc` is an atom, ours a string. */
export function showRawReason(reason: ExitReason, names: Names): string {
  if (reason.type !== "Abnormal") return reason.type;
  return reason.reason === "noproc" ? "Noproc" : show(reason.reason, names);
}
