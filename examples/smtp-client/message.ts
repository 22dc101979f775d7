// A mail: what it is, which one cannot be sent, and how its text looks on the wire.

export interface Mail {
  /** Empty: nobody wants to hear that it could not be delivered. */
  readonly from: string;
  readonly to: readonly string[];
  /** The header, an empty line and the body, with line ends of any kind. */
  readonly text: string;
}

/** Bytes of an address at most (RFC 5321, 4.5.3.1.3). */
const MAX_ADDRESS_BYTES = 254;

/**
 * Why the mail must not be sent, in one sentence; `undefined` where it may. Addresses stand in commands: one with a line
 * end in it would be a command of somebody else's.
 */
export function whyUnsendable({ from, to }: Mail): string | undefined {
  if (to.length === 0) return "The mail is to nobody.";
  const bad = [...(from === "" ? [] : [from]), ...to].find((address) => !isAddress(address));
  return bad === undefined
    ? undefined
    : `An address must be of ASCII characters without spaces, line ends, < and >, not ${JSON.stringify(bad)}.`;
}

function isAddress(text: string): boolean {
  return /^[!-;=?-~]+$/.test(text) && text.length <= MAX_ADDRESS_BYTES;
}

/** The text as it follows DATA: every line ends with CR LF, a line that begins with a dot has one more, and a dot ends it. */
export function wireText(text: string): string {
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.at(-1) === "") lines.pop();
  return [...lines.map((line) => (line.startsWith(".") ? `.${line}` : line)), ".", ""].join("\r\n");
}

export interface Letter extends Omit<Mail, "text"> {
  /** One line. */
  readonly subject: string;
  readonly body: string;
  readonly date: Date;
  readonly messageId: string;
}

/** Writes the header. What is no ASCII in the subject is encoded (RFC 2047), and with it any line end. */
export function compose({ from, to, subject, body, date, messageId }: Letter): Mail {
  const header = [
    `From: ${from}`,
    `To: ${to.join(", ")}`,
    `Subject: ${encodedWords(subject)}`,
    `Date: ${date.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${messageId}>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
  ];
  return { from, to, text: `${header.join("\n")}\n\n${body}` };
}

/** An encoded word has 75 characters at most: 45 bytes as base64, and characters stay whole. */
const MAX_WORD_BYTES = 45;

function encodedWords(text: string): string {
  if (/^[ -~]{0,900}$/.test(text) && !text.includes("=?")) return text;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > MAX_WORD_BYTES) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((part) => `=?UTF-8?B?${Buffer.from(part).toString("base64")}?=`).join("\n ");
}
