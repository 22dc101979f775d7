// The pages with diagrams. A machine more is a line more here.

import type { AnyStateMachine } from "xstate";
import { ircBot } from "../../examples/irc-machine/machine.ts";
import { redisMachine } from "../../examples/redis-client/machine.ts";
import { smtpClient } from "../../examples/smtp-client/machine.ts";
import { client } from "../../examples/tcp-handshake/client.ts";
import { server } from "../../examples/tcp-handshake/server.ts";
import { mermaidOf } from "./mermaid.ts";

const machines: readonly (readonly [name: string, machine: AnyStateMachine, source: string])[] = [
  ["irc-machine", ircBot, "examples/irc-machine/machine.ts"],
  ["redis-client", redisMachine, "examples/redis-client/machine.ts"],
  ["smtp-client", smtpClient, "examples/smtp-client/machine.ts"],
  ["tcp-handshake-client", client, "examples/tcp-handshake/client.ts"],
  ["tcp-handshake-server", server, "examples/tcp-handshake/server.ts"],
];

/** Every page, its text by the name of its file. */
export const pages: ReadonlyMap<string, string> = new Map(
  machines.map(([name, machine, source]) => [`${name}.md`, page(name, machine, source)]),
);

function page(name: string, machine: AnyStateMachine, source: string): string {
  return `# ${name}

The machine of [${source}](../../${source}), written by \`npm run diagrams\`.
A box says what its state invokes, and which events it takes without an arrow, with what it does then. An arrow from the
inside of a box begins at its border, with the name of the state in brackets.

\`\`\`mermaid
${mermaidOf(machine)}\`\`\`
`;
}
