// TCP in TCP: two machines shake hands and part as RFC 9293 says, over a connection that has long done the same. An
// inspector of XState draws what they send in the way of the RFC's figures 6 and 12: states, arrows, segments.
//
// Prints: SYN-SENT    --> <SEQ=100><CTL=SYN>              --> SYN-RECEIVED
//         ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN-RECEIVED
//         ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>     --> ESTABLISHED
//         (Close)
//         FIN-WAIT-1  --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE-WAIT
//         FIN-WAIT-2  <-- <SEQ=301><ACK=102><CTL=ACK>     <-- CLOSE-WAIT
//                                                             (Close)
//         TIME-WAIT   <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST-ACK
//         TIME-WAIT   --> <SEQ=102><ACK=302><CTL=ACK>     --> CLOSED
//         (2 MSL)
//         CLOSED                                              CLOSED

import { createSimulatedClock } from "tankard/testing";
import { createActor, toPromise, waitFor } from "xstate";
import { client } from "./tcp-handshake/client.ts";
import { figure } from "./tcp-handshake/figure.ts";
import { server } from "./tcp-handshake/server.ts";

const clock = createSimulatedClock();
const inspect = figure(console.log);

const right = createActor(server, { input: { port: 0 }, inspect: inspect.right }).start();
const { port } = (await waitFor(right, ({ context }) => context.port > 0)).context;

const left = createActor(client, { input: { port }, inspect: inspect.left, clock }).start();
await waitFor(right, (snapshot) => snapshot.matches("ESTABLISHED"));

left.send({ type: "close" });
await waitFor(left, (snapshot) => snapshot.matches("FIN-WAIT-2"));
right.send({ type: "close" });
await toPromise(right);

await clock.advance(240_000); // four minutes pass in no time
await toPromise(left);
