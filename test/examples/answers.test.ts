import { describe, expect, test } from "@jest/globals";
import { answerTo, greeting, type World } from "../../examples/chat/answers.ts";

const world: World = { now: () => new Date("2026-01-02T03:04:05Z"), roll: (sides) => Math.ceil(sides / 2) };

describe("answerTo", () => {
  test.each([
    ["hello", "Good to see you, joe."],
    ["Hello, everybody!", "Good to see you, joe."],
    ["  hi  ", "Good to see you, joe."],
    ["!help", "I know !help, !time, !roll (try !roll 2d6) and !quit."],
    ["!time", "It is 03:04:05 UTC."],
    ["!roll", "joe rolls 1d6: 3"],
    ["!roll d20", "joe rolls 1d20: 10"],
    ["!roll 2d6", "joe rolls 2d6: 3 + 3 = 6"],
    ["!ROLL 3D10 please", "joe rolls 3d10: 5 + 5 + 5 = 15"],
  ])("says to %j: %j", (text, answer) => {
    expect(answerTo("joe", text, world)).toEqual({ type: "Say", text: answer });
  });

  test.each(["0d6", "21d6", "2d1", "2d1001", "2d", "d", "two", "2d6d6", "-1d6", "1e1d6", "99999d6", "2d6\u0000"])(
    "rolls no %j",
    (wish) => {
      expect(answerTo("joe", `!roll ${wish}`, world)).toEqual({
        type: "Say",
        text: "I can roll up to 20 dice of 2 to 1000 sides: try !roll 2d6.",
      });
    },
  );

  test("leaves when told to", () => {
    expect(answerTo("joe", "!quit", world)).toEqual({ type: "Leave", why: "joe sent me home" });
  });

  test.each(["", "   ", "nothing for a bot", "say hello", "!helpless", "hellogoodbye"])(
    "says nothing to %j",
    (text) => {
      expect(answerTo("joe", text, world)).toBeUndefined();
    },
  );

  test("says nothing that another bot would answer, so that two do not talk for ever", () => {
    const heard = ["hello", "!help", "!time", "!roll", "!roll 2d6", "!roll x"];
    const said = heard
      .map((text) => answerTo("joe", text, world))
      .map((answer) => (answer?.type === "Say" ? answer.text : ""));
    for (const text of [...said, greeting("joe")]) expect(answerTo("bot", text, world)).toBeUndefined();
  });
});
