// Time and chance as they are.

import { randomInt } from "node:crypto";
import type { World } from "./answers.ts";

export const world: World = { now: () => new Date(), roll: (sides) => randomInt(1, sides + 1) };
