import type { Pieces } from "../framing/framing.ts";
import type { Owner } from "../process/owner.ts";
import { valueText } from "../process/value-text.ts";
import type { Result } from "../result.ts";
import type { LastError, SocketError } from "./error.ts";
import type { OwnedSocket, Socket } from "./message.ts";
import { type ChangeableOptions, checkChangeableOptions } from "./options.ts";
import type { SendResult } from "./send-queue.ts";
import { SocketEngine } from "./socket-engine.ts";

/** Nested bytes, written with one system call. Strings are sent as UTF-8. Source: gleam's `BytesTree`, iodata. */
export type BytesTree = Uint8Array | string | readonly BytesTree[];

/**
 * Sends bytes; a string is sent as UTF-8. Where `packet` has a header, these are one frame's body. Resolves when they are accepted, which is not when they have arrived: at
 * once while at most `highWatermark` bytes are queued, however many these are, and otherwise when the queue is below
 * `lowWatermark`, in the order of the calls. Sends of several processes never interleave. The bytes are not copied:
 * who changes them afterwards may change what is sent. Sends that are accepted at once give one promise, the same for
 * all. The first of a turn goes to the kernel at once, the others together at the end of the turn, with one system call;
 * all do where the turn before had several.
 *
 * @returns `Closed` where the connection is over, once, and `Enotconn` after that; `Enobufs` where `sendQueueLimit`
 * is reached, `Timeout` after `sendTimeout` and `Emsgsize` where the header of `packet` cannot say how much it is, and
 * then nothing of it is sent
 * Source: `mug.send`, `gen_tcp:send`.
 */
export function send(socket: Socket, data: Uint8Array | string): Promise<Result<undefined, SocketError>> {
  return engineOf(socket, "send").send([piece(data)]);
}

/** As `send`, for bytes in pieces, which need not be joined first. Source: `mug.send_builder`. */
export function sendBuilder(socket: Socket, tree: BytesTree): Promise<Result<undefined, SocketError>> {
  return engineOf(socket, "send").send(piecesOf(tree));
}

/** @internal As `sendBuilder`, without a promise where it need not wait. */
export function sendNow(socket: Socket, tree: BytesTree): SendResult | Promise<SendResult> {
  return engineOf(socket, "send").sendNow(piecesOf(tree));
}

/**
 * Waits for bytes and gives what has come, up to `buffer` (65536) of them; with a `packet` other than `raw`, the next
 * frame. 0 milliseconds takes what the kernel has by now; a negative time or `Infinity` waits for ever. One receive at a time.
 *
 * @returns `Timeout`; `Closed` where the stream has ended and all before it was received, once, and `Enotconn` after
 * that; `Einval` while the socket is armed; `Ealready` beside another receive. Of frames, once: `Emsgsize` for a body
 * of more than `packetSize`, `Eproto` for what is no frame, `Ebadmsg` for an end inside one
 * Source: `mug.receive`, `gen_tcp:recv`.
 */
export function receive(socket: Socket, timeoutMilliseconds: number): Promise<Result<Buffer, SocketError>> {
  checkTimeout(timeoutMilliseconds);
  return engineOf(socket, "receive").receive(0, timeoutMilliseconds);
}

/**
 * As `receive`, for exactly `byteSize` bytes: never fewer. What has come when the time is over is kept, and the next
 * packet or `receive` gives all of it and nothing else. Where the stream ends before, it is lost. 0 bytes is `receive`.
 *
 * @returns as `receive`; `Enomem` for more than 64 MiB; `Einval` where the stream is cut into frames, as in inet
 * @throws RangeError for a size that is not a whole number from 0
 * Source: `mug.receive_exact`.
 */
export function receiveExact(
  socket: Socket,
  byteSize: number,
  timeoutMilliseconds: number,
): Promise<Result<Buffer, SocketError>> {
  if (!Number.isInteger(byteSize) || byteSize < 0) {
    throw new RangeError(`Cannot receive: byteSize must be a whole number from 0, received ${valueText(byteSize)}`);
  }
  checkTimeout(timeoutMilliseconds);
  return engineOf(socket, "receive").receive(byteSize, timeoutMilliseconds);
}

