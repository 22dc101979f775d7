import { Duplex } from "node:stream";
import { describeError } from "./error.ts";
import type { SocketError } from "./error.ts";
import type { Socket } from "./message.ts";
import type { SocketEngine } from "./socket-engine.ts";
import { engineOf } from "./socket.ts";

/**
 * The socket as a stream of Node's, for libraries that want one. It receives when somebody reads the stream, and a
 * write is done when it is accepted, so back-pressure goes both ways. Its end is `shutdownWrite`, its destruction
 * `abort`; the two ends together close the socket. An error of the stream has the reason as its `code`; a reset is
 * one, whatever `showEconnreset` says, and so is a socket that is closed here before the peer has ended. From now on it
 * is `raw`, whatever `packet` was.
 */
export function toDuplex(socket: Socket): Duplex {
  const engine = engineOf(socket, "make a stream");
  engine.stayOpenForSends();
  engine.setOptions({ packet: "raw", reuseBuffers: false });
  return new Duplex({
    allowHalfOpen: true,
    autoDestroy: true,
    read() {
      void readInto(this, engine);
    },
    write(data: Buffer, _encoding, done) {
      void sendFrom(engine, [data], done);
    },
    writev(chunks, done) {
      void sendFrom(
        engine,
        chunks.map(({ chunk }) => chunk as Buffer),
        done,
      );
    },
    final(done) {
      const ended = engine.shutdownWrite();
      done(ended.ok || ended.error === "Enotconn" || ended.error === "Closed" ? null : errorFrom(ended.error));
    },
    destroy(error, done) {
      if (this.readableEnded && this.writableFinished) void engine.close();
      else engine.abort();
      done(error);
    },
  });
}

async function readInto(stream: Duplex, engine: SocketEngine): Promise<void> {
  const received = await engine.receive(0, Infinity);
  if (stream.destroyed) return;
  if (received.ok) stream.push(received.value);
  // A stream that was cut must not look whole, whoever has cut it.
  else if (engine.wasReset) stream.destroy(errorFrom("Econnreset"));
  else if (engine.hasReceivedAll) stream.push(null);
  else stream.destroy(errorFrom(received.error));
}

async function sendFrom(
  engine: SocketEngine,
  pieces: readonly Buffer[],
  done: (error?: Error | null) => void,
): Promise<void> {
  const sent = await engine.send(pieces);
  done(sent.ok ? null : errorFrom(sent.error));
}

function errorFrom(reason: SocketError): Error {
  return Object.assign(new Error(describeError(reason)), { code: reason });
}
