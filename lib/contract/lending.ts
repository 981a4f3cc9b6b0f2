/**
 * Resources that a client lends to a driver for the time of one call.
 *
 * @module
 */
import { type ByteSource, sinkOfWritable, sourceOfReadable } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import type { Caller } from "./client.ts";
import type { CallOptions } from "./method.ts";
import {
  type Direction,
  isOpened,
  type LocalSink,
  type LocalSource,
  readableResource,
  requestHandle,
  type ResourceParameter,
  type ResourceSink,
  type ResourceSource,
  writableResource,
} from "./resource.ts";

/** What a lender is told of the call. */
export interface Lending {
  /** Aborts when the call is given up. */
  readonly signal: AbortSignal;
  /** Ends the call with a failure of this side. */
  fail(error: unknown): void;
}

/** A resource that is lent to a driver for one call. */
export interface Lent {
  /** What stands for it among the arguments. */
  readonly argument: unknown;
  /** The call has succeeded. Resolves when everything has arrived. */
  finish(): Promise<void>;
  /** The call has failed. */
  abort(reason: unknown): Promise<void>;
}

type Made<T> = (args: unknown[], options: CallOptions) => T;

/** Makes a call with one answer, with its resources lent. */
export async function callLending(
  caller: Caller,
  resources: readonly ResourceParameter[],
  [args, options]: [unknown[], CallOptions],
  call: Made<Promise<unknown>>,
): Promise<unknown> {
  const loan = new Loan(caller, resources, options);
  try {
    const result = await call(await loan.lend(args), loan.options);
    await loan.finish();
    return result;
  } catch (error) {
    throw await loan.abort(error);
  }
}

/** Makes a call with a stream of answers, with its resources lent until the last one. */
export async function* streamLending(
  caller: Caller,
  resources: readonly ResourceParameter[],
  [args, options]: [unknown[], CallOptions],
  call: Made<AsyncIterable<unknown>>,
): AsyncGenerator<unknown, void, undefined> {
  const loan = new Loan(caller, resources, options);
  let isOver = false;
  try {
    yield* call(await loan.lend(args), loan.options);
    await loan.finish();
    isOver = true;
  } catch (error) {
    isOver = true;
    throw await loan.abort(error);
  } finally {
    if (!isOver) await loan.abort(new JumpstarterError("canceled", "Nobody waits for the rest of the answers"));
  }
}

class Loan {
  readonly options: CallOptions;
  readonly #caller: Caller;
  readonly #resources: readonly ResourceParameter[];
  readonly #failure = new AbortController();
  readonly #lent: Lent[] = [];

  constructor(caller: Caller, resources: readonly ResourceParameter[], options: CallOptions) {
    this.#caller = caller;
    this.#resources = resources;
    const { signal } = options;
    this.options = {
      ...options,
      signal: signal ? AbortSignal.any([signal, this.#failure.signal]) : this.#failure.signal,
    };
  }

  /** The arguments with whatever stands for the resources. */
  async lend(args: unknown[]): Promise<unknown[]> {
    const { signal } = this.options;
    const lending = { signal: signal!, fail: (error: unknown) => this.#failure.abort(error) };
    for (const { index, name, direction } of this.#resources) {
      if (!this.#caller.lend) throw new JumpstarterError("unimplemented", "Resources cannot be lent here");
      if (args[index] === null || typeof args[index] !== "object") {
        const what = direction === "read" ? "source" : "sink";
        throw new JumpstarterError(
          "invalid_argument",
          `${name}: Expected a ${what}, got ${JSON.stringify(args[index])}`,
        );
      }
      const lent = await this.#caller.lend(direction, args[index] as ResourceSource | ResourceSink, lending);
      this.#lent.push(lent);
      args[index] = lent.argument;
    }
    return args;
  }

  async finish(): Promise<void> {
    await Promise.all(this.#lent.map((lent) => lent.finish()));
  }

  /** Takes everything back. Resolves to the reason: what failed here is why the call was given up. */
  async abort(error: unknown): Promise<unknown> {
    const { aborted, reason } = this.#failure.signal;
    const why = aborted ? reason : error;
    await Promise.allSettled(this.#lent.map((lent) => lent.abort(why)));
    return why;
  }
}

/** Lends a resource to a driver of this process, as a composite does to its children. */
export function lendLocally(direction: Direction, given: ResourceSource | ResourceSink): Lent {
  const nothing = { finish: () => Promise.resolve(), abort: () => Promise.resolve() };
  if (isOpened(direction, given)) return { argument: given, ...nothing };
  const handle = requestHandle(direction, given);
  if (handle) return { argument: handle, ...nothing };
  if ("contentEncoding" in given && given.contentEncoding) {
    throw new JumpstarterError("invalid_argument", "A driver lends its children bytes that are not compressed");
  }
  if (direction === "read") {
    const { bytes, size, close } = localSource(given as LocalSource | ReadableStream<Uint8Array>);
    return { argument: readableResource(bytes, size), finish: close, abort: close };
  }
  const { bytes } = localSink(given as LocalSink | WritableStream<Uint8Array>);
  return {
    argument: writableResource(bytes),
    finish: () => bytes.end(),
    abort: async (reason) => await bytes.abort(reason),
  };
}

/** Releases a resource that could not be lent, since a step before that has failed, and fails as that did. */
export async function neverLent(
  direction: Direction,
  given: ResourceSource | ResourceSink,
  reason: unknown,
): Promise<never> {
  const isHere = !isOpened(direction, given) && !(given instanceof URL) && !("url" in given);
  if (isHere && direction === "read") await localSource(given as LocalSource | ReadableStream<Uint8Array>).close();
  if (isHere && direction === "write") {
    await localSink(given as LocalSink | WritableStream<Uint8Array>).bytes.abort(reason);
  }
  throw reason;
}

/** A local source in one shape. */
export function localSource(given: LocalSource | ReadableStream<Uint8Array>) {
  const local: LocalSource = given instanceof ReadableStream ? { bytes: given } : given;
  const { bytes, size, contentEncoding } = local;
  const readable = bytes instanceof ReadableStream ? sourceOfReadable(bytes) : undefined;
  let closing: Promise<void> | undefined;
  const release = async () => {
    await readable?.close();
    await local.close?.();
  };
  return {
    bytes: readable ?? bytes as ByteSource,
    size,
    contentEncoding,
    close: () => closing ??= release(),
  };
}

/** A local sink in one shape. */
export function localSink(given: LocalSink | WritableStream<Uint8Array>) {
  const { bytes, contentEncoding }: LocalSink = given instanceof WritableStream ? { bytes: given } : given;
  return { bytes: bytes instanceof WritableStream ? sinkOfWritable(bytes) : bytes, contentEncoding };
}
