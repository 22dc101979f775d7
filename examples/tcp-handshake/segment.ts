// A TCP segment, as a line of text that says it in the way of RFC 9293's figures: <SEQ=100><ACK=301><CTL=FIN,ACK>

/** Its type are its control bits, so it is a machine's event as it stands. */
export interface Segment {
  readonly type: "SYN" | "SYN,ACK" | "ACK" | "FIN,ACK";
  readonly seq: number;
  readonly ack: number;
}

export function lineOf({ type, seq, ack }: Segment): string {
  return `<SEQ=${seq}>${type === "SYN" ? "" : `<ACK=${ack}>`}<CTL=${type}>\n`;
}

/** The segments in the whole lines of `text`, and what comes after them. What is no segment is skipped. */
export function segmentsIn(text: string): { readonly segments: readonly Segment[]; readonly rest: string } {
  const segments: Segment[] = [];
  for (const [, seq, ack = "0", type] of text.matchAll(
    /^<SEQ=(\d+)>(?:<ACK=(\d+)>)?<CTL=(SYN|SYN,ACK|ACK|FIN,ACK)>\n/gm,
  ))
    segments.push({ type: type as Segment["type"], seq: Number(seq), ack: Number(ack) });
  return { segments, rest: text.slice(text.lastIndexOf("\n") + 1) };
}
