// What a server can do, as it says in its answer to EHLO.

export interface Capabilities {
  readonly startTls: boolean;
  /** The ways to log in, in capital letters. */
  readonly mechanisms: readonly string[];
}

/** What is known of a server before it has said anything, and again behind STARTTLS. */
export const noCapabilities: Capabilities = { startTls: false, mechanisms: [] };

/** Reads the lines behind the first, which is the server's name. */
export function capabilitiesIn(text: string): Capabilities {
  const [, ...lines] = text.toUpperCase().split("\n");
  const services = lines.map((line) => line.trim().split(/[ \t]+/));
  return {
    startTls: services.some(([keyword]) => keyword === "STARTTLS"),
    mechanisms: services.flatMap(([keyword, ...words]) => (keyword === "AUTH" ? words : [])),
  };
}
