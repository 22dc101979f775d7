// The other side of an IRC connection, over plain node:net: a client to a server, or a server's one connection.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

const WAIT_MS = 15_000;

export interface IrcPeer extends AsyncDisposable {
  readonly socket: Socket;
  /** Every line that came, in order, without its end. */
  readonly lines: readonly string[];
  write(data: string | Uint8Array): void;
  /** The first line that matches, of those that came and those that will, after the one found before. One at a time. */
  line(pattern: RegExp, withinMs?: number): Promise<string>;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<unknown>;
}

export interface IrcStub extends AsyncDisposable {
  readonly port: number;
  /** The next connection that comes. */
  accept(): Promise<IrcPeer>;
}

export async function ircClient(port: number): Promise<IrcPeer> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return ircPeer(socket);
}

/** A client that has said who it is and is in the channel. */
export async function ircMember(port: number, nick: string, channel: string): Promise<IrcPeer> {
  const client = await ircClient(port);
  client.write(`NICK ${nick}\r\nUSER ${nick} 0 * :${nick}\r\nJOIN ${channel}\r\n`);
  await client.line(/ 366 /);
  return client;
}

/** A server that does nothing by itself, on a free port or the one that is given. */
export async function ircStub(port = 0): Promise<IrcStub> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const peers = new Set<IrcPeer>();
  return {
    port: (server.address() as AddressInfo).port,
    accept: async () => {
      const [socket] = (await once(server, "connection", { signal: AbortSignal.timeout(WAIT_MS) })) as [Socket];
      const peer = ircPeer(socket);
      peers.add(peer);
      return peer;
    },
    [Symbol.asyncDispose]: async () => {
      for (const peer of peers) await peer[Symbol.asyncDispose]();
      server.close();
    },
  };
}

function ircPeer(socket: Socket): IrcPeer {
  const lines: string[] = [];
  let begun = "";
  let found = 0;
  let look = () => undefined as unknown;
  socket.setEncoding("utf8").on("data", (text: string) => {
    const whole = (begun + text).split(/\r?\n/);
    begun = whole.pop() ?? "";
    lines.push(...whole);
    look();
  });
  socket.on("error", () => undefined); // a reset is an end like another
  const closed = new Promise((resolve) => socket.once("close", resolve));

  return {
    socket,
    lines,
    closed,
    write: (data) => void socket.write(data),
    line: (pattern, withinMs = WAIT_MS) =>
      new Promise((resolve, reject) => {
        const tooLate = setTimeout(() => {
          reject(new Error(`No line like ${pattern} came, but ${lines.slice(found).join("\n")}`));
        }, withinMs);
        look = () => {
          let at = found;
          while (at < lines.length && !pattern.test(lines[at] ?? "")) at += 1;
          if (at === lines.length) return;
          clearTimeout(tooLate);
          look = () => undefined;
          found = at + 1;
          resolve(lines[at] ?? "");
        };
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
      await closed;
    },
  };
}

/** Lets a bot in, under the nick barkeep and into #tavern. */
export async function letIn(server: IrcStub): Promise<IrcPeer> {
  const connection = await server.accept();
  await connection.line(/^USER /);
  connection.write(":server 001 barkeep :Welcome\r\n:barkeep!b@host JOIN #tavern\r\n");
  await hasHeard(connection);
  return connection;
}

/** Writes to a bot, and resolves when it has dealt with all that was written to it. */
export async function hasHeard(connection: IrcPeer, before = ""): Promise<void> {
  connection.write(`${before}PING mark\r\n`);
  await connection.line(/^PONG mark$/);
}
