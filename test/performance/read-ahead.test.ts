import { describe, expect, test } from "@jest/globals";
import { connect, getstat, ownerFromCallback, receiveNextPacketAsMessage, type TcpMessage, unwrap } from "tankard";
import { peerServer } from "../support/peer.ts";

const oneRead = 65_536;
const flooded = 32 * 1024 * 1024;

describe("what nobody has asked for", () => {
  test("is not read from a socket that has just been connected", async () => {
    await using server = await peerServer();
    await using socket = unwrap(await connect({ host: "127.0.0.1", port: server.port }));
    await using peer = await server.accept();

    await peer.flood(flooded).stalled();

    expect(unwrap(getstat(socket)).recvOct).toBe(0);
  });

  test.each([1, 1_000, 65_536, 300_000])(
    "is read up to `readAhead` and one read behind a packet that was: %d bytes",
    async (readAhead) => {
      await using server = await peerServer();
      const packets: TcpMessage[] = [];
      const owner = ownerFromCallback((message) => packets.push(message));
      await using socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner, readAhead }));
      await using peer = await server.accept();
      receiveNextPacketAsMessage(socket);

      await peer.flood(flooded).stalled();

      expect(packets).toHaveLength(1);
      const delivered = packets[0]?.type === "Packet" ? packets[0].data.length : 0;
      expect(unwrap(getstat(socket)).recvOct - delivered).toBeLessThanOrEqual(readAhead + oneRead);
      owner.exit();
    },
  );

  test("is read up to `readAhead` and one read of 128 KiB where a long stream was asked for before", async () => {
    await using server = await peerServer();
    const packets: Buffer[] = [];
    const owner = ownerFromCallback((message) => {
      if (message.type !== "Packet") throw new Error(message.type);
      if (packets.push(message.data) < 300) receiveNextPacketAsMessage(message.socket);
    });
    await using socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner }));
    await using peer = await server.accept();
    receiveNextPacketAsMessage(socket);

    await peer.flood(flooded).stalled();

    expect(packets).toHaveLength(300);
    const delivered = packets.reduce((sum, { length }) => sum + length, 0);
    expect(unwrap(getstat(socket)).recvOct - delivered).toBeLessThanOrEqual(65_536 + 2 * oneRead);
    owner.exit();
  });
});