/**
 * Lets the next packet into the owner's mailbox as one `Packet` message, then leaves the socket passive again: ask
 * once per packet. If the stream has ended, how it ended comes instead: `TcpError` where there was an error, then
 * `SocketClosed`, once. Asking twice is asking once. What has been read already is in a process's mailbox when this
 * returns; any process may ask, and the message goes to the owner.
 *
 * @returns `Closed` where no message can ever follow: the end has been told already, or the socket was closed here
 * @throws Error for a socket without an owner
 * Source: `mug.receive_next_packet_as_message`, that is `inet:setopts(Socket, [{active, once}])`.
 */
export function receiveNextPacketAsMessage(socket: OwnedSocket): Result<undefined, "Closed"> {
  return engineOf(socket, "receive").arm();
}

/**
 * Lets `count` more packets into the owner's mailbox, on top of those that an earlier `setActive` still counts; a
 * negative `count` takes some away. Behind the last of them comes `TcpPassive` (`selectTcpPassive`), and the socket is
 * passive again; at once where none are left to come. The end of the stream comes instead of a packet, and no
 * `TcpPassive` then. While it counts, `receive` says `Einval`; `receiveNextPacketAsMessage` and `disarm` end the count
 * without a `TcpPassive`.
 *
 * @returns `Einval` where `count`, or what there would be to come, is beyond -32768 to 32767: nothing changes then;
 * `Closed` where no message can ever follow
 * @throws RangeError for a count that is not a whole number; Error for a socket without an owner
 * Source: `inet:setopts(Socket, [{active, N}])`, which says `einval` for `Closed` too. There, `controlling_process`
 * leaves a waiting `tcp_passive` with the old owner; here it goes along, as the packets before it do.
 */
export function setActive(socket: OwnedSocket, count: number): Result<undefined, "Closed" | "Einval"> {
  if (!Number.isInteger(count)) {
    throw new RangeError(`Cannot set active: count must be a whole number, received ${valueText(count)}`);
  }
  return engineOf(socket, "set active").setActive(count);
}

/**
 * Takes back that a packet, or a number of them, was asked for; a message that is in the mailbox stays there. Source: `{active, false}`.
 */
export function disarm(socket: OwnedSocket): void {
  engineOf(socket, "disarm").disarm();
}

/**
 * Changes how the stream is cut into packets, from the first byte on that nobody has taken: what is in a mailbox stays
 * as it is, the next packet is cut anew, also where one is asked for already. So a protocol goes from lines to bytes, or
 * to TLS. A `receiveExact` that waits says `Einval` where there are frames now.
 *
 * @returns `Closed` where the socket was closed here, or its end has been told
 * @throws TypeError or RangeError for what is no such option
 * Source: `inet:setopts`, of which it changes `packet` and `packet_size`.
 */
export function setopts(socket: Socket, options: ChangeableOptions): Result<undefined, "Closed"> {
  const action = "set options";
  const engine = engineOf(socket, action);
  checkChangeableOptions(action, options);
  return engine.setOptions(options);
}

/**
 * Ends both directions: what is queued still leaves, sends that wait too, within `linger` milliseconds, and the peer
 * sees the end behind it; until then receiving goes on. What has come by then, or where nothing is queued when this
 * resolves, can still be received, then it says `Closed`; what comes later is refused. An armed socket gets its
 * `SocketClosed`. `close` is what frees a socket at once.
 *
 * @returns `Enotconn` where the connection is over already
 * Source: `mug.shutdown`, `gen_tcp:shutdown(Socket, read_write)`.
 */
export function shutdown(socket: Socket): Promise<Result<undefined, SocketError>> {
  return engineOf(socket, "shut down").shutdown();
}

/** Ends our direction behind what is queued; receiving goes on. Source: `gen_tcp:shutdown(Socket, write)`. */
export function shutdownWrite(socket: Socket): Promise<Result<undefined, SocketError>> {
  return Promise.resolve(engineOf(socket, "shut down").shutdownWrite());
}

