// What an idle connection keeps, with its owner, after one round trip: `idle-connections <client> <transport> <count> <address>`.
import { clients } from "./echo-clients.ts";
import { printEach } from "./footprint.ts";
import { transportNamed } from "./transports.ts";

const [name = "", transport, count, address = ""] = process.argv.slice(2);
const client = clients[name];
if (client === undefined) throw new Error(`There is no client ${name}`);
const payload = Buffer.alloc(64, 1);
const nothing = Buffer.alloc(0);
const kept: unknown[] = [];

await printEach(Number(count), async (more) => {
  let answered = 0;
  const answer = (): Buffer => {
    answered++;
    return nothing;
  };
  for (let i = 0; i < more; i++) {
    const begin = await client(transportNamed(transport), address, answer);
    kept.push(begin);
    begin(payload);
  }
  while (answered < more) await new Promise((resolve) => setTimeout(resolve, 10)); // nothing tells of it
});
