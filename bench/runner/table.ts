// What was measured, as Markdown.
import { type Measured, ratioOf } from "./results.ts";
import { spreadOf } from "./statistics.ts";

export function tableOf({ name, title, unit, beside, contestants, skipped, failed }: Measured): string {
  const [first] = contestants;
  if (first === undefined) return `\n\`${name}\`: nobody can take part here`;
  const columns = [
    `\`${name}\`: ${title}`,
    unit,
    `of ${first.name}`,
    "middle half",
    ...(beside === "" ? [] : [beside]),
  ];
  const rows = contestants.map((contestant) => {
    const ratio = ratioOf(contestant, first);
    const besides = contestant.beside.length === 0 ? "" : rounded(spreadOf(contestant.beside).median);
    return [
      contestant.name,
      rounded(spreadOf(contestant.figures).median),
      ratio.median.toFixed(2),
      `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`,
      ...(beside === "" ? [] : [besides]),
    ];
  });
  const absent = (names: readonly string[], why: string): void => {
    for (const missing of names) rows.push([missing, why, ...columns.slice(2).map(() => "")]);
  };
  absent(skipped, "SKIPPED");
  absent(failed, "FAILED");
  return `\n${markdown(columns, rows)}`;
}

/** The first column is text, the others are figures. */
export function markdown(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = columns.map((_, place) => (place === 0 ? "---" : "---:"));
  return [line(columns), line(rule), ...rows.map(line)].join("\n");
}

/** Three digits that say something. */
export function rounded(figure: number): string {
  if (!Number.isFinite(figure)) return "";
  if (Math.abs(figure) >= 100) return figure.toFixed(0);
  return figure.toPrecision(3).replace(/\.?0+$/, "") || "0";
}