/**
 * Closes the socket: it is gone at once for everybody, and no message follows; a `SocketClosed` that waits in the owner's
 * mailbox is taken out, and packets stay. Bytes that were received and not taken
 * make it a reset; otherwise what is queued leaves first, for at most `linger` milliseconds, and then the end, or a
 * reset: the peer never sees a clean end after a cut. Resolves when the descriptor is closed. Source: `gen_tcp:close`.
 */
export function close(socket: Socket): Promise<void> {
  return engineOf(socket, "close").close();
}

/** Closes with a reset, now: what is queued is lost, and the peer knows; cuts a `close` short that is still leaving. A unix socket just closes. Source: `{linger, {true, 0}}`. */
export function abort(socket: Socket): void {
  engineOf(socket, "abort").abort();
}

/**
 * Hands the socket over: its messages that wait in the old owner's mailbox are moved, in order, behind those of the
 * new one; whether it is armed stays; it closes with the new owner from now on. All of that before this returns.
 *
 * @returns `NotOwner` where `from` is not the owner; `Closed`; `OwnerExited` where the new owner has ended, and then
 * everything is as it was
 * Source: `gen_tcp:controlling_process`.
 */
export function controllingProcess(
  socket: Socket,
  owner: Owner,
  options?: { readonly from?: Owner | undefined },
): Result<OwnedSocket, "NotOwner" | "Closed" | "OwnerExited"> {
  return engineOf(socket, "hand over").controllingProcess(owner, options?.from);
}

/** The peer's address and port; a unix socket's path and 0. `Enotconn` or `Closed` once it is over. Source: `inet:peername`. */
export function peername(socket: Socket): Result<{ readonly address: string; readonly port: number }, SocketError> {
  return engineOf(socket, "look at").peername;
}

/** Our own address and port. Source: `inet:sockname`. */
export function sockname(socket: Socket): Result<{ readonly address: string; readonly port: number }, SocketError> {
  return engineOf(socket, "look at").sockname;
}

/** Bytes and times received and sent so far, and bytes that wait to be sent. Source: `inet:getstat`. */
export function getstat(
  socket: Socket,
): Result<Readonly<Record<"recvOct" | "recvCnt" | "sendOct" | "sendCnt" | "sendPend", number>>, SocketError> {
  return engineOf(socket, "look at").stat;
}

/**
 * What last went wrong, with Node's own code: also where inet's rules hide it, as with a reset. Where the stream could not
 * be cut into frames, `text` says why.
 */
export function lastError(socket: Socket): LastError | undefined {
  return engineOf(socket, "look at").lastError;
}

/** Lets this socket keep the program running while it is open, passive or not. That is the default. */
export function ref(socket: Socket): void {
  engineOf(socket, "ref").ref();
}

/** Lets the program end although this socket is open. */
export function unref(socket: Socket): void {
  engineOf(socket, "unref").unref();
}

/** @internal The state behind the handle. */
export function engineOf(socket: Socket, action: string): SocketEngine {
  const engine: unknown = socket;
  if (engine instanceof SocketEngine) return engine;
  throw new TypeError(`Cannot ${action}: expected a socket, received ${valueText(socket)}`);
}

function checkTimeout(milliseconds: number): void {
  if (typeof milliseconds === "number" && !Number.isNaN(milliseconds)) return;
  throw new RangeError(`Cannot receive: timeoutMilliseconds must be a number, received ${valueText(milliseconds)}`);
}

function piece(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === "string") return Buffer.from(data);
  throw new TypeError(`Cannot send: expected bytes or a string, received ${valueText(data)}`);
}

/**
 * @internal The leaves of `tree`, in order, however deep they are.
 *
 * @throws TypeError where one of them is neither bytes nor text
 */
export function piecesOf(tree: BytesTree): Pieces {
  if (!Array.isArray(tree)) return [piece(tree)];
  const pieces: Uint8Array[] = [];
  const rest: unknown[] = [tree];
  while (rest.length > 0) {
    const next = rest.pop();
    if (Array.isArray(next)) for (let index = next.length - 1; index >= 0; index--) rest.push(next[index]);
    else pieces.push(piece(next));
  }
  return pieces;
}
