// Round trips of one frame with a body of 64 bytes: `framed-echo-client <framing> <connections> <port>`.
import { connect, ownerFromCallback, type PacketType, receiveNextPacketAsMessage, send, unwrap } from "tankard";
import { encodeCommand, jsonLines, lengthPrefix, line, netstring, resp, varint } from "tankard/framing";
import { standBy } from "./rounds.ts";

const body = Buffer.alloc(64, "x");
const ended = Buffer.concat([body, Buffer.from("\n")]);

/** What cuts the stream, and what one frame is before a header is put in front of it. */
const framings: Record<string, { readonly packet: PacketType; readonly frame: Buffer }> = {
  raw: { packet: "raw", frame: body },
  '"line"': { packet: "line", frame: ended },
  "header of 1 byte": { packet: 1, frame: body },
  "header of 2 bytes": { packet: 2, frame: body },
  "header of 4 bytes": { packet: 4, frame: body },
  line: { packet: line(), frame: ended },
  lengthPrefix: { packet: lengthPrefix(4), frame: body },
  varint: { packet: varint(), frame: body },
  netstring: { packet: netstring(), frame: body },
  jsonLines: { packet: jsonLines(), frame: Buffer.from(`${JSON.stringify({ text: "x".repeat(53) })}\n`) },
  resp: { packet: resp(), frame: encodeCommand("ECHO", "x".repeat(40)) },
};

const [name = "", connections, port] = process.argv.slice(2);
const framing = framings[name];
if (framing === undefined) throw new Error(`There is no framing ${name}`);
const { packet, frame } = framing;

let trips = 0;
let isOver = true;
let underWay = 0;
let finish: (trips: number) => void = () => undefined;
const begin: (() => void)[] = [];

for (let i = 0; i < Number(connections); i++) {
  const owner = ownerFromCallback((message) => {
    if (message.type !== "Packet") throw new Error(`The connection is over: ${message.type}`);
    trips++;
    receiveNextPacketAsMessage(message.socket);
    if (!isOver) void send(message.socket, frame);
    else if (--underWay === 0) finish(trips);
  });
  const socket = unwrap(await connect({ host: "127.0.0.1", port: Number(port), packet, owner }));
  receiveNextPacketAsMessage(socket);
  begin.push(() => void send(socket, frame));
}

standBy((milliseconds) => {
  trips = 0;
  isOver = false;
  underWay = begin.length;
  setTimeout(() => (isOver = true), milliseconds);
  for (const one of begin) one();
  return new Promise<number>((resolve) => (finish = resolve));
});
