// What would end the program, kept from it.

import { turns } from "./turns.ts";

/** The uncaught exceptions while `action` runs, and a few turns of Node's loop after that. */
export async function uncaughtDuring(action: () => unknown): Promise<unknown[]> {
  const errors: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => errors.push(error));
  try {
    await action();
    await turns();
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
  return errors;
}
