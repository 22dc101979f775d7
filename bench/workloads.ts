// Every workload, in the order in which they are measured.
import { find, MissingTool } from "./runner/toolbox.ts";
import type { Workload } from "./workload.ts";
import { connectionWorkloads } from "./workloads/connections.ts";
import { echoWorkloads } from "./workloads/echo.ts";
import { memoryWorkloads } from "./workloads/memory.ts";
import { packageWorkloads } from "./workloads/package.ts";
import { processWorkloads } from "./workloads/processes.ts";
import { streamWorkloads } from "./workloads/streams.ts";

/** `folder` is for unix sockets. */
export function workloadsIn(folder: string): Workload[] {
  const hasC = isHere("gcc");
  return [
    ...echoWorkloads(folder, hasC),
    ...streamWorkloads(),
    ...connectionWorkloads(),
    ...memoryWorkloads(),
    ...processWorkloads(),
    ...packageWorkloads(),
  ];
}

/** Where there is no C, Node's own server and client are the other side. */
function isHere(name: string): boolean {
  try {
    find(name, "");
    return true;
  } catch (error) {
    if (error instanceof MissingTool) return false;
    throw error;
  }
}
