// Joins the modules that `tsc` has written into few files: Node takes a third of a millisecond for each file that a program
// imports, and the entry points have sixty. What several of them need is a file of its own, so each loads no more than it
// needs. Maps lead from there to the sources, and the declarations stay as they are.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { rollup } from "rollup";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entries = Object.values(exports).flatMap((entry) => entry.default ?? []);

/** What `tsc` says of where a line comes from. */
const maps = {
  name: "maps",
  load: (id) => {
    const map = `${id}.map`;
    if (existsSync(map)) return { code: readFileSync(id, "utf8"), map: JSON.parse(readFileSync(map, "utf8")) };
  },
};

const bundle = await rollup({
  input: entries.map((entry) => join(root, entry)),
  external: (id) => !id.startsWith(".") && !id.startsWith("/"),
  plugins: [maps],
  preserveEntrySignatures: "strict",
  onwarn: ({ message }) => {
    throw new Error(message);
  },
});
for (const file of readdirSync(dist, { recursive: true })) if (/\.js(\.map)?$/.test(file)) rmSync(join(dist, file));
await bundle.write({
  dir: dist,
  format: "es",
  sourcemap: true,
  chunkFileNames: "shared/[name].js",
  hoistTransitiveImports: false,
});
await bundle.close();
