// A bar for each figure, as an SVG that can be read on a light and on a dark page.

export interface Bar {
  readonly name: string;
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface Chart {
  readonly title: string;
  readonly caption: string;
  /** What is 1. */
  readonly unitName: string;
  readonly bars: readonly Bar[];
}

const width = 760;
/** Of a wide letter: what is not known here is the font. */
const letterWidth = 7.2;
const figureWidth = 60;
const rowHeight = 24;
const barHeight = 14;
const top = 64;

const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px }
  .caption { font-size: 11px; fill: #57606a }
  .bar { fill: #4078c0 }
  .first { fill: #8c959f }
  .spread, .one { stroke: #24292f; fill: none }
  .one { stroke-dasharray: 3 3; opacity: 0.6 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .caption { fill: #9198a1 }
    .bar { fill: #6ca4f8 }
    .first { fill: #6e7681 }
    .spread, .one { stroke: #e6edf3 }
  }`;

export function barChart({ title, caption, unitName, bars }: Chart): string {
  const most = Math.max(1, ...bars.map(({ high }) => high));
  const nameWidth = 24 + letterWidth * Math.max(...bars.map(({ name }) => shown(name).length));
  const scale = (width - nameWidth - figureWidth) / most;
  const height = top + bars.length * rowHeight + 12;
  const one = nameWidth + scale;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<style>${style}
</style>
<text class="title" x="8" y="20">${escaped(title)}</text>
<text class="caption" x="8" y="40">${escaped(`${caption}; ${unitName} is 1`)}</text>
${bars.map((bar, row) => barOf(bar, row, nameWidth, scale)).join("\n")}
<path class="one" d="M${round(one)} ${top - 8}V${height - 8}"/>
</svg>
`;
}

function barOf({ name, low, median, high }: Bar, row: number, nameWidth: number, scale: number): string {
  const y = top + row * rowHeight;
  const middle = y + barHeight / 2;
  const x = (figure: number): number => round(nameWidth + figure * scale);
  return `<text x="${x(0) - 8}" y="${y + 11}" text-anchor="end">${escaped(name)}</text>
<rect class="${row === 0 ? "first" : "bar"}" x="${x(0)}" y="${y}" width="${round(median * scale)}" height="${barHeight}"/>
<path class="spread" d="M${x(low)} ${middle}H${x(high)}"/>
<text x="${x(Math.max(median, high)) + 6}" y="${y + 11}">${median.toFixed(2)}</text>`;
}

function round(figure: number): number {
  return Math.round(figure * 10) / 10;
}

function escaped(text: string): string {
  return shown(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/** Markdown's ticks say nothing in a picture. */
function shown(text: string): string {
  return text.replaceAll("`", "");
}
