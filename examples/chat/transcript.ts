// How the conversation looks on a terminal or in a file.

import { styleText } from "node:util";
import type { BotEvent } from "./bot.ts";

const NAME_WIDTH = 12;

/** What stands where nobody's name does. */
export const margin = " ".repeat(NAME_WIDTH + 2);

/** One line of the transcript: who in a column of its own, then what. */
export function transcriptLine(event: BotEvent, inColour: boolean): string {
  const paint = (style: "cyan" | "dim", text: string) => (inColour ? styleText(style, text) : text);
  if (event.type === "Lost") return `${margin}${printable(event.why)} Again in ${event.retryInMs / 1_000} s.`;
  const name = paint("cyan", printable(event.nick).padStart(NAME_WIDTH));
  switch (event.type) {
    case "Came":
      return `${name}  ${paint("dim", "-> comes in")}`;
    case "Said":
      return `${name}  ${printable(event.text)}`;
    case "Left":
      return `${name}  ${paint("dim", `<- leaves${event.why === "" ? "" : `: ${printable(event.why)}`}`)}`;
  }
}

/** Without control characters: what strangers say must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "");
}
