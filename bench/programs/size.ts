// How large what is loaded is: `size <entry point>` prints KiB of its minified bundle, and of that in gzip; `size package` the
// same of the package, unpacked and packed.
import { execFileSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const [what = ""] = process.argv.slice(2);
const [all, packed] = what === "package" ? packageBytes() : bundleBytes(what);
console.log(`${all / 1024} ${packed / 1024}`);

function bundleBytes(entryPoint: string): [number, number] {
  const { outputFiles } = buildSync({
    stdin: { contents: `export * from ${JSON.stringify(entryPoint)};`, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    platform: "node",
    format: "esm",
    external: ["xstate"],
  });
  const [{ contents } = { contents: new Uint8Array() }] = outputFiles;
  return [contents.length, gzipSync(contents).length];
}

function packageBytes(): [number, number] {
  const printed = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { encoding: "utf8" });
  const [{ unpackedSize, size }] = JSON.parse(printed) as [{ unpackedSize: number; size: number }];
  return [unpackedSize, size];
}
