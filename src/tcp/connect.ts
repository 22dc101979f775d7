import { Alarm } from "../process/alarm.ts";
import type { Owner } from "../process/owner.ts";
import { type RuntimeEngine, runtimeEngine } from "../process/runtime.ts";
import { err, type Result } from "../result.ts";
import { type ConnectAttempt, type ConnectError, reasonFromCode, type SocketError } from "./error.ts";
import type { OwnedSocket, Socket } from "./message.ts";
import {
  checkConnectOptions,
  type ConnectContext,
  type ConnectionOptions,
  type IpVersionPreference,
  type ResolvedOptions,
} from "./options.ts";
import { HappyEyeballs } from "./happy-eyeballs.ts";
import { addressesWithoutLookup, resolve } from "./resolve.ts";
import { SocketEngine } from "./socket-engine.ts";
import { familyOf, longestPathBytes } from "./address.ts";
import { type Destination, dial } from "./dial.ts";
import type { Transport } from "./transport.ts";

/**
 * Connects to a TCP server, or to a unix socket. Looks the host up in each IP version that `ipVersionPreference`
 * names, and tries the addresses one after the other; `timeout` is for each version, `deadline` for all together.
 * With an `owner` the socket can deliver messages to it and closes with it; without one it belongs to nobody and
 * lives until it is closed. The socket is passive: nothing is read before it is asked for.
 *
 * @returns the reason for each IP version tried, and all attempts; `ConnectAborted` where `signal` was aborted or the
 * owner ended meanwhile, and then nothing is left open
 * @throws TypeError or RangeError for options that no connection can have, with the value in the text
 * Source: `mug.connect`, `gen_tcp:connect`.
 */
export function connect<O extends Owner | undefined = undefined>(
  options: ConnectionOptions & ConnectContext<O>,
): Promise<Result<[O] extends [Owner] ? OwnedSocket : Socket, ConnectError>> {
  const resolved = checkConnectOptions(options);
  if (resolved.localAddress !== undefined && familyOf(resolved.localAddress) === undefined) {
    throw new TypeError(
      `Cannot connect: localAddress must be an IPv4 or IPv6 address, received "${resolved.localAddress}"`,
    );
  }
  const connected = new Connecting(resolved).run();
  return connected as Promise<Result<OwnedSocket, ConnectError>>;
}

/** How one step, a lookup or an attempt, ended. */
type Step<T> = { readonly value: T } | { readonly code: string };
/** What one IP version came to. */
type FamilyResult = { readonly transport: Transport } | { readonly reason: SocketError };

type Reasons = { [Family in 4 | 6]?: SocketError };

const outOfTime = "ETIME";

/** The IP versions that are tried one after the other. */
const inTurn: Readonly<Record<Exclude<IpVersionPreference, "HappyEyeballs">, readonly (4 | 6)[]>> = {
  Ipv4Only: [4],
  Ipv6Only: [6],
  Ipv4Preferred: [4, 6],
  Ipv6Preferred: [6, 4],
};

