import type { Framing } from "../framing/framing.ts";
import { checkOptionNames } from "../process/option-names.ts";
import { valueText } from "../process/value-text.ts";
import type { Owner } from "../process/owner.ts";
import {
  checkAddress,
  checkBoolean,
  checkByteSize,
  checkHost,
  checkMethods,
  checkMilliseconds,
  checkOneOf,
  checkPacket,
  checkPath,
  checkPort,
} from "./option-checks.ts";
import { type Lookup, systemLookup } from "./resolve.ts";

/**
 * Which IP versions `connect` tries for a host, and which of the two first. "Preferred" tries the other one after the
 * first has failed; an address literal of the version that is not tried is not found. "HappyEyeballs" looks both up at
 * once and tries their addresses in turns, IPv6 first, a new one every 250 milliseconds or when one has failed, until
 * the first connection stands; `timeout` is for both together then.
 *
 * Source: `mug.IpVersionPreference`; RFC 8305 for "HappyEyeballs", which mug has not.
 */
export type IpVersionPreference = "Ipv4Only" | "Ipv4Preferred" | "Ipv6Only" | "Ipv6Preferred" | "HappyEyeballs";

/**
 * How a stream is cut into packets: not at all (`"raw"`, as the bytes come), into lines, into bodies behind a header of
 * 1, 2 or 4 bytes that says their length, or by a framing of `tankard/framing` or of your own.
 *
 * Source: inet's `packet`, whose `line` keeps the ends of the lines; `raw` is its `0` too.
 */
export type PacketType = "raw" | "line" | 1 | 2 | 4 | Framing;

/** @internal */
export const defaultSendQueueLimit = 16 * 1024 * 1024;

/**
 * Where to connect to, and how the socket shall behave: plain data, so that it can be a machine's input. Every number
 * of milliseconds is 0 to 2^32 - 1 or `Infinity`, every number of bytes a whole one of at most 1 GiB; `connect` throws
 * for anything else, and for a name that is not an option's.
 *
 * Source: `mug.ConnectionOptions`, and inet for those that mug does not have. `path`, `readAhead`, `reuseBuffers`,
 * `sendQueueLimit` and what `linger` means are ours.
 */
