// Lines of an XState user that must not compile, each for the reason that stands above it. Compiled, never run.
import { createActor, setup } from "xstate";
import { connect, newSelector, type OwnSubject, type Self, selectTcpMessages } from "tankard";
import { startServer } from "tankard/server";
import { newServerContext } from "tankard/tls";
import {
  actorOwner,
  actorSubject,
  fromConnect,
  fromMonitor,
  fromProcess,
  fromServer,
  fromTcpSocket,
  fromUpgrade,
  machineChild,
  machineHandler,
  type ProcessArgs,
  tcpSocketActions,
} from "tankard/xstate";

declare const self: Self;
const machine = createActor(setup({ types: { events: {} as { type: "x" } } }).createMachine({}));
const nope = selectTcpMessages(newSelector(), () => ({ type: "nope" }));
const { send, disarm, upgrade } = tcpSocketActions("tcp");

// @ts-expect-error an actor ref as an owner
await connect({ host: "h", port: 1, owner: machine });
// @ts-expect-error a selector with an event that the machine lacks
actorOwner(machine, nope);
// @ts-expect-error no selector, and the machine lacks the TCP messages
actorOwner(machine);
// @ts-expect-error a message that is no event of the actor
actorSubject(machine).send({ type: "y" });
// @ts-expect-error a selector with an event that is none of those named
fromTcpSocket<{ type: "x" }>(nope);
// @ts-expect-error wrong command to a socket
createActor(fromTcpSocket(), { input: { host: "h", port: 1 } }).send({ type: "sned" });
// @ts-expect-error a command without what it needs
createActor(fromTcpSocket(), { input: { host: "h", port: 1 } }).send({ type: "send" });
// @ts-expect-error an owner in an input that is data
createActor(fromConnect(), { input: { host: "h", port: 1, owner: self } });
// @ts-expect-error a server's context where a client connects
createActor(fromConnect(), { input: { host: "h", port: 1, tls: newServerContext({}) } });
// @ts-expect-error an option that TLS has not
upgrade({ caa: "PEM" });
// @ts-expect-error an upgrade of no socket
createActor(fromUpgrade(), { input: { tls: {} } });
// @ts-expect-error input without a port
setup({ actors: { tcp: fromTcpSocket() } }).createMachine({ invoke: { src: "tcp", input: { host: "h" } } });
// @ts-expect-error input missing
createActor(fromTcpSocket());
// @ts-expect-error data that cannot be sent
send(5);
// @ts-expect-error disarm takes nothing
disarm("x");
fromProcess((_self, _events: OwnSubject<{ type: "a" }>, { sendBack }: ProcessArgs<unknown, never, { type: "up" }>) => {
  // @ts-expect-error an event that the process does not send back
  sendBack({ type: "down" });
});
// @ts-expect-error an event that the process does not accept
createActor(fromProcess((_self, _events: OwnSubject<{ type: "a" }>) => 1)).send({ type: "b" });
// @ts-expect-error a machine that listens to an event it does not have
setup({ types: { events: {} as { type: "net.bytes" } } }).createMachine({ on: { "net.byte": {} } });
// @ts-expect-error a monitor without a target
createActor(fromMonitor(), { input: {} });
// @ts-expect-error an option that no server has
createActor(fromServer(), { input: { port: 0, maxConnection: 5 } });
// @ts-expect-error a command that no server has
createActor(fromServer(), { input: { port: 0 } }).send({ type: "stop" });

const greeter = setup({ types: { input: {} as { greeting: string } } }).createMachine({});
// @ts-expect-error the machine needs an input
machineChild(greeter, { id: "greeter" });
// @ts-expect-error and this is none
machineChild(greeter, { id: "greeter", input: () => ({ greeting: 5 }) });
// @ts-expect-error a handler that makes another input
await startServer({ port: 0 }, machineHandler(greeter, { input: () => ({}) }));
