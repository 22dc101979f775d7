import { checkMailboxOptions, type MailboxOptions } from "../process/mailbox-bound.ts";
import { checkOptionNames } from "../process/option-names.ts";
import { valueText } from "../process/value-text.ts";
import type { ListenOptions } from "../tcp/listen.ts";
import { checkBoolean, checkMilliseconds } from "../tcp/option-checks.ts";
import { type SocketOptions, socketOptionNames } from "../tcp/options.ts";
import type { TlsServerOptions } from "../tls/options.ts";
import { isServerContext, makeServerContext, type TlsServerContext } from "../tls/server-context.ts";
import { isCrash, type ServerEvent } from "./events.ts";
import type { Connection } from "./handler.ts";

/** Says which addresses are kept out: Node's `net.BlockList` is one. */
export interface AddressFilter {
  check(address: string, family: "ipv4" | "ipv6"): boolean;
}

/** Where a server listens, whom it lets in, and how long it waits for whom. */
export interface ServerOptions extends ListenOptions {
  /** Connections served at a time. Default `Infinity`. */
  readonly maxConnections?: number | undefined;
  /** Connections that wait, unread, while `maxConnections` are served; one more is reset. Default 511. */
  readonly maxWaiting?: number | undefined;
  /** Connections served and waiting from one address. Default `Infinity`. */
  readonly maxPerAddress?: number | undefined;
  /** Addresses whose connections are reset at once. */
  readonly blockList?: AddressFilter | undefined;
  /**
   * Whether each connection begins with the header of the PROXY protocol, version 1 or 2, which says whom a proxy
   * connects for. `maxPerAddress` and `blockList` see the proxy. Default false.
   */
  readonly proxyProtocol?: boolean | undefined;
  /**
   * Speaks TLS on every connection, behind the header of the PROXY protocol where there is one: the handler hears of a
   * connection when hands are shaken. A context of `newServerContext` can be replaced while the server runs. Default:
   * plain text; see `withUpgrade` and `upgrade` for protocols that begin so.
   */
  readonly tls?: TlsServerOptions | TlsServerContext | undefined;
  /**
   * Milliseconds that the peer gets before the handler: for the header of the PROXY protocol and the TLS handshake
   * together, and for that of a `withUpgrade`. Default 5000; `handshakeTimeout` of `tls` counts where it is shorter.
   */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * Milliseconds that a connection waits for a packet it has asked for, then it closes. Default 60000; people who type
   * want more. For handlers with `onPacket`.
   */
  readonly readTimeoutMs?: number | undefined;
  /** Milliseconds without a byte in either direction, then the connection closes, within a quarter more. Default `Infinity`. */
  readonly idleTimeoutMs?: number | undefined;
  /** Milliseconds that a handler's `init` may take. Default 5000. */
  readonly initTimeoutMs?: number | undefined;
  /** Milliseconds that connections get to end in when the server stops with the tree that it is in. Default 15000. */
  readonly drainTimeoutMs?: number | undefined;
  /**
   * The bound of the mailboxes of those who serve connections. One who waits for a peer that does not read does not take
   * its messages either. Default: the runtime's.
   */
  readonly mailbox?: MailboxOptions | undefined;
  /** Hears what happens. Default: a crash of a handler is a warning of the program (`process.on("warning")`), nothing else is said. */
  readonly onEvent?: ((event: ServerEvent) => void) | undefined;
}

type OwnOptions = Omit<ServerOptions, keyof ListenOptions>;

/** @internal */
export type ServerSettings = {
  readonly [Name in Exclude<keyof OwnOptions, "mailbox" | "tls">]-?: Exclude<OwnOptions[Name], undefined>;
} & {
  readonly mailbox: MailboxOptions | undefined;
  readonly tls: TlsServerContext | undefined;
  readonly listen: ListenOptions;
};

