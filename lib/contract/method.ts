/**
 * The methods of an interface: three kinds, named parameters in wire order, a result, each with a zod schema.
 *
 * @module
 */
import * as z from "zod/mini";
import type { ByteStream } from "../core/byte_stream.ts";

/** How a method talks: one answer, a stream of answers, or raw bytes both ways. */
export type Kind = "unary" | "serverStreaming" | "byteStream";

/** Named schemas. Their order is the position on the legacy wire. */
export type Shape = Record<string, z.core.$ZodType>;

/** One method of an interface. */
export interface Method<
  K extends Kind = Kind,
  P extends Shape = Shape,
  R extends z.core.$ZodType = z.core.$ZodType,
  O extends boolean = boolean,
> {
  readonly kind: K;
  readonly summary: string;
  readonly params: P;
  readonly result: R;
  /** Whether a driver may leave it out; a call is then answered with `unimplemented`. */
  readonly optional: O;
  /** Whether the last parameter takes all remaining positions of the wire. Its schema is an array's. */
  readonly rest: boolean;
  /** The name on the legacy wire where it is not the method's name in snake_case. */
  readonly wireName?: string;
  /** Whether native calls are answered with the result; upstream's services have nothing in some places. */
  readonly nativeResult: boolean;
  /** Whether a stream of answers with these arguments goes on when the caller is gone, until the session's end. */
  readonly outlivesCaller?: (args: Record<string, unknown>) => boolean;
}

interface MethodOptions {
  params?: Shape;
  result?: z.core.$ZodType;
  optional?: boolean;
  rest?: boolean;
  wireName?: string;
  nativeResult?: boolean;
  outlivesCaller?: (args: Record<string, unknown>) => boolean;
}

type ParamsOf<O extends MethodOptions> = O extends { params: infer P extends Shape } ? P : Record<never, never>;
type ResultOf<O extends MethodOptions> = O extends { result: infer R extends z.core.$ZodType } ? R : z.core.$ZodVoid;
type OptionalOf<O extends MethodOptions> = O extends { optional: true } ? true : false;

function define<K extends Kind>(kind: K) {
  return <const O extends MethodOptions = Record<never, never>>(
    summary: string,
    options?: O,
  ): Method<K, ParamsOf<O>, ResultOf<O>, OptionalOf<O>> => {
    const method: Method = {
      kind,
      summary,
      params: options?.params ?? {},
      result: options?.result ?? z.void(),
      optional: options?.optional ?? false,
      rest: options?.rest ?? false,
      wireName: options?.wireName,
      nativeResult: options?.nativeResult ?? true,
      outlivesCaller: options?.outlivesCaller,
    };
    // The one place where the options' types become the method's.
    return method as unknown as Method<K, ParamsOf<O>, ResultOf<O>, OptionalOf<O>>;
  };
}

/** A method with one answer. */
export const unary = define("unary");
/** A method that answers with any number of values, one after another. */
export const serverStreaming = define("serverStreaming");
/** A method that opens a two-way byte stream. It takes no parameters: the legacy wire cannot carry any. */
export const byteStream = define("byteStream");

/** The methods of an interface by name. */
export type Methods = Record<string, Method>;

/** Whose calls they are: one connection, the same object for each of its calls. */
export interface Connection {
  /** Aborts when the connection ends. */
  readonly signal: AbortSignal;
  /** Where the caller sits, for people: `127.0.0.1:41022` or `unix`. */
  readonly peer: string;
}

/** What a method is told beside its arguments. */
export interface Call {
  /** Aborts when the caller went away or its limit passed. */
  readonly signal: AbortSignal;
  /** Who calls. What a caller holds beyond one call is given up when its connection ends. */
  readonly connection: Connection;
}

/** What a caller may add to a call. */
export interface CallOptions {
  /** Cancels the call. */
  signal?: AbortSignal;
  /** Limit for the whole call in milliseconds. */
  timeoutMs?: number;
}

type Checked<P extends Shape> = z.output<z.ZodMiniObject<P>>;
type Given<P extends Shape> = z.input<z.ZodMiniObject<P>>;

type MethodImplementation<M extends Method> = M extends Method<"unary", infer P, infer R>
  ? (args: Checked<P>, call: Call) => z.input<R> | Promise<z.input<R>>
  : M extends Method<"serverStreaming", infer P, infer R> ? (args: Checked<P>, call: Call) => AsyncIterable<z.input<R>>
  : M extends Method<"byteStream"> ? (args: Record<never, never>, call: Call) => ByteStream | Promise<ByteStream>
  : never;

type OptionalKeys<T extends Methods> = {
  [K in keyof T]: T[K] extends Method<Kind, Shape, z.core.$ZodType, true> ? K : never;
}[keyof T];

/**
 * The key of a function by which an implementation hears of calls to the drivers that stand beside it, under the same
 * parent.
 */
export const siblingCalled: unique symbol = Symbol.for("jumpstarter.sibling-called");

/**
 * Told when a unary call to a sibling begins: the name of the sibling's interface and of the method. What it returns is
 * run when the call has succeeded. It must not fail, and nobody waits for it.
 */
export type SiblingListener = (interfaceName: string, method: string) => (() => void) | undefined;

/** What a driver's `open` returns: a function for each method, and optionally a disposer that always runs. */
export type Implementation<T extends Methods> =
  & { [K in Exclude<keyof T, OptionalKeys<T>>]: MethodImplementation<T[K]> }
  & { [K in OptionalKeys<T>]?: MethodImplementation<T[K]> }
  & { [Symbol.asyncDispose]?(): void | Promise<void>; [siblingCalled]?: SiblingListener };

type Arguments<P extends Shape> = keyof P extends never ? [options?: CallOptions]
  : Record<never, never> extends Given<P> ? [args?: Given<P>, options?: CallOptions]
  : [args: Given<P>, options?: CallOptions];

type MethodCall<M extends Method> = M extends Method<"unary", infer P, infer R>
  ? (...args: Arguments<P>) => Promise<z.output<R>>
  : M extends Method<"serverStreaming", infer P, infer R> ? (...args: Arguments<P>) => AsyncIterable<z.output<R>>
  : M extends Method<"byteStream"> ? (options?: CallOptions) => Promise<ByteStream>
  : never;

/** The methods of an interface as a client calls them. */
export type Calls<T extends Methods> = { [K in keyof T]: MethodCall<T[K]> };

/** A method's name on the legacy wire: snake_case, a leading underscore kept. */
export function wireNameOf(name: string, method: Pick<Method, "wireName">): string {
  return method.wireName ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