export interface ConnectionOptions {
  /** A name or an address, in visible ASCII characters. A name is looked up as it is, never punycoded. */
  readonly host: string;
  /** 0 to 65535; nobody listens on 0. */
  readonly port: number;
  /** The path of a unix socket, to connect to instead of `host` and `port`, which are then ignored. */
  readonly path?: string | undefined;
  /** Milliseconds for each IP version tried. Default 1000. */
  readonly timeout?: number | undefined;
  /** Default `Ipv6Preferred`. */
  readonly ipVersionPreference?: IpVersionPreference | undefined;
  /** Whether small writes leave at once (no Nagle). Default true, where inet has false. */
  readonly nodelay?: boolean | undefined;
  /** Whether the system probes an idle peer. Default false. */
  readonly keepalive?: boolean | undefined;
  /** The address of this machine to connect from. Default: the system's choice. Source: inet's `ip`. */
  readonly localAddress?: string | undefined;
  /** The port to connect from, 0 to 65535. Default 0: the system's choice. Source: inet's `port`. */
  readonly localPort?: number | undefined;
  /** Bytes of one packet at most where the stream is `raw`, at least 1. Default 65536, where mug has 1460. */
  readonly buffer?: number | undefined;
  /**
   * Bytes that may be read ahead of what is asked for, at least 1; the rest waits in the kernel, which slows the peer
   * down. Default 65536.
   */
  readonly readAhead?: number | undefined;
  /**
   * Whether packets are lent: the `data` of each stands until the socket is asked for more, by anybody and in any way, and may
   * be written over then, also where it still waits in a mailbox. For whoever is done with a packet when it asks for the
   * next: what is to be kept is copied. What `send` was given leaves as it was. Other writes, to a file or a stream of
   * Node's, have to be done before more is asked for, and the memory must not be transferred. Packets that `setActive`
   * counts are not lent. A long stream is received faster so, above all on Node 24, as it leaves nothing to be collected.
   * It has an effect on TCP and unix sockets that `connect` made: others are read into memory of Node's. Default false.
   */
  readonly reuseBuffers?: boolean | undefined;
  /**
   * What is a packet: to receive it, and, for those with a header, to send it. Default `"raw"`. All but a `Framing` is
   * plain data. Frames that came together share their memory: copy a small one that is to be kept for long.
   */
  readonly packet?: PacketType | undefined;
  /**
   * Bytes of a packet's body at most where the stream is not `raw`, at least 1: the peer of one that is larger is cut off
   * with `Emsgsize`. Default 1048576. Source: inet's `packet_size`, whose default is 0, no limit.
   */
  readonly packetSize?: number | undefined;
  /**
   * A send waits while more than this many bytes are queued; at least 1. Default 65536, or `lowWatermark` where that
   * is more. Source: inet's `high_watermark`, which is 8192.
   */
  readonly highWatermark?: number | undefined;
  /**
   * A waiting send goes on once fewer than this many bytes are queued; from 1 to `highWatermark`. Default 32768, or
   * `highWatermark` where that is less. Source: inet's `low_watermark`, which is 4096.
   */
  readonly lowWatermark?: number | undefined;
  /** Bytes that waiting sends may hold; a send beyond it is `Enobufs` and nothing of it is sent. Default 16 MiB. */
  readonly sendQueueLimit?: number | undefined;
  /** Milliseconds a send may wait; then it is removed whole and says `Timeout`. Default `Infinity`, as in mug. */
  readonly sendTimeout?: number | undefined;
  /**
   * Milliseconds that queued bytes may take to leave after `close`, `shutdown` or the owner's end; then the connection
   * is reset. Default 30000.
   */
  readonly linger?: number | undefined;
  /** Whether a reset by the peer shows as `Econnreset` and not as a plain end. Default false. */
  readonly showEconnreset?: boolean | undefined;
  /** Whether the peer's end closes our sending side too once it is seen. Default true. Source: inet's `exit_on_close`. */
  readonly exitOnClose?: boolean | undefined;
}

/** What is alive in a call of `connect`, and no data. */
export interface ConnectContext<O extends Owner | undefined = Owner | undefined> {
  /** Gets the socket's messages; the socket closes when it ends. Without one the socket delivers no messages. */
  readonly owner?: O;
  /** Aborts the attempt, not a connection that has been made. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for all attempts together, the lookup included. Default `Infinity`. */
  readonly deadline?: number | undefined;
  /** Finds the addresses of `host`, in place of the system's resolver: Node's `dns.lookup`, or what caches it. */
  readonly lookup?: Lookup | undefined;
}

/**
 * The options to connect to a TCP server, all others at their defaults; `{ host, port }` is as good. Nothing is checked
 * before `connect`. Exported also as `new`.
 *
 * Source: `mug.new`, whose defaults `connect` fills in here.
 */
function newOptions(host: string, at: { readonly port: number }): ConnectionOptions {
  return { host, port: at.port };
}
export { newOptions, newOptions as new };

/** The same options with another `timeout`: milliseconds for each IP version tried. Source: `mug.timeout`. */
export function timeout(options: ConnectionOptions, milliseconds: number): ConnectionOptions {
  return { ...options, timeout: milliseconds };
}

/** The same options with another choice of IP versions. Source: `mug.ip_version_preference`. */
export function ipVersionPreference(options: ConnectionOptions, preference: IpVersionPreference): ConnectionOptions {
  return { ...options, ipVersionPreference: preference };
}

/** The options that any socket has, whoever made the connection. */
export type SocketOptions = Omit<
  ConnectionOptions,
  "host" | "port" | "path" | "timeout" | "ipVersionPreference" | "localAddress" | "localPort"
>;

/** Options as they are after the checks: what was left out is at its default. */
export type ResolvedSocketOptions = {
  readonly [Name in keyof SocketOptions]-?: Exclude<SocketOptions[Name], undefined>;
};

