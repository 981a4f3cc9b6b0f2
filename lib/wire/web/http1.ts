/**
 * Connections that turn out to speak HTTP/1.1, as `curl` does. Deno's own HTTP serves them. It takes no connection that
 * has been accepted already, so that each gets one of its own through a socket that nobody else can reach: it lies in a
 * private folder, which is gone as soon as the two are connected.
 *
 * @module
 */
import { join } from "node:path";
import { type Pipe, writeAll } from "../../core/pipe.ts";
import type { ServedConnection } from "../rpc/types.ts";
import type { Recipient, UnreadMessages } from "../rpc/unread_messages.ts";
import { urlOf, type WebHandler, type WebResponse } from "./types.ts";

/** What one connection may cost. Each limit has a test in `tests/wire/web/http1_test.ts`. */
export interface Http1Limits {
  /** Milliseconds without a request: before the first one, and between two. @default 30000 */
  idleMs: number;
  /** Milliseconds for the body of a request to arrive. @default 60000 */
  bodyMs: number;
}

/** What a connection of HTTP/1.1 serves with. */
export interface Http1Options {
  handler: WebHandler;
  /** Where what is in memory of requests is charged to. */
  unread: UnreadMessages;
  limits?: Partial<Http1Limits>;
}

/** Bytes that one read takes. */
const readBytes = 16 * 1024;

/** Serves the peer at the other end of `pipe`, of which `first` has been read already. */
export function serveHttp1(pipe: Pipe, first: Uint8Array, options: Http1Options): ServedConnection {
  return new Http1Connection(pipe, first, options);
}

class Http1Connection implements ServedConnection, Recipient {
  readonly closed: Promise<void>;
  readonly #pipe: Pipe;
  readonly #handler: WebHandler;
  readonly #unread: UnreadMessages;
  readonly #limits: Http1Limits;
  readonly #server: Deno.HttpServer;
  /** Tells those who answer that the caller is gone. */
  readonly #gone = new AbortController();
  readonly #nobody = new Promise<WebResponse>((resolve) =>
    this.#gone.signal.addEventListener("abort", () => resolve({ status: 499 }))
  );
  #inner?: Deno.Conn;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Requests that are being answered. */
  #running = 0;
  #ended = false;

  constructor(pipe: Pipe, first: Uint8Array, { handler, unread, limits }: Http1Options) {
    this.#limits = { idleMs: 30_000, bodyMs: 60_000, ...limits };
    this.#pipe = pipe;
    this.#handler = handler;
    this.#unread = unread;
    const folder = Deno.makeTempDirSync({ prefix: "jumpstarter-http-" });
    const path = join(folder, "socket");
    try {
      this.#server = Deno.serve({ path, onListen() {} }, (request) => this.#answer(request));
      this.#idle();
    } catch (error) {
      Deno.removeSync(folder, { recursive: true });
      throw error;
    }
    this.closed = this.#join(path, folder, first).catch(() => {}).then(() => this.#end());
  }

  async shutdown(graceMs: number): Promise<void> {
    const limit = setTimeout(() => this.#close(), this.#running > 0 ? graceMs : 0);
    await this.closed;
    clearTimeout(limit);
  }

  /** One request at a time is on a connection, so that this is the one that has to go. */
  giveUp(): void {
    this.#close();
  }

  async #join(path: string, folder: string, first: Uint8Array): Promise<void> {
    try {
      this.#inner = await Deno.connect({ transport: "unix", path });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
    await writeAll(this.#inner, first);
    // Whoever says no more than it has said is gone: HTTP/1.1 cannot tell that from a caller who still listens.
    await Promise.race([copy(this.#pipe, this.#inner), copy(this.#inner, this.#pipe)]);
  }

  async #answer(request: Request): Promise<Response> {
    clearTimeout(this.#timer);
    this.#running++;
    const late = setTimeout(() => this.#close(), this.#limits.bodyMs);
    const done = () => {
      clearTimeout(late);
      this.#unread.forget(this);
      if (--this.#running === 0) this.#idle();
    };
    const answered = this.#handler({
      httpVersion: "1.1",
      method: request.method,
      url: urlOf("http", request.headers.get("host") ?? "", new URL(request.url).pathname),
      header: request.headers,
      body: this.#bodyOf(request, () => clearTimeout(late)),
      taken: () => this.#unread.forget(this),
      // One request at a time is on a connection, whose end is the request's.
      signal: this.#gone.signal,
    });
    // Nobody waits for an answer that a driver withholds from a caller who is gone.
    const { status, header, body } = await Promise.race([answered, this.#nobody]);
    return new Response(body ? readableOf(body, done) : (done(), null), { status, headers: header });
  }

  async *#bodyOf({ body }: Request, read: () => void): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of body ?? []) {
      this.#unread.takePiece(this, chunk);
      // Deno's lies in a buffer of 64 KiB, however short it is.
      yield chunk.slice();
    }
    read();
  }

  #idle(): void {
    if (!this.#ended) this.#timer = setTimeout(() => this.#close(), this.#limits.idleMs);
  }

  #close(): void {
    this.#gone.abort();
    for (const one of [this.#pipe, this.#inner]) {
      try {
        one?.close();
      } catch { /* It is closed already. */ }
    }
  }

  async #end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#close();
    this.#unread.forget(this);
    await this.#server.shutdown();
  }
}

async function copy(from: Pipe, to: Pipe): Promise<void> {
  const buffer = new Uint8Array(readBytes);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, count));
  }
}

/** A body as Deno's server wants it; `done` runs once it has ended or is not wanted any more. */
function readableOf(body: AsyncIterable<Uint8Array>, done: () => void): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done: ended, value } = await chunks.next();
        if (!ended) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      done();
    },
    async cancel() {
      done();
      await chunks.return?.();
    },
  }, { highWaterMark: 0 });
}