// The record lets the compiler miss none.
const ownNames = Object.keys({
  maxConnections: true,
  maxWaiting: true,
  maxPerAddress: true,
  blockList: true,
  proxyProtocol: true,
  tls: true,
  handshakeTimeoutMs: true,
  readTimeoutMs: true,
  idleTimeoutMs: true,
  initTimeoutMs: true,
  drainTimeoutMs: true,
  mailbox: true,
  onEvent: true,
} satisfies Record<keyof OwnOptions, true>);
const listenNames = ["host", "port", "path", "backlog", ...socketOptionNames] as readonly (
  keyof ListenOptions | keyof SocketOptions
)[];

const nobody: AddressFilter = { check: () => false };

/**
 * Checks what `startServer` was given and fills in the defaults; what belongs to the listening socket, `listen` checks.
 *
 * @throws TypeError or RangeError for the first thing that is wrong, with the value in the text
 *
 * @internal
 */
export function checkServerOptions(options: ServerOptions): ServerSettings {
  const action = "start a server";
  checkOptionNames(action, options, [...listenNames, ...ownNames]);
  const { maxConnections = Infinity, maxWaiting = 511, maxPerAddress = Infinity } = options;
  const { readTimeoutMs = 60_000, idleTimeoutMs = Infinity, initTimeoutMs = 5_000, drainTimeoutMs = 15_000 } = options;
  const { proxyProtocol = false, handshakeTimeoutMs = 5_000 } = options;
  const { mailbox, tls, blockList = nobody, onEvent = warnOfCrashes } = options;
  checkCount(action, "maxConnections", maxConnections, 1);
  checkCount(action, "maxWaiting", maxWaiting, 0);
  checkCount(action, "maxPerAddress", maxPerAddress, 1);
  checkBoolean(action, "proxyProtocol", proxyProtocol);
  const times = { handshakeTimeoutMs, readTimeoutMs, idleTimeoutMs, initTimeoutMs, drainTimeoutMs };
  for (const [name, value] of Object.entries(times)) checkMilliseconds(action, name, value);
  if (typeof blockList.check !== "function")
    throw new TypeError(`Cannot ${action}: blockList must be a net.BlockList, received ${valueText(blockList)}`);
  if (typeof onEvent !== "function")
    throw new TypeError(`Cannot ${action}: onEvent must be a function, received ${valueText(onEvent)}`);
  if (mailbox !== undefined) checkMailboxOptions(action, mailbox);
  const listen = Object.fromEntries(Object.entries(options).filter(([name]) => !ownNames.includes(name)));
  return {
    maxConnections,
    maxWaiting,
    maxPerAddress,
    blockList,
    proxyProtocol,
    tls: tls === undefined || isServerContext(tls) ? tls : makeServerContext(action, tls),
    ...times,
    mailbox,
    onEvent: guarded(onEvent),
    listen: listen as unknown as ListenOptions,
  };
}

function checkCount(action: string, name: string, value: number, least: number): void {
  if (value === Infinity || (Number.isInteger(value) && value >= least)) return;
  throw new RangeError(
    `Cannot ${action}: ${name} must be a whole number, at least ${least}, or Infinity, received ${valueText(value)}`,
  );
}

/** What it throws is nobody's here: an uncaught exception, after what it was told of has had its way. */
function guarded(onEvent: (event: ServerEvent) => void): (event: ServerEvent) => void {
  return (event) => {
    try {
      onEvent(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

/** The connection whose handler threw, and what. */
function crashOf(event: ServerEvent): { readonly connection: Connection; readonly reason: unknown } | undefined {
  if (event.type === "CloseFailed") return event;
  if (event.type !== "ConnectionClosed" || !isCrash(event.reason)) return undefined;
  return { connection: event.connection, reason: event.reason.reason };
}

/** A handler that throws is a bug, and one that nobody hears of is found by nobody. */
function warnOfCrashes(event: ServerEvent): void {
  const crash = crashOf(event);
  if (crash === undefined) return;
  const { id, remoteAddress, remotePort } = crash.connection;
  const detail = crash.reason instanceof Error ? crash.reason.stack : valueText(crash.reason);
  process.emitWarning(`Connection ${id} of ${remoteAddress}:${remotePort} crashed`, {
    type: "Crash",
    detail: detail ?? "",
  });
}
