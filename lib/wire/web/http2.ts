/** Requests of HTTP/2 that are not gRPC's, handed to a {@linkcode WebHandler}. @module */
import { type JumpstarterError, toJumpstarterError } from "../../core/errors.ts";
import {
  ErrorCode,
  fieldValue,
  type HeaderList,
  type RequestHead,
  type Stream,
  type StreamEvents,
} from "../http2/mod.ts";
import type { ConnectionCalls } from "../rpc/running_calls.ts";
import type { Recipient, UnreadMessages } from "../rpc/unread_messages.ts";
import { urlOf, type WebHandler, type WebRequest, type WebResponse } from "./types.ts";

/** How long the rest of a request that was answered already may take, in milliseconds. Nothing of it is read. */
const lingerMs = 1_000;

/** What the exchanges of one connection share. */
export interface ExchangeContext {
  readonly unread: UnreadMessages;
  /** Handlers that have not finished. */
  readonly calls: ConnectionCalls;
}

/** One request and its response. */
export class WebExchange implements StreamEvents, Recipient {
  readonly #stream: Stream;
  readonly #unread: UnreadMessages;
  readonly #abort = new AbortController();
  /** What arrived and was not read; the windows bound it. */
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  /** Why the rest of the body does not come. */
  #failure: JumpstarterError | undefined;
  /** Nobody is there to be answered. */
  #gone = false;
  /** The response has begun. */
  #answering = false;
  /** The response has been written, so that nobody reads the request any more. */
  #answered = false;
  #wake: (() => void) | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(stream: Stream, request: RequestHead, handler: WebHandler, context: ExchangeContext) {
    this.#stream = stream;
    this.#unread = context.unread;
    const asked = this.#requestOf(request);
    context.calls.begin();
    handler(asked).then((response) => this.#respond(response))
      .catch(() => stream.reset(ErrorCode.INTERNAL_ERROR))
      .finally(() => {
        context.calls.end();
        context.unread.forget(this);
      });
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
      taken: () => this.#unread.forget(this),
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
    this.#answering = true;
    if (!body) this.#stream.sendHeaders(fields, true);
    else {
      this.#stream.sendHeaders(fields);
      for await (const chunk of body) {
        if (this.#gone) return;
        if (chunk.length === 0 || this.#stream.write(new Uint8Array(), chunk)) continue;
        this.#room = Promise.withResolvers();
        await this.#room.promise;
      }
      this.#stream.end();
    }
    this.#answered = true;
    this.#chunks.length = 0;
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
    while (!this.#ended && !this.#gone && !late) await new Promise<void>((resolve) => this.#wake = resolve);
    clearTimeout(limit);
  }

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    if (this.#failure || this.#answered) return;
    try {
      this.#unread.takePiece(this, chunk);
    } catch (thrown) {
      return this.giveUp(toJumpstarterError(thrown));
    }
    this.#chunks.push(chunk.slice());
    this.#wake?.();
  }

  /** Fails the request's body; who has the beginning of a response already is cut off. */
  giveUp(error: JumpstarterError): void {
    this.#chunks.length = 0;
    this.#failure ??= error;
    this.#wake?.();
    if (!this.#answering || this.#answered) return;
    this.#stream.reset(ErrorCode.ENHANCE_YOUR_CALM);
    this.onFailed(error);
  }

  onEnd(): void {
    this.#ended = true;
    this.#wake?.();
  }

  onFailed(error: JumpstarterError): void {
    this.#gone = true;
    this.#failure ??= error;
    this.#abort.abort(error);
    this.#wake?.();
    this.#room?.resolve();
  }

  onDrained(): void {
    this.#room?.resolve();
  }
}