/** @internal What `connect` was given, as it is after the checks. */
export interface ResolvedOptions {
  /** All that the socket keeps of it. */
  readonly socket: ResolvedSocketOptions;
  /** Where it is given, there are no host and port. */
  readonly path: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly timeout: number;
  readonly ipVersionPreference: IpVersionPreference;
  readonly localAddress: string | undefined;
  readonly localPort: number;
  readonly owner: Owner | undefined;
  readonly signal: AbortSignal | undefined;
  readonly deadline: number;
  readonly lookup: Lookup;
}

/**
 * Checks what `connect` was given and fills in the defaults.
 *
 * @throws TypeError or RangeError for the first thing that is wrong: a name that is no option's, then, as in mug, the
 * timeout, the text of the host and the port, then the others
 *
 * @internal
 */
export function checkConnectOptions(options: ConnectionOptions & ConnectContext): ResolvedOptions {
  const action = "connect";
  checkOptionNames(action, options, connectOptionNames);
  const given = inOneShape(options);
  const { timeout = 1_000, ipVersionPreference = "Ipv6Preferred", deadline = Infinity } = given;
  const { host, port, path, localAddress, localPort = 0, owner, signal, lookup = systemLookup } = given;

  checkMilliseconds(action, "timeout", timeout);
  if (path === undefined) {
    checkHost(action, "host", host);
    checkPort(action, "port", port);
  } else {
    checkPath(action, "path", path);
  }
  checkOneOf(action, "ipVersionPreference", ipVersionPreference, ipVersionPreferences);
  if (localAddress !== undefined) checkAddress(action, "localAddress", localAddress);
  checkPort(action, "localPort", localPort);
  if (owner !== undefined) checkMethods(action, "owner", owner, ["deliver", "onExit"]);
  if (signal !== undefined) checkMethods(action, "signal", signal, ["addEventListener"]);
  checkMilliseconds(action, "deadline", deadline);
  if (typeof lookup !== "function")
    throw new TypeError(`Cannot ${action}: lookup must be a function, received ${valueText(lookup)}`);

  // No spread: V8 makes a hidden class of its own for each object that one is followed by more names in.
  return {
    socket: checkSocketOptions(given, action),
    path,
    host: path === undefined ? host : undefined,
    port: path === undefined ? port : undefined,
    timeout,
    ipVersionPreference,
    localAddress,
    localPort,
    owner,
    signal,
    deadline,
    lookup,
  };
}

/**
 * Checks the options of a socket, whoever made the connection, and fills in the defaults. The names are the caller's
 * to check: only it knows what else may stand beside them.
 *
 * @throws TypeError or RangeError, whose text begins with `Cannot` and the action
 *
 * @internal
 */
export function checkSocketOptions(options: SocketOptions, action: string): ResolvedSocketOptions {
  const {
    nodelay = true,
    keepalive = false,
    showEconnreset = false,
    exitOnClose = true,
    reuseBuffers = false,
  } = options;
  const { buffer = 65_536, readAhead = 65_536, sendQueueLimit = defaultSendQueueLimit } = options;
  const { sendTimeout = Infinity, linger = 30_000, packet = "raw", packetSize = 1_048_576 } = options;

  checkBoolean(action, "nodelay", nodelay);
  checkBoolean(action, "keepalive", keepalive);
  checkByteSize(action, "buffer", buffer, 1);
  checkByteSize(action, "readAhead", readAhead, 1);
  checkBoolean(action, "reuseBuffers", reuseBuffers);
  checkPacketOptions(action, { packet, packetSize });
  const { highWatermark, lowWatermark } = checkWatermarks(options, action);
  checkByteSize(action, "sendQueueLimit", sendQueueLimit, 0);
  checkMilliseconds(action, "sendTimeout", sendTimeout);
  checkMilliseconds(action, "linger", linger);
  checkBoolean(action, "showEconnreset", showEconnreset);
  checkBoolean(action, "exitOnClose", exitOnClose);

  return shared({
    nodelay,
    keepalive,
    buffer,
    readAhead,
    reuseBuffers,
    packet,
    packetSize,
    highWatermark,
    lowWatermark,
    sendQueueLimit,
    sendTimeout,
    linger,
    showEconnreset,
    exitOnClose,
  });
}

