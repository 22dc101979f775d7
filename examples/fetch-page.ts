// Fetches a page over plain HTTP/1.1 and prints its status and its body, or with --head its headers. One passive socket
// is cut anew in mid-stream: in lines for what describes the body, in bytes for the body itself.
//
// Prints: 200 OK
//         Hello, Joe!

import { parseArgs } from "node:util";
import { sayUsage } from "./command-line/address.ts";
import { fetchPage, type Page } from "./fetch-page/fetch.ts";
import { printable } from "./fetch-page/head.ts";

const job = readCommandLine();
if (job === undefined) sayUsage("Usage: fetch-page [--head] http://HOST[:PORT]/PATH");
else await run(job.url, job.method);

async function run(url: URL, method: "GET" | "HEAD"): Promise<void> {
  const page = await fetchPage(url, method);
  if (page.ok) {
    print(page.value, method);
  } else {
    console.error(`Cannot fetch ${url.href}: ${page.error}.`);
    process.exitCode = 1;
  }
}

function print({ status, reason, headers, body }: Page, method: "GET" | "HEAD"): void {
  console.log(printable(`${status} ${reason}`.trimEnd()));
  if (method === "HEAD") for (const [name, value] of headers) console.log(printable(`${name}: ${value}`));
  process.stdout.write(body); // as it came, whatever it is
}

function readCommandLine(): { readonly url: URL; readonly method: "GET" | "HEAD" } | undefined {
  try {
    const { values, positionals } = parseArgs({ options: { head: { type: "boolean" } }, allowPositionals: true });
    const [address = "", ...more] = positionals;
    const url = new URL(address);
    // A name and a password in the address would be left out silently.
    if (more.length > 0 || url.protocol !== "http:" || url.username !== "" || url.password !== "") return undefined;
    return { url, method: values.head === true ? "HEAD" : "GET" };
  } catch {
    return undefined; // an option that there is not, or no address
  }
}
