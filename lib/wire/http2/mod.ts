/**
 * HTTP/2 over any pipe of bytes (RFC 9113), for servers and clients: streams with headers, a body and trailers in both
 * directions. What a request means is the business of whoever accepts it; gRPC is in `../rpc`.
 *
 * @module
 */

export { ClientConnection } from "./client_connection.ts";
export type { ConnectionOptions } from "./connection.ts";
export { ErrorCode } from "./error_code.ts";
export { looksLikeHttp1 } from "./greeting.ts";
export type { HeaderField, HeaderList } from "./hpack_table.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export { fieldValue, isFieldName, type RequestHead } from "./message_head.ts";
export { type Acceptor, ServerConnection, type ServerConnectionOptions } from "./server_connection.ts";
export type { Stream, StreamEvents } from "./stream.ts";
