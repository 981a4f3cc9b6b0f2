/** One request of HTTP/1.1 on a connection of its own. @module */
import { type ByteSource, sourceOfPipe } from "../../core/byte_stream.ts";
import { isJumpstarterError, JumpstarterError } from "../../core/errors.ts";
import { unlessAborted, withLimit } from "../../core/limit.ts";
import { type Pipe, writeAll } from "../../core/pipe.ts";
import { basicAuthorization, type RawUrl } from "./url.ts";

/** Longest head of a response, in bytes. */
const maxHeadBytes = 64 * 1024;

/** How patient a connection is, in milliseconds. */
export interface Patience {
  /** Limit for the connection, TLS included. @default 30000 */
  readonly connectMs?: number;
  /** How long a server may say nothing and take nothing while it is waited for. @default 120000 */
  readonly silenceMs?: number;
}

/** Most interim responses before the final one. */
const mostInterim = 16;

/** The head of a response, and its body. */
export interface Response {
  readonly status: number;
  readonly reason: string;
  /** By name in lower case; several of one name are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  /** How long the body is, where the server says so. */
  readonly size?: number;
  readonly body: ByteSource;
}

/** A connection that is good for one request. */
export class HttpConnection {
  readonly #pipe: Pipe;
  readonly #source: ByteSource;
  readonly #signal: AbortSignal;
  readonly #silenceMs: number;
  /** When the server has last taken something. */
  #takenAt = -Infinity;
  #rest: Uint8Array = new Uint8Array();
  #isClosed = false;
  #asksForHead = false;

