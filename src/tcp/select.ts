import { newSelector, type Selector, withEntry } from "../process/selector.ts";
import type { OwnedSocket, TcpMessage, TcpPassive } from "./message.ts";

/** Anything but undefined, so that a mapper which forgets a case does not compile. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
type Something = {};

/**
 * Waits for the messages of every socket that the process owns, each turned into the process's own message type by
 * `mapper`. Used twice, the later mapper wins. Source: `mug.select_tcp_messages`.
 */
export function selectTcpMessages<M, const N extends Something>(
  selector: Selector<M>,
  mapper: (message: TcpMessage) => N,
): Selector<M | N> {
  return withEntry(selector, "lane", "socket", mapper as (message: unknown) => N);
}

/**
 * Waits for the messages of one socket. Beats `selectTcpMessages` for that socket, so that a late message of an old
 * connection can be told from those of the new one.
 */
export function selectTcpMessagesFrom<M, const N extends Something>(
  selector: Selector<M>,
  socket: OwnedSocket,
  mapper: (message: TcpMessage) => N,
): Selector<M | N> {
  return withEntry(selector, "source", socket, mapper as (message: unknown) => N);
}

/** Waits for the `TcpPassive` of every socket that the process owns, which no other entry but `selectOther` takes. */
export function selectTcpPassive<M, const N extends Something>(
  selector: Selector<M>,
  mapper: (message: TcpPassive) => N,
): Selector<M | N> {
  return withEntry(selector, "lane", "passive", mapper as (message: unknown) => N);
}

/** Every socket's messages as they are: `newSelector().select(commands).merge(tcpMessages)`. */
export const tcpMessages: Selector<TcpMessage> = selectTcpMessages(newSelector(), (message) => message);
