/**
 * A byte stream as drivers and scripts see it: a readable and a writable half, each of which may end on its own.
 *
 * Chunks keep their boundaries (a datagram stays one chunk) and may be empty. A stream that is made of a source and a
 * sink carries them, so that a pump can read and write it without the cost of Web Streams.
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
  /** The next chunk, or `undefined` at the end. */
  next(): Promise<Uint8Array | undefined>;
}

/** The writing half of a byte stream. */
export interface ByteSink {
  /** Resolves when the next chunk may follow. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends this direction. */
  end(): Promise<void>;
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
      if (chunk) controller.enqueue(chunk);
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
    next: pipeReader(pipe),
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
  return { write: (chunk) => writer.write(chunk), end: () => writer.close() };
}

/** Bytes that one read asks for; also what sockets and files use on this protocol. */
const readBytes = 64 * 1024;

/** Reads a pipe into one buffer as long as the pieces are small, and hands the buffer over when they are large. */
function pipeReader(pipe: Pipe): () => Promise<Uint8Array | undefined> {
  let buffer: Uint8Array | undefined;
  return async () => {
    buffer ??= new Uint8Array(readBytes);
    const count = await pipe.read(buffer);
    if (count === null) return undefined;
    if (count < readBytes / 4) return buffer.slice(0, count);
    const full = buffer;
    buffer = undefined;
    return full.subarray(0, count);
  };
}
