/**
 * gRPC as a thin layer over HTTP/2: paths, opaque messages and statuses, for servers and clients.
 *
 * @module
 */

export { type ConnectOptions, connectRpc } from "./client.ts";
export { serveConnection, type ServeOptions } from "./server.ts";
export { errorOfTrailers, maxMessageTextBytes, statusFields } from "./status.ts";
export type * from "./types.ts";
