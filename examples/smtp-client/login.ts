// How a client says who it is (RFC 4954): by AUTH PLAIN, in one line, or by AUTH LOGIN, in two.

export type Mechanism = "PLAIN" | "LOGIN";

export interface Login {
  readonly user: string;
  readonly password: string;
  /** Default: the first of PLAIN and LOGIN that the server offers. */
  readonly mechanism?: Mechanism | undefined;
  /** Whether the password may be said where anybody between the two can read it. Default false. */
  readonly isPlainTextAllowed?: boolean | undefined;
}

/** The way to log in, of those that the server offers. */
export function mechanismFor({ mechanism }: Login, offered: readonly string[]): Mechanism | undefined {
  const known: readonly Mechanism[] = mechanism === undefined ? ["PLAIN", "LOGIN"] : [mechanism];
  return known.find((one) => offered.includes(one));
}

/** Who the client is, in one word: to act as nobody else, then user and password (RFC 4616). */
export function plainResponse({ user, password }: Login): string {
  return base64(`\0${user}\0${password}`);
}

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Why nobody can log in so, in one sentence; `undefined` where one can. */
export function whyNoLogin({ user, password, isPlainTextAllowed = false }: Login, isTls: boolean): string | undefined {
  if (user === "" || password === "") return "To log in, a user and a password are needed.";
  if (`${user}${password}`.includes("\0")) return "No user and no password has a NUL in it.";
  return isTls || isPlainTextAllowed
    ? undefined
    : "The password is not said in plain text: use TLS, or allow it for a server that you trust the way to.";
}