  private constructor(pipe: Pipe, signal: AbortSignal, silenceMs: number) {
    this.#pipe = pipe;
    this.#silenceMs = silenceMs;
    this.#source = sourceOfPipe(pipe);
    this.#signal = signal;
    signal.addEventListener("abort", this.#close);
    if (signal.aborted) this.#close();
  }

  /** Connects. When the signal aborts, whatever waits fails with its reason. */
  static async open(
    { hostname, port, isSecure }: RawUrl,
    signal: AbortSignal,
    { connectMs = 30_000, silenceMs = 120_000 }: Patience = {},
  ): Promise<HttpConnection> {
    signal.throwIfAborted();
    const opening = (async () => {
      const connection = await Deno.connect({ hostname, port, signal });
      connection.setNoDelay();
      if (!isSecure) return connection;
      const { secureWeb } = await import("./https.ts");
      return await secureWeb(connection, hostname);
    })();
    try {
      const pipe = await unlessAborted(withLimit(opening, connectMs, "Connecting"), signal);
      return new HttpConnection(pipe, signal, silenceMs);
    } catch (error) {
      opening.then((late) => late.close(), () => {});
      throw error;
    }
  }

  /** Sends the head of a request. */
  async sendHead(method: string, url: RawUrl, headers: Readonly<Record<string, string>>): Promise<void> {
    this.#asksForHead = method === "HEAD";
    const fields = Object.entries(headers);
    const has = (name: string) => fields.some(([key]) => key.toLowerCase() === name);
    if (!has("host")) fields.unshift(["Host", url.authority]);
    if (!has("authorization") && url.credentials !== undefined) {
      fields.push(["Authorization", basicAuthorization(url.credentials)]);
    }
    fields.push(["Connection", "close"]);
    for (const [name, value] of fields) {
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
        throw new JumpstarterError("invalid_argument", `The header ${JSON.stringify(name)} cannot be sent`);
      }
    }
    const lines = [`${method} ${url.target} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`), "", ""];
    await this.write(Uint8Array.from(lines.join("\r\n"), (character) => character.charCodeAt(0)));
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#pipe, bytes);
      this.#takenAt = performance.now();
    } catch (error) {
      throw this.#reason(error);
    }
  }

  /** Reads the head of the response; interim ones are passed over. */
  async response(): Promise<Response> {
    for (let interim = 0; interim <= mostInterim; interim++) {
      const [, status, reason] = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(await this.#line()) ?? [];
      if (!status) throw new JumpstarterError("unknown", "The server does not answer in HTTP/1.1");
      const headers = await this.#fields();
      const code = Number(status);
      if (code < 200) continue;
      return { status: code, reason: reason ?? "", headers, ...this.#body(code, headers) };
    }
    throw new JumpstarterError("unknown", `The server sends more than ${mostInterim} interim responses`);
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#close);
    this.#close();
  }

  #body(status: number, headers: ReadonlyMap<string, string>): { size?: number; body: ByteSource } {
    const nothing = { next: () => Promise.resolve(undefined) };
    if (status === 204 || status === 304) return { size: 0, body: nothing };
    if (this.#asksForHead) return { size: lengthIn(headers), body: nothing };
    if (headers.get("transfer-encoding")?.toLowerCase().split(",").at(-1)?.trim() === "chunked") {
      return { body: this.#chunks() };
    }
    const size = lengthIn(headers);
    return size === undefined ? { body: { next: () => this.#some(Infinity) } } : { size, body: this.#counted(size) };
  }

  #counted(size: number): ByteSource {
    let left = size;
    return {
      next: async () => {
        if (left === 0) return undefined;
        const piece = await this.#some(left);
        if (!piece) throw endsEarly(`${size - left} of ${size} bytes came`);
        left -= piece.length;
        return piece;
      },
    };
  }

  #chunks(): ByteSource {
    let left = 0;
    let isFirst = true;
    let isOver = false;
    return {
      next: async () => {
        if (isOver) return undefined;
        if (left === 0) {
          if (!isFirst && await this.#line() !== "") {
            throw new JumpstarterError("unknown", "The server's chunks are broken");
          }
          isFirst = false;
          const [, digits] = /^([0-9a-f]{1,12})\s*(?:;.*)?$/i.exec(await this.#line()) ?? [];
          if (!digits) throw new JumpstarterError("unknown", "The server's chunks are broken");
          left = parseInt(digits, 16);
          if (left === 0) {
            isOver = true;
            await this.#fields();
            return undefined;
          }
        }
        const piece = await this.#some(left);
        if (!piece) throw endsEarly("a chunk is not whole");
        left -= piece.length;
        return piece;
      },
    };
  }

  async #fields(): Promise<ReadonlyMap<string, string>> {
    const fields = new Map<string, string>();
    let size = 0;
    for (let line = await this.#line(); line !== ""; line = await this.#line()) {
      size += line.length;
      if (size > maxHeadBytes) {
        throw new JumpstarterError("unknown", `The server's head is longer than ${maxHeadBytes} bytes`);
      }
      const colon = line.indexOf(":");
      const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
      const value = line.slice(colon + 1).trim();
      const before = fields.get(name);
      fields.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    return fields;
  }

  async #line(): Promise<string> {
    let line = "";
    for (;;) {
      const piece = await this.#some(Infinity);
      if (!piece) throw endsEarly(line === "" ? "it said nothing" : "its head is not whole");
      const end = piece.indexOf(10);
      line += String.fromCharCode(
        ...piece.subarray(0, end < 0 ? Math.min(piece.length, maxHeadBytes) : Math.min(end, maxHeadBytes)),
      );
      if (line.length > maxHeadBytes) {
        throw new JumpstarterError("unknown", `The server's head is longer than ${maxHeadBytes} bytes`);
      }
      if (end < 0) continue;
      this.#rest = piece.subarray(end + 1);
      return line.replace(/\r$/, "");
    }
  }

  /** At most `max` bytes, or `undefined` at the end of the connection. */
  async #some(max: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      try {
        const piece = await this.#patiently(this.#source.next());
        if (!piece) return undefined;
        this.#rest = piece;
      } catch (error) {
        throw this.#reason(error);
      }
    }
    const piece = this.#rest.subarray(0, max);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  /** While the server takes what is sent, it need not say anything. */
  async #patiently<T>(work: Promise<T>): Promise<T> {
    for (let since = performance.now();; since = this.#takenAt) {
      try {
        return await withLimit(work, since + this.#silenceMs - performance.now(), "The server's next word");
      } catch (error) {
        if (this.#takenAt > since) continue;
        // What is being sent to it ends as well.
        this.#close();
        throw isJumpstarterError(error, "deadline_exceeded")
          ? new JumpstarterError("unavailable", `The server has been silent for ${this.#silenceMs / 1000} s`)
          : error;
      }
    }
  }

  #reason(error: unknown): unknown {
    return this.#signal.aborted ? this.#signal.reason : error;
  }

  #close = () => {
    if (!this.#isClosed) this.#pipe.close();
    this.#isClosed = true;
  };
}

function lengthIn(headers: ReadonlyMap<string, string>): number | undefined {
  const length = headers.get("content-length");
  if (length === undefined || /^\d+$/.test(length)) return length === undefined ? undefined : Number(length);
  throw new JumpstarterError("unknown", "The server sends no sensible content-length");
}

function endsEarly(why: string): JumpstarterError {
  return new JumpstarterError("unavailable", `The server closed the connection early: ${why}`);
}
