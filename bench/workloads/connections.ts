// Connections that begin and end.
import { c, erlang, node, type Workload } from "../workload.ts";

export function connectionWorkloads(): Workload[] {
  const perSecond = { unit: "connections/s", isMoreBetter: true, kind: "rounds" } as const;
  const server = c("connections", "accept");
  const measured = c("connections", "be-greeted");
  const tlsServer = node("echo-server", "net `data`", "tls");
  const tlsClient = node("connect", "tls, one secure context for all");
  return [
    {
      ...perSecond,
      name: "connect",
      title: "connected and reset, one after the other",
      contestants: [
        { name: "net", server, measured: node("connect", "net") },
        { name: "connect, abort", server, measured: node("connect", "connect, abort") },
        { name: "Erlang", server, measured: erlang("tcp_peer", "connect") },
        { name: "C", server, measured: c("connections", "connect") },
      ],
    },
    {
      ...perSecond,
      name: "connect-tls",
      title: "whole TLS handshakes and an orderly end, one after the other, clients",
      contestants: ["tls", "tls, one secure context for all", "tls connect, close"].map((name) => ({
        name,
        server: tlsServer,
        measured: node("connect", name),
      })),
    },
    {
      ...perSecond,
      name: "accept",
      title: "accepted and greeted with a byte, one after the other",
      beside: { unit: "µs of the client" },
      contestants: [
        ...["net", "accept", "accept, process for each", "startServer"].map((name) => ({
          name,
          server: node("greeter", name),
          measured,
        })),
        { name: "Erlang", server: erlang("tcp_peer", "accept"), measured },
        { name: "C", server: c("connections", "accept", "greeting"), measured },
      ],
    },
    {
      ...perSecond,
      name: "accept-tls",
      title: "whole TLS handshakes and an orderly end, one after the other, servers",
      beside: { unit: "µs of the client" },
      contestants: [
        { name: "tls", server: tlsServer, measured: tlsClient },
        ...["accept, callback owner", "startServer, actor"].map((name) => ({
          name,
          server: node("echo-server", name, "tls"),
          measured: tlsClient,
        })),
      ],
    },
  ];
}
