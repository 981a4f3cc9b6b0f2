/** Requests of HTTP/2 that are not gRPC's, handed to a {@linkcode WebHandler}. @module */
import type { JumpstarterError } from "../../core/errors.ts";
import {
  ErrorCode,
  fieldValue,
  type HeaderList,
  type RequestHead,
  type Stream,
  type StreamEvents,
} from "../http2/mod.ts";
import { urlOf, type WebHandler, type WebRequest, type WebResponse } from "./types.ts";

/** How long the rest of a request that was answered already may take, in milliseconds. Nothing of it is read. */
const lingerMs = 1_000;

/** One request and its response. `running` counts what a connection's handlers have not finished yet. */
export class WebExchange implements StreamEvents {
  readonly #stream: Stream;
  readonly #abort = new AbortController();
  /** What arrived and was not read; the windows bound it. */
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #failure: JumpstarterError | undefined;
  #wake: (() => void) | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(stream: Stream, request: RequestHead, handler: WebHandler, connection: { running: number }) {
    this.#stream = stream;
    const asked = this.#requestOf(request);
    connection.running++;
    handler(asked).then((response) => this.#respond(response))
      .catch(() => stream.reset(ErrorCode.INTERNAL_ERROR))
      .finally(() => connection.running--);
  }

  #requestOf({ method, scheme, authority, path, fields }: RequestHead): WebRequest {
    const header = new Headers(fields.map(([name, value]): [string, string] => [name, value]));
    const host = authority ?? fieldValue(fields, "host") ?? "";
    if (host !== "") header.set("host", host);
    return {
      httpVersion: "2",
      method,
      url: urlOf(scheme === "https" ? scheme : "http", host, path),
      header,
      body: this.#body(),
      signal: this.#abort.signal,
    };
  }

  async *#body(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        yield chunk;
        this.#stream.consumed(chunk.length);
      } else if (this.#failure) throw this.#failure;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async #respond({ status, header, body }: WebResponse): Promise<void> {
    const fields: HeaderList = [[":status", String(status)], ...header ?? []];
    if (!body) this.#stream.sendHeaders(fields, true);
    else {
      this.#stream.sendHeaders(fields);
      for await (const chunk of body) {
        if (this.#failure) return;
        if (chunk.length === 0 || this.#stream.write(new Uint8Array(), chunk)) continue;
        this.#room = Promise.withResolvers();
        await this.#room.promise;
      }
      this.#stream.end();
    }
    await this.#requestEnds();
    this.#stream.stopReceiving();
  }

  /** Waits for the rest of the request: who still sends, as curl does, takes a reset for a failure of its own. */
  async #requestEnds(): Promise<void> {
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      this.#wake?.();
    }, lingerMs);
    while (!this.#ended && !this.#failure && !late) await new Promise<void>((resolve) => this.#wake = resolve);
    clearTimeout(limit);
  }

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    this.#chunks.push(chunk.slice());
    this.#wake?.();
  }

  onEnd(): void {
    this.#ended = true;
    this.#wake?.();
  }

  onFailed(error: JumpstarterError): void {
    this.#failure = error;
    this.#abort.abort(error);
    this.#wake?.();
    this.#room?.resolve();
  }

  onDrained(): void {
    this.#room?.resolve();
  }
}
