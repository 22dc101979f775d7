// What is to be drawn of a machine: boxes, with lines in them and arrows between them.
//
// Each box is drawn by itself, with what is inside of it, so that it stays legible, and no arrow goes through a border: one
// from the inside begins at the border and says where it comes from. The arrows from one box to another are one, with a
// line for each event. A box has lines of its own: what its state invokes, and which events it takes without an arrow. What
// a state with parts does itself stands in a box among them, "in any state". (Mermaid's notes make it fail in nested states.)

import type { AnyStateNode } from "xstate";
import { actionsText, invokeText, stateName, type Transition, whenText } from "./words.ts";

export interface Box {
  readonly label: string;
  readonly isParallel: boolean;
  readonly isFinal: boolean;
  readonly inside: Box[];
  /** Where it begins, of those inside. */
  readonly initial: Box | undefined;
  /** Between those inside. */
  readonly arrows: Arrow[];
  readonly lines: string[];
}

export interface Arrow {
  readonly from: Box;
  readonly to: Box;
  readonly lines: string[];
}

/** The machine's own box, with all others inside of it. */
export function drawingOf(root: AnyStateNode): Box {
  const boxes = new Map<AnyStateNode, Box>();
  const drawing = boxOf(root, boxes);
  const pen = new Pen(boxes);
  for (const node of boxes.keys()) {
    for (const invoked of node.invoke) pen.write(node, invokeText(invoked));
    for (const alternatives of [...node.transitions.values(), node.always ?? []])
      for (const [n, transition] of (alternatives as Transition[]).entries()) pen.draw(node, transition, n === 0);
  }
  return drawing;
}

function boxOf(node: AnyStateNode, boxes: Map<AnyStateNode, Box>): Box {
  const children = Object.values(node.states);
  const inside = children.map((child) => boxOf(child, boxes));
  const [initial] = node.type === "compound" ? node.initial.target : [];
  const box: Box = {
    label: stateName(node),
    isParallel: node.type === "parallel",
    isFinal: node.type === "final",
    inside,
    initial: initial && boxes.get(partOf(node, initial)),
    arrows: [],
    lines: [],
  };
  boxes.set(node, box);
  return box;
}

class Pen {
  readonly #boxes: ReadonlyMap<AnyStateNode, Box>;
  readonly #anyStates = new Map<Box, Box>();

  constructor(boxes: ReadonlyMap<AnyStateNode, Box>) {
    this.#boxes = boxes;
  }

  draw(from: AnyStateNode, transition: Transition, isFirst: boolean): void {
    const when = whenText(transition, isFirst);
    const { target, actions } = transition;
    if (target !== undefined) for (const to of target) this.#change(from, to, when);
    else if (actions.length === 0) this.write(from, `${when}: ignored`);
    else this.write(from, [when, actionsText(transition)].filter((text) => text !== "").join(": "));
  }

  write(node: AnyStateNode, line: string): void {
    const box = this.#box(node);
    (box.inside.length > 0 ? this.#anyState(box) : box).lines.push(line);
  }

  #change(from: AnyStateNode, to: AnyStateNode, when: string): void {
    const place = from === to ? parentOf(from) : commonPlace(from, to);
    if (from === to && from.type !== "atomic") this.write(from, `${when}: begins again`);
    else if (place === undefined || place.type === "parallel" || place === to)
      this.write(from, `${when}: to ${stateName(to)}`);
    else this.#arrow(place, from, to, when);
  }

  #arrow(place: AnyStateNode, from: AnyStateNode, to: AnyStateNode, when: string): void {
    const [start, end] = [from === place ? from : partOf(place, from), partOf(place, to)];
    const line = `${when}${start === from ? "" : ` (${stateName(from)})`}${end === to ? "" : ` to ${stateName(to)}`}`;
    const box = this.#box(place);
    const ends = { from: start === place ? this.#anyState(box) : this.#box(start), to: this.#box(end) };
    const known = box.arrows.find((arrow) => arrow.from === ends.from && arrow.to === ends.to);
    if (known === undefined) box.arrows.push({ ...ends, lines: [line] });
    else known.lines.push(line);
  }

  #anyState(box: Box): Box {
    let any = this.#anyStates.get(box);
    if (any === undefined) {
      const nothing = { inside: [], initial: undefined, arrows: [], lines: [] };
      any = { label: "in any state", isParallel: false, isFinal: false, ...nothing };
      this.#anyStates.set(box, any);
      box.inside.push(any);
    }
    return any;
  }

  #box(node: AnyStateNode): Box {
    const box = this.#boxes.get(node);
    if (box === undefined) throw new Error(`Cannot draw ${node.id}: it belongs to another machine`);
    return box;
  }
}

/** The innermost state that has both, or is one of them. */
function commonPlace(one: AnyStateNode, other: AnyStateNode): AnyStateNode | undefined {
  let place: AnyStateNode | undefined = one;
  while (place !== undefined && place !== other && !isIn(place, other)) place = parentOf(place);
  return place;
}

/** That of the place's parts in which the node is, or which it is. */
function partOf(place: AnyStateNode, node: AnyStateNode): AnyStateNode {
  const parent = parentOf(node);
  return parent === undefined || parent === place ? node : partOf(place, parent);
}

function isIn(place: AnyStateNode, node: AnyStateNode): boolean {
  const parent = parentOf(node);
  return parent !== undefined && (parent === place || isIn(place, parent));
}

function parentOf({ parent }: AnyStateNode): AnyStateNode | undefined {
  return parent as AnyStateNode | undefined;
}
