import net from "node:net";

/** An IP address and port, or a unix socket's path and 0. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/** A longer path of a unix socket would be cut off by the system, in silence. */
export const longestPathBytes = 107;

/** Whether `text` is an address rather than a name, and of which IP version. */
export function familyOf(text: string): 4 | 6 | undefined {
  const family = net.isIP(text);
  return family === 4 || family === 6 ? family : undefined;
}
