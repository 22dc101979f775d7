import { inspect } from "node:util";
import type { SecureContext } from "node:tls";
import type { ServerHandshake } from "./handshake.ts";
import { checkServerOptions, type TlsServerOptions } from "./options.ts";
import { secureContext } from "./secure-context.ts";

declare const serverContext: unique symbol;

/** The certificates and rules of a server, for any number of connections. */
export interface TlsServerContext {
  readonly [serverContext]: true;
}

/**
 * Reads the certificates and rules of a server, once for all its connections.
 *
 * @throws TypeError or RangeError for options that nobody can serve with, unreadable PEM among them
 * Source: the options of `ssl:listen`.
 */
export function newServerContext(options: TlsServerOptions): TlsServerContext {
  return makeServerContext("make a server context", options);
}

/**
 * Replaces the certificates and rules, as when a certificate has been renewed: for every handshake that begins from now
 * on. Connections that stand stay as they are; sessions from before are not resumed.
 *
 * @throws as `newServerContext`, and then everything is as it was
 */
export function replaceServerContext(context: TlsServerContext, options: TlsServerOptions): void {
  const action = "replace a server context";
  contextOf(context, action).current = read(action, options);
}

/** @internal As `newServerContext`, for who wants one to do something else with. */
export function makeServerContext(action: string, options: TlsServerOptions): TlsServerContext {
  const context = new ServerContext(read(action, options));
  return context as unknown as TlsServerContext; // the brand has no run-time form
}

/** What one set of options comes to. */
interface Readings {
  readonly options: TlsServerOptions;
  readonly context: SecureContext;
  /** By names in lower case. */
  readonly byName: ReadonlyMap<string, SecureContext>;
}

function read(action: string, options: TlsServerOptions): Readings {
  checkServerOptions(action, options);
  const byName = Object.entries(options.sniHosts ?? {}).map(
    ([name, credentials]) => [name.toLowerCase(), secureContext(action, options, credentials)] as const,
  );
  return { options, context: secureContext(action, options), byName: new Map(byName) };
}

/** @internal */
export class ServerContext {
  current: Readings;

  constructor(current: Readings) {
    this.current = current;
  }

  get handshake(): ServerHandshake {
    const { options, context, byName } = this.current;
    return {
      context,
      contextFor: byName.size === 0 ? undefined : (serverName) => contextIn(byName, serverName) ?? context,
      verifies: options.verify === "VerifyPeer",
      failsIfNoPeerCert: options.failIfNoPeerCert ?? true,
      protocols: options.alpnPreferredProtocols,
    };
  }

  // Keys must not come into a log by way of the object that holds them.
  toJSON(): object {
    return { type: "TlsServerContext" };
  }

  [inspect.custom](): string {
    return "TlsServerContext {}";
  }
}

/** Of the name itself or, one label below, of `*`. */
function contextIn(byName: Readings["byName"], serverName: string): SecureContext | undefined {
  const name = serverName.toLowerCase();
  return byName.get(name) ?? byName.get(name.replace(/^[^.]*/, "*"));
}

/** @internal The state behind the handle. */
export function contextOf(context: TlsServerContext, action: string): ServerContext {
  const found: unknown = context;
  if (found instanceof ServerContext) return found;
  // Not shown: it may be the options of one, with the key.
  throw new TypeError(`Cannot ${action}: expected a server context, as newServerContext makes it`);
}

/** @internal */
export function isServerContext(value: unknown): value is TlsServerContext {
  return value instanceof ServerContext;
}
