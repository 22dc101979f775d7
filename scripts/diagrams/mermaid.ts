// A state machine as a state diagram in Mermaid's language, which GitHub draws.

import type { AnyStateMachine } from "xstate";
import { type Box, drawingOf } from "./drawing.ts";

/** The text of the diagram, which ends with a line feed. */
export function mermaidOf(machine: AnyStateMachine): string {
  const text = new Text();
  return `${["stateDiagram-v2", ...indented(text.machine(drawingOf(machine.root)))].join("\n")}\n`;
}

class Text {
  readonly #ids = new Map<Box, string>();
  readonly #taken = new Set<string>();

  /** The machine's own box is the page, unless it is parallel, which a page cannot be, or has no parts. */
  machine(root: Box): string[] {
    return root.isParallel || root.inside.length === 0 ? this.#box(root) : this.#inside(root);
  }

  #box(box: Box): string[] {
    const inside = this.#inside(box);
    const id = this.#id(box);
    const head = `state "${escaped(box.label)}" as ${id}`;
    if (inside.length > 0) return [`${head} {`, ...indented(inside), "}"];
    return [head, ...box.lines.map((line) => `${id} : ${escaped(line)}`)];
  }

  #inside(box: Box, name = ""): string[] {
    if (box.isParallel) return box.inside.flatMap((region, n) => [...(n === 0 ? [] : ["--"]), ...this.#region(region)]);
    const { inside, initial, arrows } = box;
    return [
      ...inside.flatMap((part) => this.#box(part)),
      ...(initial === undefined ? [] : [`[*] --> ${this.#id(initial)}${name}`]),
      ...arrows.map(
        ({ from, to, lines }) => `${this.#id(from)} --> ${this.#id(to)} : ${lines.map(escaped).join("<br/>")}`,
      ),
      ...inside.filter(({ isFinal }) => isFinal).map((final) => `${this.#id(final)} --> [*]`),
    ];
  }

  /** Mermaid draws a frame by itself, and fails where a box in it has parts with parts: the name stands at the beginning. */
  #region(region: Box): string[] {
    const isPlain = region.inside.length > 0 && !region.isParallel;
    return isPlain ? this.#inside(region, ` : ${escaped(region.label)}`) : this.#box(region);
  }

  /** The label as far as it may be: Mermaid's own words begin with a letter, and no two states may have the same. */
  #id(box: Box): string {
    const known = this.#ids.get(box);
    if (known !== undefined) return known;
    const wish = `_${box.label.replace(/[^A-Za-z0-9]/g, "_")}`;
    let id = wish;
    for (let n = 2; this.#taken.has(id); n++) id = `${wish}_${n}`;
    this.#taken.add(id);
    this.#ids.set(box, id);
    return id;
  }
}

/** What may have a meaning in Mermaid, or in the HTML that it makes, as one of Mermaid's entities. */
function escaped(text: string): string {
  return text.replace(/[^A-Za-z0-9 .,()[\]/+=?!'-]/gu, (character) => `#${character.codePointAt(0) ?? 0};`);
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
