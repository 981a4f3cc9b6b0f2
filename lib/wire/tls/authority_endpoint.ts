/**
 * How a client gets the certificate of an exporter's authority, of which it knows the fingerprint only: a small JSON
 * document on the exporter's own port. It is no secret, and proves nothing until it is compared with the fingerprint.
 *
 * @module
 */
import { JumpstarterError } from "../../core/errors.ts";
import type { Pipe } from "../../core/pipe.ts";
import { type Acceptor, ClientConnection, ErrorCode, fieldValue, type StreamEvents } from "../http2/mod.ts";

const path = "/.well-known/jumpstarter/ca";

/** Longest document that is read, in bytes. */
const maxBytes = 64 * 1024;

/** Answers requests for the authority's certificate. */
export function authorityEndpoint(certificate: string): Acceptor {
  const body = new TextEncoder().encode(JSON.stringify({ ca: certificate }));
  return (stream, request) => {
    if (request.method !== "GET" || request.path !== path) return undefined;
    stream.sendHeaders([
      [":status", "200"],
      ["content-type", "application/json"],
      ["content-length", String(body.length)],
    ]);
    stream.write(new Uint8Array(), body, true);
    return {
      onHeaders() {},
      onData: (chunk) => stream.consumed(chunk.length),
      onEnd() {},
      onFailed() {},
      onDrained() {},
    };
  };
}

/**
 * Asks the peer at the other end of `pipe`, which is used up, for its authority's certificate.
 *
 * @throws {JumpstarterError} `unimplemented` when it has none to show, `unavailable` when it cannot be asked.
 */
export async function fetchAuthority(pipe: Pipe, authority: string): Promise<string> {
  const connection = new ClientConnection(pipe, { peer: authority });
  try {
    const body = await get(connection, authority);
    const { ca } = JSON.parse(body) as { ca?: unknown };
    if (typeof ca === "string") return ca;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  } finally {
    await connection.close();
  }
  throw new JumpstarterError("unimplemented", `${authority} has no authority of its own to show`);
}

function get(connection: ClientConnection, authority: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let body = new Uint8Array();
  const refuse = (message: string) => {
    stream.reset(ErrorCode.CANCEL);
    reject(new JumpstarterError("unimplemented", message));
  };
  const events: StreamEvents = {
    onHeaders(fields, status) {
      const type = fieldValue(fields, "content-type");
      if (status !== 200 || type !== "application/json") {
        refuse(`${authority} has no authority of its own to show: HTTP status ${status}`);
      }
    },
    onData(chunk) {
      stream.consumed(chunk.length);
      const longer = new Uint8Array(body.length + chunk.length);
      longer.set(body);
      longer.set(chunk, body.length);
      body = longer;
      if (body.length > maxBytes) refuse(`${authority} shows more than ${maxBytes} bytes`);
    },
    onEnd: () => resolve(new TextDecoder().decode(body)),
    onFailed: reject,
    onDrained() {},
  };
  const stream = connection.open(events);
  const head: [string, string][] = [[":method", "GET"], [":scheme", "https"], [":path", path], [
    ":authority",
    authority,
  ]];
  stream.sendHeaders(head, true);
  return promise;
}
