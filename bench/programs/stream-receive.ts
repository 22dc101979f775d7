// A stream without end, received: `stream-receive <receiver> <transport> <address>`. The operations are bytes.
import { standBy } from "./rounds.ts";
import { receivers } from "./stream-receivers.ts";
import { transportNamed } from "./transports.ts";

const [name = "", transport, address = ""] = process.argv.slice(2);
const receiver = receivers[name];
if (receiver === undefined) throw new Error(`There is no receiver ${name}`);

let bytes = 0;
let end = 0;
let finish: (bytes: number) => void = () => undefined;

const begin = await receiver(transportNamed(transport), address, (byteCount) => {
  bytes += byteCount;
  if (performance.now() < end) return true;
  finish(bytes);
  return false;
});

standBy((milliseconds) => {
  bytes = 0;
  end = performance.now() + milliseconds;
  const finished = new Promise<number>((resolve) => (finish = resolve));
  begin();
  return finished;
});
