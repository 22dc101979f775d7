/**
 * One buffer for the reads of all sockets: what is read is copied out before the next read, so an idle connection
 * holds no buffer, and a read allocates what it needs and no more.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

/** Most messages are small, and of a few sizes: to make a view of the buffer would cost as much as to copy them. */
const mostViewedBytes = 1024;
const views: Uint8Array[] = [];

/** As much of it as whole packets fill: a packet that one read ends in would be shorter than the others. */
export function readBufferFor(packetSize: number): Buffer {
  const rest = packetSize > readBuffer.length ? 0 : readBuffer.length % packetSize;
  return rest === 0 ? readBuffer : readBuffer.subarray(0, -rest);
}

/** A copy of the `size` bytes that were just read, the receiver's to keep. */
export function copyOfRead(size: number): Buffer {
  const data = Buffer.allocUnsafe(size);
  data.set(size > mostViewedBytes ? readBuffer.subarray(0, size) : (views[size] ??= readBuffer.subarray(0, size)));
  return data;
}
