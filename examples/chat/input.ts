// What a client sends, as lines: half a line waits for its other half, and a line that is too long is skipped.

import { LINE_FEED, MAX_LINE_BYTES } from "./irc.ts";

/** A line, or that there was one which was too long. */
export type Input = { readonly type: "Line"; readonly line: string } | { readonly type: "TooLong" };

/** The beginning of a line whose end has not come, or that a line is skipped up to its end. */
export type Unended = Buffer | "Skipped";

/**
 * Cuts the bytes that came after `unended` into lines. However they were cut into packets, the lines are the same, and no
 * more than one line's bytes ever wait.
 */
export function takeInput(unended: Unended, data: Buffer): { readonly input: readonly Input[]; unended: Unended } {
  const input: Input[] = [];
  const bytes = unended === "Skipped" ? data : Buffer.concat([unended, data]);
  let isSkipped = unended === "Skipped";
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    if (isSkipped) isSkipped = false;
    else if (end - start >= MAX_LINE_BYTES) input.push({ type: "TooLong" });
    else input.push({ type: "Line", line: bytes.toString("utf8", start, end).replace(/\r$/, "") });
    start = end + 1;
  }
  if (isSkipped) return { input, unended: "Skipped" };
  // A copy, so that three waiting bytes do not keep a whole packet in memory.
  if (bytes.length - start < MAX_LINE_BYTES) return { input, unended: Buffer.from(bytes.subarray(start)) };
  input.push({ type: "TooLong" }); // its line feed would already be too much
  return { input, unended: "Skipped" };
}
