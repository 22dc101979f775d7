// A bot as a process that takes commands. Compiled, never run: requests, answers and sockets in one selector.
import {
  call,
  connect,
  newSelector,
  receiveNextPacketAsMessage,
  send,
  shutdown,
  spawn,
  tcpMessages,
  unwrap,
  type OwnSubject,
  type Process,
  type Subject,
} from "tankard";

export type BotCommand =
  | { type: "say"; room: string; text: string }
  | { type: "stats"; reply: Subject<{ answered: number; uptimeMs: number }> }
  | { type: "rooms"; reply: Subject<readonly string[]> }
  | { type: "quit" };

interface BotOptions {
  readonly host: string;
  readonly port: number;
  readonly nick: string;
  readonly rooms: readonly string[];
}
export const startBot = (options: BotOptions) =>
  spawn(async (self, commands: OwnSubject<BotCommand>) => {
    const started = Date.now();
    const socket = unwrap(await connect({ host: options.host, port: options.port, owner: self }));
    const line = async (...words: string[]) => {
      unwrap(await send(socket, words.join(" ") + "\r\n"));
    };
    const keepAlive = self.newSubject<"keepAlive">();
    self.sendAfter(keepAlive, 60_000, "keepAlive");
    const inbox = newSelector().select(commands).select(keepAlive).merge(tcpMessages);

    await line("NICK", options.nick);
    for (const room of options.rooms) await line("JOIN", room);
    let text = "",
      answered = 0;
    receiveNextPacketAsMessage(socket);
    for (;;) {
      const m = await self.receiveForever(inbox);
      if (m === "keepAlive") {
        await line("PING", options.host);
        self.sendAfter(keepAlive, 60_000, "keepAlive");
        continue;
      }
      switch (m.type) {
        case "say":
          await line("PRIVMSG", m.room, `:${m.text}`);
          break;
        case "stats":
          m.reply.send({ answered, uptimeMs: Date.now() - started });
          break;
        case "rooms":
          m.reply.send(options.rooms);
          break;
        case "quit":
          await line("QUIT");
          await shutdown(socket);
          return answered;
        case "SocketClosed":
          throw new Error("the server hung up");
        case "TcpError":
          throw new Error(m.error);
        case "Packet": {
          const lines = (text + m.data.toString("utf8")).split("\r\n");
          text = lines.pop() ?? "";
          for (const l of lines) {
            if (l.startsWith("PING ")) await line("PONG", l.slice(5));
            const said = /^:(?<from>[^!]+)\S* PRIVMSG (?<room>\S+) :!hello/.exec(l)?.groups;
            if (said) {
              answered++;
              await line("PRIVMSG", said["room"] ?? "", `:hello ${said["from"] ?? ""}`);
            }
          }
          receiveNextPacketAsMessage(socket);
          break;
        }
        default:
          m satisfies never;
      }
    }
  });
// from outside
const bot = startBot({ host: "irc.libera.chat", port: 6667, nick: "bot", rooms: ["#x"] });
bot.subject.send({ type: "say", room: "#x", text: "hi" });
const stats = await call(bot.subject, 1000, (reply) => ({ type: "stats", reply }));
if (stats.ok) stats.value.answered.toFixed();
const rooms = await call(bot.subject, 1000, (reply) => ({ type: "rooms", reply }));
if (rooms.ok) rooms.value.map((r) => r.toUpperCase());
const n: number = await bot.result;
const asAny: Process = bot;

export { asAny, n };
