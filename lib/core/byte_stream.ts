/**
 * A byte stream as drivers and scripts see it: a readable and a writable half, each of which may end on its own.
 *
 * Chunks keep their boundaries (a datagram stays one chunk) and may be empty. A stream that is made of a source and a
 * sink carries them, so that a pump can read and write it without the cost of Web Streams, and without memory of its own
 * for each chunk: collecting that would cost more than moving the bytes.
 *
 * @module
 */
import { type Pipe, writeAll } from "./pipe.ts";

/** Two-way bytes. Closing `writable` ends that direction only; disposing gives both up. */
export interface ByteStream extends AsyncDisposable {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The reading half of a byte stream, one chunk at a time. */
export interface ByteSource {
  /** The next chunk, or `undefined` at the end. It is good until the following call, which may use its memory again. */
  next(): Promise<Uint8Array | undefined>;
}

/** The writing half of a byte stream. */
export interface ByteSink {
  /** Resolves when the next chunk may follow, and the memory of this one may be used again. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends this direction. */
  end(): Promise<void>;
}

/** A source that holds something until it is closed, which may be before its end and more than once. */
export interface OwnedSource extends ByteSource {
  close(): void | Promise<void>;
}

/** A sink that keeps what it got when it is ended, and is given up by `abort`, which does nothing after the end. */
export interface OwnedSink extends ByteSink {
  abort(reason: unknown): void | Promise<void>;
}

/** A source and a sink, and what releases whatever is behind them. `close` is called once. */
export interface Halves extends ByteSource, ByteSink {
  close(): void | Promise<void>;
}

const halvesOf = Symbol.for("jumpstarter.halves");

/** Makes a byte stream of its two Web Streams. `close` releases what is behind them and runs once. */
export function makeByteStream(
  readable: ReadableStream<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  close: () => void | Promise<void> = () => {},
): ByteStream {
  let closing: Promise<void> | undefined;
  return { readable, writable, [Symbol.asyncDispose]: () => closing ??= Promise.resolve(close()) };
}

/** Makes a byte stream of a source and a sink. */
export function byteStreamOf(halves: Halves): ByteStream {
  let closing: Promise<void> | undefined;
  const close = () => closing ??= Promise.resolve(halves.close());
  const readable = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await halves.next();
      // Who reads a Web Stream may keep what it gets.
      if (chunk) controller.enqueue(chunk.slice());
      else controller.close();
    },
    cancel: close,
  }, { highWaterMark: 0 });
  const writable = new WritableStream<Uint8Array>({
    write: (chunk) => halves.write(chunk),
    close: () => halves.end(),
    abort: close,
  });
  return Object.assign(makeByteStream(readable, writable, close), { [halvesOf]: halves });
}

/** Makes a byte stream of a pipe. The pipe belongs to the stream from then on. */
export function byteStreamOfPipe(pipe: Pipe): ByteStream {
  return byteStreamOf({
    ...sourceOfPipe(pipe),
    write: (chunk) => writeAll(pipe, chunk),
    end: () => pipe.closeWrite(),
    close: () => pipe.close(),
  });
}

/** A stream that gives back what it gets, chunk by chunk; the end of one direction ends the other. */
export function echoStream(): ByteStream {
  let controller: TransformStreamDefaultController<Uint8Array>;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({ start: (it) => void (controller = it) });
  // Unlike cancel and abort this reaches halves that somebody has locked, and frees who waits on them.
  return makeByteStream(
    readable,
    writable,
    () => controller.error(new Deno.errors.BadResource("The stream is closed")),
  );
}

/** Takes the reading half of a stream. Nobody else may read it from then on. */
export function sourceOf(stream: ByteStream): ByteSource {
  const halves = (stream as { [halvesOf]?: Halves })[halvesOf];
  if (halves) return halves;
  const reader = stream.readable.getReader();
  return { next: async () => (await reader.read()).value };
}

/** Takes the writing half of a stream. Nobody else may write it from then on. */
export function sinkOf(stream: ByteStream): ByteSink {
  const halves = (stream as { [halvesOf]?: Halves })[halvesOf];
  if (halves) return halves;
  const writer = stream.writable.getWriter();
  // What lies behind a Web Stream may keep what it gets.
  return { write: (chunk) => writer.write(chunk.slice()), end: () => writer.close() };
}

/** The source that a readable stream is. Closing cancels the stream. */
export function sourceOfReadable(readable: ReadableStream<Uint8Array>): OwnedSource {
  const reader = readable.getReader();
  return {
    next: async () => (await reader.read()).value,
    // It may have failed or ended already.
    close: () => reader.cancel().catch(() => {}),
  };
}

/** The sink that a writable stream is. */
export function sinkOfWritable(writable: WritableStream<Uint8Array>): OwnedSink {
  const writer = writable.getWriter();
  return {
    // What lies behind a Web Stream may keep what it gets.
    write: (chunk) => writer.write(chunk.slice()),
    end: () => writer.close(),
    abort: (reason) => writer.abort(reason).catch(() => {}),
  };
}

/**
 * Bytes that are worth a read of their own where there are many: with what the wire puts around them they are one DATA
 * frame, which has up to 128 KiB, and need not be cut.
 */
export const chunkBytes = 120 * 1024;

/** Bytes that the first read of a pipe asks for: most connections never have more at once. */
const firstReadBytes = 4 * 1024;

/** What comes out of a pipe, read into one buffer, which grows when more has come than it holds. */
export function sourceOfPipe(pipe: Pick<Pipe, "read">): ByteSource {
  let buffer = new Uint8Array(firstReadBytes);
  return {
    async next() {
      const count = await pipe.read(buffer);
      if (count === null) return undefined;
      const chunk = buffer.subarray(0, count);
      if (count === buffer.length && count < chunkBytes) buffer = new Uint8Array(chunkBytes);
      return chunk;
    },
  };
}
