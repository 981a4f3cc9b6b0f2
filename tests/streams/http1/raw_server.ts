/** A web server that shows requests as they came, byte for byte, and answers with whatever a test wants. @module */
import { concat } from "../../payload.ts";

/** A request as it came. */
export interface RawRequest {
  /** The first line. */
  readonly line: string;
  readonly path: string;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** Whether the body came to its end. */
  readonly isWhole: boolean;
}

/** Answers each request with the bytes that `answer` makes, and closes the connection unless it is to be kept. */
export function rawServer(
  answer: (request: RawRequest) => string | Uint8Array,
  { keep = false } = {},
): { readonly url: string } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  const serving: Promise<void>[] = [];
  const serve = async (connection: Deno.Conn) => {
    connections.add(connection);
    try {
      const reply = answer(await readRequest(connection));
      const bytes = typeof reply === "string" ? new TextEncoder().encode(reply) : reply;
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    } catch { /* the client went away */ }
    if (!keep) close(connection);
  };
  const close = (connection: Deno.Conn) => {
    if (connections.delete(connection)) connection.close();
  };
  const accepting = (async () => {
    for await (const connection of listener) serving.push(serve(connection));
  })();
  let closing: Promise<void> | undefined;
  const end = async () => {
    listener.close();
    await accepting;
    connections.forEach(close);
    await Promise.all(serving);
  };
  return { url: `http://127.0.0.1:${listener.addr.port}`, [Symbol.asyncDispose]: () => closing ??= end() };
}

async function readRequest(connection: Deno.Conn): Promise<RawRequest> {
  let bytes = new Uint8Array();
  const buffer = new Uint8Array(64 * 1024);
  const more = async () => {
    const count = await connection.read(buffer);
    if (count !== null) bytes = concat([bytes, buffer.subarray(0, count)]);
    return count !== null;
  };
  const latin = () => new TextDecoder("latin1").decode(bytes);
  while (!latin().includes("\r\n\r\n")) if (!await more()) throw new Error("The request ends early");
  const end = latin().indexOf("\r\n\r\n");
  const [line, ...fields] = latin().slice(0, end).split("\r\n");
  const headers = new Map(
    fields.map((field) => field.split(/: ?(.*)/s) as [string, string]).map((
      [name, value],
    ) => [name.toLowerCase(), value]),
  );
  bytes = bytes.slice(end + 4);
  let isWhole = true;
  const chunks: Uint8Array[] = [];
  if (headers.get("transfer-encoding") === "chunked") {
    for (let size = -1; isWhole && size !== 0;) {
      while (isWhole && !latin().includes("\r\n")) isWhole = await more();
      const at = latin().indexOf("\r\n") + 2;
      size = parseInt(latin(), 16);
      while (isWhole && bytes.length < at + size + 2) isWhole = await more();
      chunks.push(bytes.slice(at, at + size));
      bytes = bytes.slice(at + size + 2);
    }
  }
  return { line, path: line.split(" ")[1], headers, body: concat(chunks), isWhole };
}
