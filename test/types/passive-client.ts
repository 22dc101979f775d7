// A passive client, without any process. Compiled, never run: the types of mug's calls carry it without a cast.
import {
  connect,
  describeError,
  err,
  ok,
  receive,
  receiveExact,
  send,
  sendBuilder,
  shutdown,
  unwrap,
  type ConnectError,
  type Result,
  type SocketError,
} from "tankard";

// a. the script: let it fail loudly
{
  await using socket = unwrap(await connect({ host: "localhost", port: 6379, timeout: 500 }));
  unwrap(await send(socket, "PING\r\n"));
  console.log(
    unwrap(await receive(socket, 1000))
      .toString("utf8")
      .trim(),
  );
  unwrap(await shutdown(socket));
}

// b. the function: errors as values, no casts, error union inferred
async function request(
  host: string,
  port: number,
  body: Uint8Array,
): Promise<Result<Buffer, ConnectError | SocketError | "TooLong">> {
  const connected = await connect({ host, port });
  if (!connected.ok) return connected;
  await using socket = connected.value;
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  const sent = await sendBuilder(socket, [size, ["v1", [body]]]);
  if (!sent.ok) return sent;
  const head = await receiveExact(socket, 4, 1000);
  if (!head.ok) return head;
  const length = head.value.readUInt32BE();
  if (length > 1 << 20) return err("TooLong");
  return await receiveExact(socket, length, 1000);
}
const reply = await request("localhost", 4000, Buffer.from("hi"));
if (reply.ok) console.log(reply.value.length);
else if (reply.error === "TooLong") console.error("refused a long frame");
else console.error(describeError(reply.error));

// c. retry on exactly one reason
async function connectPatiently(port: number) {
  for (let attempt = 0; ; attempt++) {
    const r = await connect({
      host: "127.0.0.1",
      port,
      ipVersionPreference: "Ipv4Only",
      signal: AbortSignal.timeout(5000),
    });
    if (r.ok) return ok(r.value);
    if (r.error.type === "ConnectFailedIpv4" && r.error.ipv4 === "Econnrefused" && attempt < 5) continue;
    return r;
  }
}
export { connectPatiently };
