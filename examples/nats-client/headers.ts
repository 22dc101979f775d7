// The headers of a message, as NATS writes them: a version, with a status where the server itself speaks, then a line each.

/** In their order; a name may stand more than once. */
export type Headers = readonly (readonly [name: string, value: string])[];

const NONE = Buffer.alloc(0);

/** Other clients write headers, and the server lets anything through: a line that is no header is left out. */
export function parseHeaders(block: string): { readonly status: number | undefined; readonly headers: Headers } {
  const [first = "", ...lines] = block.split("\r\n");
  const [, status] = /^NATS\/1\.0[ \t]+(\d{3})(?:[ \t]|$)/.exec(first) ?? [];
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1).trim()] as const] : [];
  });
  return { status: status === undefined ? undefined : Number(status), headers };
}

/** Nothing where there are none. @throws TypeError for a name or a value that would be more than one line */
export function encodeHeaders(headers: Headers): Buffer {
  if (headers.length === 0) return NONE;
  const lines = headers.map(([name, value]) => {
    if (!/^[!-9;-~]+$/.test(name) || /[\r\n]/.test(value))
      throw new TypeError(`Cannot write a header: received ${JSON.stringify([name, value])}`);
    return `${name}: ${value}\r\n`;
  });
  return Buffer.from(`NATS/1.0\r\n${lines.join("")}\r\n`);
}
