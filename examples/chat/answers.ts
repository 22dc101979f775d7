// What the bot says to what it hears: plain functions, with time and chance handed in.

export type Answer = { readonly type: "Say"; readonly text: string } | { readonly type: "Leave"; readonly why: string };

/** What an answer may depend on beside the words. */
export interface World {
  readonly now: () => Date;
  /** A whole number from 1 to `sides`. */
  readonly roll: (sides: number) => number;
}

const MAX_DICE = 20;
const MAX_SIDES = 1000;

/** What to say to somebody who comes in. */
export function greeting(nick: string): string {
  return `Welcome, ${nick}! Say !help to see what I can do.`;
}

/** The answer to a line that `nick` said, if it asks for one. No answer asks for one: two bots do not talk for ever. */
export function answerTo(nick: string, text: string, world: World): Answer | undefined {
  const [word = "", ...rest] = text.trim().split(/\s+/);
  switch (word.toLowerCase().replace(/[,.!]+$/, "")) {
    case "hello":
    case "hi":
      return say(`Good to see you, ${nick}.`);
    case "!help":
      return say("I know !help, !time, !roll (try !roll 2d6) and !quit.");
    case "!time":
      return say(`It is ${world.now().toISOString().slice(11, 19)} UTC.`);
    case "!roll":
      return say(rolled(nick, rest[0] ?? "1d6", world));
    case "!quit":
      return { type: "Leave", why: `${nick} sent me home` };
    default:
      return undefined;
  }
}

function say(text: string): Answer {
  return { type: "Say", text };
}

function rolled(nick: string, wish: string, world: World): string {
  const [, count = "", sides = ""] = /^([0-9]{0,4})d([0-9]{1,4})$/i.exec(wish) ?? [];
  const dice = count === "" ? 1 : Number(count);
  if (sides === "" || dice < 1 || dice > MAX_DICE || Number(sides) < 2 || Number(sides) > MAX_SIDES) {
    return `I can roll up to ${MAX_DICE} dice of 2 to ${MAX_SIDES} sides: try !roll 2d6.`;
  }
  const eyes = Array.from({ length: dice }, () => world.roll(Number(sides)));
  const sum = eyes.reduce((total, eye) => total + eye, 0);
  const wording = `${nick} rolls ${dice}d${sides}:`;
  return dice === 1 ? `${wording} ${sum}` : `${wording} ${eyes.join(" + ")} = ${sum}`;
}
