/** Files from and to web servers. @module */
import type { OwnedSink } from "../../core/byte_stream.ts";
import { ContinuedDownload, type Download } from "./continued.ts";
import { begin, failed, get, type Headers, refusal, withDefault } from "./request.ts";

export type { Download } from "./continued.ts";

/**
 * Begins to read a file, or its `first` bytes only where the server can do that. A file whose connection is cut is
 * continued, a few times, where the server can send the rest of it and says that it is still the same.
 *
 * @throws {JumpstarterError} `unknown` for a server that cannot be reached or refuses, with the URL but without its query.
 */
export async function download(
  url: string,
  headers: Headers,
  signal: AbortSignal,
  first?: number,
): Promise<Download> {
  const sent = first === undefined ? headers : withDefault(headers, "range", `bytes=0-${first - 1}`);
  return await ContinuedDownload.begin(url, sent, signal);
}

/**
 * Begins to write a file. Its end waits for the server's word.
 *
 * @throws {JumpstarterError} as {@linkcode download}, from each of its methods.
 */
export async function upload(url: string, headers: Headers, signal: AbortSignal): Promise<OwnedSink> {
  const connection = await begin("PUT", url, { ...headers, "Transfer-Encoding": "chunked" }, signal);
  const accepting = async () => {
    const refused = refusal(await connection.response());
    if (refused) throw failed("PUT", url, refused, signal);
  };
  const accepted = accepting();
  accepted.catch(() => {});
  // A server that refuses says why, and need not read the rest.
  const send = async (bytes: Uint8Array) => {
    try {
      await connection.write(bytes);
    } catch (error) {
      await accepted;
      throw failed("PUT", url, error, signal);
    }
  };
  const encoder = new TextEncoder();
  return {
    async write(chunk) {
      if (chunk.length === 0) return;
      await send(encoder.encode(`${chunk.length.toString(16)}\r\n`));
      await send(chunk);
      await send(encoder.encode("\r\n"));
    },
    async end() {
      try {
        await send(encoder.encode("0\r\n\r\n"));
        await accepted.catch((error) => Promise.reject(failed("PUT", url, error, signal)));
      } finally {
        connection.close();
      }
    },
    abort: () => connection.close(),
  };
}

/** A response whose body was read to its end. */
export interface Document {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Reads something short, whatever the status is.
 *
 * @throws {JumpstarterError} `unknown` for a server that cannot be reached, or sends more than `maxBytes`.
 */
export async function readDocument(
  url: string,
  headers: Headers,
  signal: AbortSignal,
  maxBytes: number,
): Promise<Document> {
  const { url: place, connection, response } = await get(url, headers, signal);
  try {
    const bytes = new Uint8Array(maxBytes);
    let size = 0;
    for (let piece = await response.body.next(); piece; piece = await response.body.next()) {
      if (size + piece.length > maxBytes) throw `The server sends more than ${maxBytes} bytes`;
      bytes.set(piece, size);
      size += piece.length;
    }
    return { status: response.status, headers: response.headers, bytes: bytes.slice(0, size) };
  } catch (error) {
    throw failed("GET", place, error, signal);
  } finally {
    connection.close();
  }
}