let lastChecked: ResolvedSocketOptions | undefined;

/** Sockets that are told the same, one after the other, keep one record of it. */
function shared(options: ResolvedSocketOptions): ResolvedSocketOptions {
  const last = lastChecked;
  if (last !== undefined && allSocketOptions.every((name) => last[name] === options[name])) return last;
  lastChecked = options;
  return options;
}

/** The options that an open socket can change. */
export type ChangeableOptions = Pick<SocketOptions, "packet" | "packetSize">;

/**
 * Checks what `setopts` was given.
 *
 * @throws TypeError or RangeError, as `checkSocketOptions`
 *
 * @internal
 */
export function checkChangeableOptions(action: string, options: ChangeableOptions): void {
  checkOptionNames(
    action,
    options,
    Object.keys({ packet: true, packetSize: true } satisfies Record<keyof ChangeableOptions, true>),
  );
  checkPacketOptions(action, options);
}

function checkPacketOptions(action: string, { packet, packetSize }: ChangeableOptions): void {
  if (packet !== undefined) checkPacket(action, "packet", packet);
  if (packetSize !== undefined) checkByteSize(action, "packetSize", packetSize, 1);
}

// As in inet_drv, the watermark that was left out gives way to the one that was given.
function checkWatermarks(options: SocketOptions, action: string): { highWatermark: number; lowWatermark: number } {
  const { highWatermark: high, lowWatermark: low } = options;
  if (high !== undefined) checkByteSize(action, "highWatermark", high, 1);
  if (low !== undefined) checkByteSize(action, "lowWatermark", low, 1);
  if (high !== undefined && low !== undefined && low > high) {
    throw new RangeError(`Cannot ${action}: lowWatermark must be at most highWatermark (${high}), received ${low}`);
  }
  return { highWatermark: high ?? Math.max(65_536, low ?? 0), lowWatermark: low ?? Math.min(32_768, high ?? Infinity) };
}

const ipVersionPreferences: readonly IpVersionPreference[] = [
  "Ipv4Only",
  "Ipv4Preferred",
  "Ipv6Only",
  "Ipv6Preferred",
  "HappyEyeballs",
];

const allSocketOptions = Object.keys({
  nodelay: true,
  keepalive: true,
  buffer: true,
  readAhead: true,
  reuseBuffers: true,
  packet: true,
  packetSize: true,
  highWatermark: true,
  lowWatermark: true,
  sendQueueLimit: true,
  sendTimeout: true,
  linger: true,
  showEconnreset: true,
  exitOnClose: true,
} satisfies Record<keyof SocketOptions, true>) as (keyof SocketOptions)[];

/** @internal For the callers of `checkSocketOptions` that check names. The record lets the compiler miss none. */
export const socketOptionNames: readonly string[] = allSocketOptions;

const connectOptionNames: readonly string[] = Object.keys(noConnectOptions());

function noConnectOptions(): Record<keyof (ConnectionOptions & ConnectContext), undefined> {
  return {
    host: undefined,
    port: undefined,
    path: undefined,
    timeout: undefined,
    ipVersionPreference: undefined,
    localAddress: undefined,
    localPort: undefined,
    owner: undefined,
    signal: undefined,
    deadline: undefined,
    lookup: undefined,
    nodelay: undefined,
    keepalive: undefined,
    buffer: undefined,
    readAhead: undefined,
    reuseBuffers: undefined,
    packet: undefined,
    packetSize: undefined,
    highWatermark: undefined,
    lowWatermark: undefined,
    sendQueueLimit: undefined,
    sendTimeout: undefined,
    linger: undefined,
    showEconnreset: undefined,
    exitOnClose: undefined,
  };
}

/**
 * The same, for V8. `{ ...server, owner }` has a hidden class of its own each time, and each name that is read of such
 * an object is a search: all of them took as long as a system call.
 */
function inOneShape(options: ConnectionOptions & ConnectContext): ConnectionOptions & ConnectContext {
  if (Object.getPrototypeOf(options) !== Object.prototype) return options; // a prototype's options count too
  return Object.assign(noConnectOptions(), options);
}
