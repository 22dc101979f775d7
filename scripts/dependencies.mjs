// Installs the dependencies where they are missing or older than the lock file, so that `npm start` and `npm test`
// are each one command on a fresh clone. What was installed before is put back if the installation fails.
import { spawnSync } from "node:child_process";
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const installed = join(root, "node_modules");
const previous = join(root, ".node_modules.previous");

if (isStale()) process.exitCode = install();

function isStale() {
  // npm writes this file last, so an interrupted installation counts as missing.
  const written = statSync(join(installed, ".package-lock.json"), { throwIfNoEntry: false });
  const lock = statSync(join(root, "package-lock.json"), { throwIfNoEntry: false });
  return written === undefined || (lock !== undefined && written.mtimeMs < lock.mtimeMs);
}

function install() {
  console.error("The dependencies are missing or older than package-lock.json: running npm ci");
  const isKept = putAside();
  // Development dependencies too, whatever NODE_ENV says: they are what start and test run with.
  const npm = process.env.npm_execpath;
  const args = ["ci", "--include=dev"];
  const options = { cwd: root, stdio: ["ignore", 2, 2] };
  const { status, error } = npm?.endsWith(".js")
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
  if (status === 0) {
    rmSync(previous, { recursive: true, force: true });
    return 0;
  }

  if (isKept) {
    rmSync(installed, { recursive: true, force: true });
    renameSync(previous, installed);
  }
  const reason = error === undefined ? `exit code ${status}` : error.message;
  const kept = isKept ? ", the packages installed before are back in place" : "";
  console.error(`npm ci failed (${reason})${kept}. Is the package registry reachable? Then run npm ci again.`);
  return status || 1;
}

// npm ci deletes node_modules before it downloads.
function putAside() {
  rmSync(previous, { recursive: true, force: true });
  if (!existsSync(installed)) return false;
  try {
    renameSync(installed, previous);
    return true;
  } catch {
    return false; // a mount point cannot be moved: npm ci empties it then
  }
}
