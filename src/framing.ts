/// <reference types="node" preserve="true" />
// The names of framing: how a stream is cut into frames. Pure functions, without sockets.

export { type Framing, newFraming, type Pieces, type Reading } from "./framing/framing.ts";
export { line } from "./framing/line.ts";
export { lengthPrefix } from "./framing/length.ts";
export { varint } from "./framing/varint.ts";
export { netstring } from "./framing/netstring.ts";
export { encodeJson, type JsonError, jsonLines, type JsonValue, parseJson } from "./framing/json-lines.ts";
export { resp } from "./framing/resp.ts";
export {
  encodeCommand,
  parseResp,
  type RespError,
  type RespFailure,
  type RespMap,
  type RespPush,
  type RespSet,
  type RespStatus,
  type RespValue,
} from "./framing/resp-value.ts";
