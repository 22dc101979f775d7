// A process as an XState actor. Compiled, never run.
import { connect, newSelector, type OwnSubject, receiveNextPacketAsMessage, tcpMessages, unwrap } from "tankard";
interface BotOptions {
  readonly host: string;
  readonly port: number;
  readonly nick: string;
  readonly rooms: readonly string[];
}
import { fromProcess, type ProcessArgs } from "tankard/xstate";
import { setup, createActor } from "xstate";
const child = fromProcess(
  async (
    self,
    events: OwnSubject<{ type: "leave" }>,
    { input, emit }: ProcessArgs<BotOptions, { type: "heard"; text: string }>,
  ) => {
    const socket = unwrap(await connect({ host: input.host, port: input.port, owner: self }));
    receiveNextPacketAsMessage(socket);
    const m = await self.receive(newSelector().select(events).merge(tcpMessages), 1000);
    if (m.ok && m.value.type === "Packet") emit({ type: "heard", text: m.value.data.toString("utf8") });
    return process.uptime(); // Node's own `process`: not shadowed
  },
);
createActor(child, { input: { host: "h", port: 1, nick: "n", rooms: [] } }).on("heard", (e) => e.text.length);
setup({ actors: { child } }).createMachine({
  invoke: {
    src: "child",
    input: { host: "h", port: 1, nick: "n", rooms: [] },
    onDone: {
      actions: ({ event }) => {
        event.output.toFixed();
      },
    },
  },
});
