// Round trips of 64 bytes, one by one on each connection: `echo-client <client> <transport> <connections> <address>`.
import { clients } from "./echo-clients.ts";
import { standBy } from "./rounds.ts";
import { transportNamed } from "./transports.ts";

const [name = "", transport, connections, address = ""] = process.argv.slice(2);
const payload = Buffer.alloc(64, 1);
const nothing = Buffer.alloc(0);

let bytes = 0;
let isOver = true;
/** Connections whose last answer has not come. */
let underWay = 0;
let finish: (trips: number) => void = () => undefined;

const client = clients[name];
if (client === undefined) throw new Error(`There is no client ${name}`);
const begin: ((data: Buffer) => void)[] = [];
for (let i = 0; i < Number(connections); i++) begin.push(await client(transportNamed(transport), address, answer));

standBy((milliseconds) => {
  bytes = 0;
  isOver = false;
  underWay = begin.length;
  setTimeout(() => (isOver = true), milliseconds);
  for (const one of begin) one(payload);
  return new Promise<number>((resolve) => (finish = resolve));
});

function answer(data: Buffer): Buffer {
  bytes += data.length;
  if (!isOver) return data;
  if (--underWay === 0) finish(bytes / payload.length);
  return nothing;
}