/** One call of `connect`. */
class Connecting {
  readonly #options: ResolvedOptions;
  readonly #runtime: RuntimeEngine;
  readonly #attempts: ConnectAttempt[] = [];
  readonly #until: number;
  #abortedBy: "Signal" | "OwnerExited" | undefined;
  /** Gives the step up that is under way. */
  #giveUp: (() => void) | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#runtime = runtimeEngine(options.owner?.runtime);
    this.#until = this.#runtime.clock.now() + options.deadline;
  }

  async run(): Promise<Result<SocketEngine, ConnectError>> {
    const { owner, signal } = this.#options;
    const onAbort = (): void => {
      this.#abort("Signal");
    };
    if (signal?.aborted === true) this.#abort("Signal");
    signal?.addEventListener("abort", onAbort);
    const leaveOwner = owner?.onExit(() => {
      this.#abort("OwnerExited");
    }, "resource");
    this.#runtime.activity.hold();
    try {
      const result = await (this.#options.path === undefined
        ? this.#connectHost()
        : this.#connectPath(this.#options.path));
      if (this.#abortedBy === undefined) return result;
      if (result.ok) result.value.abort();
      return err({ type: "ConnectAborted", cause: this.#abortedBy, attempts: this.#attempts });
    } finally {
      this.#runtime.activity.release();
      signal?.removeEventListener("abort", onAbort);
      leaveOwner?.();
    }
  }

  #abort(cause: "Signal" | "OwnerExited"): void {
    this.#abortedBy ??= cause;
    this.#giveUp?.();
  }

  async #connectHost(): Promise<Result<SocketEngine, ConnectError>> {
    const { ipVersionPreference } = this.#options;
    if (ipVersionPreference === "HappyEyeballs") return this.#race();
    const reasons: Reasons = {};
    for (const family of inTurn[ipVersionPreference]) {
      const result = await this.#tryFamily(family);
      if ("transport" in result) return this.#socket(result.transport);
      reasons[family] = result.reason;
    }
    return err(failure(reasons[4], reasons[6], this.#attempts));
  }

  /** Both IP versions at once: their time is one. */
  async #race(): Promise<Result<SocketEngine, ConnectError>> {
    const { host = "", port = 0, localAddress, localPort, lookup } = this.#options;
    const { alarms } = this.#runtime;
    const reasons: Reasons = {};
    const transport = await new Promise<Transport | undefined>((settle) => {
      const finish = (won?: Transport): void => {
        alarms.clear(alarm);
        this.#giveUp = undefined;
        settle(won);
      };
      const race = new HappyEyeballs<Transport>(
        {
          lookUp: (family, found, failed) => resolve(host, family, lookup, found, failed),
          dial: (address, family, connected, failed) =>
            dial({ address, family, port, localAddress, localPort }, this.#options.socket, connected, failed),
        },
        {
          won: finish,
          failed: (family, address, code) => {
            reasons[family] = this.#note(address ?? host, family, code);
          },
          lost: finish,
        },
        alarms,
      );
      const alarm = new Alarm(() => {
        race.expire(outOfTime);
      });
      this.#giveUp = () => {
        race.cancel();
        finish();
      };
      if (this.#abortedBy !== undefined) {
        finish();
        return;
      }
      if (this.#timeLimit !== Infinity) alarms.set(alarm, this.#timeLimit);
      race.start();
    });
    if (transport !== undefined) return this.#socket(transport);
    // A version whose addresses nobody came to has run out of time.
    return err(failure(reasons[4] ?? "Timeout", reasons[6] ?? "Timeout", this.#attempts));
  }

  async #connectPath(path: string): Promise<Result<SocketEngine, ConnectError>> {
    const isTooLong = Buffer.byteLength(path) > longestPathBytes;
    const step = isTooLong ? { code: "ENAMETOOLONG" } : await this.#dial({ path }, this.#timeLimit);
    if ("value" in step) return this.#socket(step.value);
    return err({ type: "ConnectFailedUnix", reason: reasonOf(step.code), attempts: this.#attempts });
  }

  #socket(transport: Transport): Result<SocketEngine, never> {
    return { ok: true, value: new SocketEngine(transport, this.#options.socket, this.#runtime, this.#options.owner) };
  }

  /** When the time for what begins now is over. */
  get #timeLimit(): number {
    return Math.min(this.#runtime.clock.now() + this.#options.timeout, this.#until);
  }

  async #tryFamily(family: 4 | 6): Promise<FamilyResult> {
    const { host = "", port = 0, localAddress, localPort } = this.#options;
    const until = this.#timeLimit;
    const lookUp = this.#lookUp(host, family, until);
    const found = lookUp instanceof Promise ? await lookUp : lookUp;
    if ("code" in found) return { reason: this.#note(host, family, found.code) };
    let reason: SocketError = "Nxdomain";
    for (const address of found.value) {
      const step = await this.#dial({ address, family, port, localAddress, localPort }, until);
      if ("value" in step) return { transport: step.value };
      reason = this.#note(address, family, step.code);
      if (step.code === outOfTime) break;
    }
    return { reason };
  }

  /** Once the call is aborted, every step fails at once, and that is no news. */
  #note(address: string, family: 4 | 6, code: string): SocketError {
    const reason = reasonOf(code);
    if (this.#abortedBy !== undefined) return reason;
    const isNamedByCode = code === outOfTime || code === reason.toUpperCase();
    this.#attempts.push({ address, family, reason, code: isNamedByCode ? undefined : code });
    return reason;
  }

  #lookUp(host: string, family: 4 | 6, until: number): Promise<Step<readonly string[]>> | Step<readonly string[]> {
    const known = addressesWithoutLookup(host, family);
    if (known !== undefined) return known.length > 0 ? { value: known } : { code: "ENOTFOUND" };
    return this.#step(until, (done) =>
      resolve(
        host,
        family,
        this.#options.lookup,
        (value) => {
          done({ value });
        },
        (code) => {
          done({ code });
        },
      ),
    );
  }

  #dial(destination: Destination, until: number): Promise<Step<Transport>> {
    return this.#step(until, (done) =>
      dial(
        destination,
        this.#options.socket,
        (value) => {
          done({ value });
        },
        (code) => {
          done({ code });
        },
      ),
    );
  }

  /** Starts something that takes a while, and gives it up at the end of its time or of the whole call. */
  #step<T>(until: number, start: (done: (step: Step<T>) => void) => () => void): Promise<Step<T>> {
    if (this.#abortedBy !== undefined) return Promise.resolve({ code: "ECANCELED" });
    const { alarms } = this.#runtime;
    return new Promise((settle) => {
      const done = (step: Step<T>): void => {
        alarms.clear(alarm);
        this.#giveUp = undefined;
        settle(step);
      };
      const stop = start(done);
      const alarm = new Alarm(() => {
        stop();
        done({ code: outOfTime });
      });
      if (until !== Infinity) alarms.set(alarm, until);
      this.#giveUp = () => {
        stop();
        done({ code: "ECANCELED" });
      };
    });
  }
}

function reasonOf(code: string): SocketError {
  return code === outOfTime ? "Timeout" : reasonFromCode(code);
}

function failure(
  ipv4: SocketError | undefined,
  ipv6: SocketError | undefined,
  attempts: readonly ConnectAttempt[],
): ConnectError {
  if (ipv6 === undefined) return { type: "ConnectFailedIpv4", ipv4: ipv4 ?? "Nxdomain", attempts };
  if (ipv4 === undefined) return { type: "ConnectFailedIpv6", ipv6, attempts };
  return { type: "ConnectFailedBoth", ipv4, ipv6, attempts };
}
