import { describe, expect, test } from "@jest/globals";
import { replaceServerContext } from "tankard/tls";
import { credentials } from "../support/certificates.ts";

describe("replaceServerContext", () => {
  test("shows no key of options that are taken for a context", () => {
    const options = credentials("localhost");
    expect(() => {
      replaceServerContext(options as never, options);
    }).toThrow(/^Cannot replace a server context: expected a server context, as newServerContext makes it$/);
  });
});
