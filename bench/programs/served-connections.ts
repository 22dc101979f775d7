// What an idle connection keeps in an echo server, after one round trip: `served-connections <server> <transport> <count>`.
import { spawn } from "node:child_process";
import { servers } from "./echo-servers.ts";
import { printEach } from "./footprint.ts";
import { transportNamed } from "./transports.ts";

const [name = "", transport, count] = process.argv.slice(2);
const server = servers[name];
if (server === undefined) throw new Error(`There is no server ${name}`);
const address = await server(transportNamed(transport), undefined);

/** A program of its own, so that only one end is here. It ends with its standard input. */
const clientSource = `
const net = require("node:net");
process.stdin.resume().on("end", () => process.exit());
let left = Number(process.argv[1]), answered = 0;
const all = left;
const next = () => {
  if (left-- <= 0) return;
  const socket = net.connect(${address}, "127.0.0.1", () => socket.write(Buffer.alloc(64, 1)));
  socket.once("data", () => { if (++answered === all) console.log("all"); next(); }).on("error", () => {});
};
for (let i = 0; i < 50; i++) next();
`;

await printEach(Number(count), (more) => {
  const client = spawn(process.execPath, ["-e", clientSource, `${more}`], { stdio: ["pipe", "pipe", "inherit"] });
  return new Promise((resolve) => client.stdout.once("data", resolve));
});
