// Where a scenario takes place: what its time and its network are.

import type { ConnectError, ConnectionOptions, OwnedSocket, Owner, Result, Runtime } from "tankard";

export interface Place {
  readonly runtime: Runtime;
  sleep(milliseconds: number): Promise<void>;
  /** What `promise` gives, if it does so in time. */
  within<T>(promise: Promise<T>, milliseconds: number): Promise<{ readonly value: T } | undefined>;
  connect(options: ClientOptions): Promise<Result<OwnedSocket, ConnectError>>;
  listen(options: ServerOptions): Promise<Server>;
  /** A port on which nobody listens. */
  closedPort(ip: string): Promise<number>;
  /** The scenario is over: nothing that belongs to it is left. */
  close(): Promise<void>;
}

export type ClientOptions = ConnectionOptions & { readonly owner: Owner };

export interface ServerOptions {
  readonly ip: string;
  readonly port: number;
  /** Connects from IPv4 are refused. */
  readonly isIpv6Only: boolean;
}

/** A listening socket of the server's side. */
export interface Server {
  readonly port: number;
  /** Nothing where nobody comes. */
  accept(): Promise<Peer | undefined>;
  /** From now on the kernel ignores who wants to connect. */
  fillBacklog(): Promise<void>;
  close(): Promise<void>;
}

/** How reading to the end of a stream came out. */
export interface ReadToEnd {
  readonly how: "Fin" | "Rst" | "StillOpen";
  readonly data: Buffer;
}

/** The server's end of a connection: reads and writes only as it is told. */
export interface Peer {
  /** Resolves once the bytes are queued; waits while many are. */
  send(data: Uint8Array): Promise<"Ok" | "Closed" | "Econnreset">;
  /** `size` 0 takes what comes. */
  receive(size: number, milliseconds: number): Promise<Buffer | "Timeout" | "Closed" | "Econnreset">;
  /** Sends back what the last `receive` gave. */
  echo(): Promise<"Ok" | "Closed" | "Econnreset">;
  /** Reads until nothing has come for so long. */
  readToEnd(milliseconds: number): Promise<ReadToEnd>;
  /** Ends its writing side, where there is still a connection. */
  halfClose(): Promise<"Ok" | "Enotconn">;
  /** Ends both sides, and keeps the descriptor. */
  shutdown(): void;
  close(): Promise<void>;
  reset(): void;
}
