// The trees of `send_builder`.

import type { BytesTree } from "tankard";
import { bytesOf } from "./bytes.ts";
import { ScriptError } from "./world.ts";

/** The tree that a step means, or nothing where a part of it is no bytes in JavaScript. */
export function readTree(written: unknown): BytesTree | undefined {
  if (Array.isArray(written)) return allOf(written.map(readTree));
  if (typeof written === "number") return isByte(written) ? Uint8Array.of(written) : undefined;
  const bytes = bytesOf(written);
  if (bytes !== undefined) return bytes;
  const { nested_lists: depth, around, parts, each } = (written ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof depth === "number") return nested(depth, readTree(around));
  return typeof parts === "number" ? allOf(Array.from({ length: parts }, () => readTree(each))) : undefined;
}

export function bytesTree(written: unknown): BytesTree {
  const tree = readTree(written);
  if (tree === undefined) throw new ScriptError(`no bytes: ${JSON.stringify(written)}`);
  return tree;
}

function isByte(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 255;
}

function allOf(trees: readonly (BytesTree | undefined)[]): BytesTree | undefined {
  return trees.every((tree) => tree !== undefined) ? trees : undefined;
}

function nested(depth: number, tree: BytesTree | undefined): BytesTree | undefined {
  let nest = tree;
  for (let count = 0; count < depth && nest !== undefined; count++) nest = [nest];
  return nest;
}
