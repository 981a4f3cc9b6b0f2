/**
 * Resources: files at the client, or behind a URL, that a method reads or writes. They are too large for an argument, so
 * that a handle travels instead; a driver gets opened bytes, and whoever calls a client gives a source or a sink.
 *
 * @module
 */
import * as z from "zod/mini";
import type { ByteSink, ByteSource, OwnedSink } from "../core/byte_stream.ts";
import { type Codec, codecs } from "../core/codec.ts";
import { JumpstarterError } from "../core/errors.ts";
import type { Method } from "./method.ts";

/** What the driver does with a resource. */
export type Direction = "read" | "write";

/** A resource that a driver reads, as it gets it. */
export interface ReadableResource {
  /** What it holds; where the file is compressed, what the archive holds. */
  readonly bytes: ByteSource;
  /** How many bytes there are, where that is known before they are read. */
  readonly size?: number;
}

/** A resource that a driver writes, as it gets it. It is complete when the method succeeds. */
export interface WritableResource {
  readonly bytes: ByteSink;
}

/** A request of HTTP that the exporter makes itself. */
export interface HttpRequest {
  /** Sent as it is written: the signature of a signed URL covers its very bytes. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The file is compressed, and the driver is to get what it holds. Only this program's exporters can do that. */
  readonly contentEncoding?: Codec;
  /** What the file's SHA-256 has to be, in hexadecimal digits. Only this program's exporters check it. */
  readonly sha256?: string;
}

/** A source on the client's machine. It is read once. */
export interface LocalSource {
  readonly bytes: ByteSource | ReadableStream<Uint8Array>;
  /** How many bytes there are, where that is known. */
  readonly size?: number;
  /** The bytes are compressed, and the driver is to get what they hold. */
  readonly contentEncoding?: Codec;
  /** Releases what is behind it. It is called in any case, once. */
  close?(): void | Promise<void>;
}

/** A sink on the client's machine. It is ended when the method has succeeded, and aborted when anything failed. */
export interface LocalSink {
  readonly bytes: OwnedSink | WritableStream<Uint8Array>;
  /** What the driver writes is to be compressed. */
  readonly contentEncoding?: Codec;
}

/** What a client gives for a resource that the driver reads. The exporter fetches from a URL itself. */
export type ResourceSource = LocalSource | ReadableStream<Uint8Array> | HttpRequest | URL;

/** What a client gives for a resource that the driver writes. The exporter uploads to a URL itself, by PUT. */
export type ResourceSink = LocalSink | WritableStream<Uint8Array> | HttpRequest | URL;

/** What stands for a resource among a call's arguments. */
export type ResourceHandle =
  | { kind: "client_stream"; uuid: string; x_jmp_content_encoding?: Codec | null }
  | { kind: "presigned_request"; method: "GET" | "PUT"; url: string; headers: Record<string, string> }
  // A kind of its own: a peer that does not know it must refuse it, not write the archive as it is.
  | {
    kind: "fetch_request";
    url: string;
    headers: Record<string, string>;
    x_jmp_content_encoding?: Codec | null;
    sha256?: string | null;
  };

/** Made when the first handle comes: most commands see none, and should not wait for it. */
let handleSchema: z.ZodMiniType<ResourceHandle> | undefined;

function makeHandleSchema(): z.ZodMiniType<ResourceHandle> {
  const encoding = z.nullish(z.enum(codecs));
  const headers = z._default(z.record(z.string(), z.string()), {});
  const sha256 = z.nullish(z.string().check(z.regex(/^[0-9a-f]{64}$/, "Expected 64 lower-case hexadecimal digits")));
  return z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("client_stream"), uuid: z.string(), x_jmp_content_encoding: encoding }),
    z.object({ kind: z.literal("presigned_request"), method: z.enum(["GET", "PUT"]), url: z.string(), headers }),
    z.object({ kind: z.literal("fetch_request"), url: z.string(), headers, x_jmp_content_encoding: encoding, sha256 }),
  ]);
}

const openedAs = Symbol.for("jumpstarter.resource");

/** Opens a source for a driver. */
export function readableResource(bytes: ByteSource, size?: number): ReadableResource {
  return Object.assign({ bytes, size }, { [openedAs]: "read" });
}

/** Opens a sink for a driver. It is not the driver who ends it: it is complete when the method has succeeded. */
export function writableResource(sink: Pick<ByteSink, "write">): WritableResource {
  const bytes: ByteSink = {
    write: (chunk) => sink.write(chunk),
    end: () => Promise.resolve(),
  };
  return Object.assign({ bytes }, { [openedAs]: "write" });
}

/** Whether a value is an opened resource of that direction. */
export function isOpened(direction: Direction, value: unknown): value is ReadableResource | WritableResource {
  return (value as { [openedAs]?: Direction } | null | undefined)?.[openedAs] === direction;
}

/**
 * The schema of a parameter that is a resource. A driver's method gets it opened; it is released when the method ends.
 *
 * `nativeType` is for interfaces whose native service has a string there: it then holds the handle as JSON.
 */
export function resource<D extends Direction>(
  direction: D,
  description: string,
  { nativeType }: { nativeType?: "string" } = {},
): z.core.$ZodType<
  D extends "read" ? ReadableResource : WritableResource,
  D extends "read" ? ResourceSource : ResourceSink
> {
  const schema = z.pipe(
    z.unknown(),
    z.transform((value, context) => {
      if (isOpened(direction, value)) return value;
      const outcome = (handleSchema ??= makeHandleSchema()).safeParse(
        typeof value === "string" ? parsed(value) : value,
      );
      if (outcome.success && fits(direction, outcome.data)) return outcome.data;
      const wrong = outcome.success ? `a request that is no ${direction === "read" ? "GET" : "PUT"}` : refusal(value);
      context.issues.push({ code: "custom", message: `Expected the handle of a resource, got ${wrong}`, input: value });
      return z.NEVER;
    }),
  );
  // What a client gives and what a driver gets are not what travels.
  return schema.check(z.meta({ description, resource: direction, ...nativeType && { type: nativeType } })) as never;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function fits(direction: Direction, handle: ResourceHandle): boolean {
  if (handle.kind === "client_stream") return true;
  const method = handle.kind === "fetch_request" ? "GET" : handle.method;
  return method === (direction === "read" ? "GET" : "PUT");
}

function refusal(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  // A signed URL is a secret.
  return typeof value === "object" && value !== null ? `one with the keys ${Object.keys(value).join(", ")}` : text;
}

/** A parameter that is a resource. */
export interface ResourceParameter {
  readonly name: string;
  /** Its position on the legacy wire. */
  readonly index: number;
  readonly direction: Direction;
}

const parameters = new WeakMap<Method, readonly ResourceParameter[]>();

/** Which parameters of a method are resources. */
export function resourcesOf(method: Method): readonly ResourceParameter[] {
  let found = parameters.get(method);
  if (!found) {
    found = Object.entries(method.params).flatMap(([name, schema], index) => {
      const direction = z.globalRegistry.get(schema)?.resource as Direction | undefined;
      return direction ? [{ name, index, direction }] : [];
    });
    parameters.set(method, found);
  }
  return found;
}

/** The handle of a request that the exporter makes, or `undefined` for what goes through the client. */
export function requestHandle(
  direction: Direction,
  given: ResourceSource | ResourceSink,
): ResourceHandle | undefined {
  const request: HttpRequest | undefined = given instanceof URL
    ? { url: given.href }
    : "url" in given
    ? given
    : undefined;
  if (!request) return undefined;
  const { url, headers = {}, contentEncoding, sha256 } = request;
  if (!/^https?:\/\//i.test(url)) {
    throw new JumpstarterError("invalid_argument", `Expected a URL of http or https, got one of ${url.split(":")[0]}`, {
      phase: "usage",
    });
  }
  if (contentEncoding === undefined && sha256 === undefined) {
    return { kind: "presigned_request", method: direction === "read" ? "GET" : "PUT", url, headers };
  }
  if (direction === "write") {
    throw new JumpstarterError("invalid_argument", "What is uploaded to a URL cannot be compressed or checked", {
      phase: "usage",
    });
  }
  return { kind: "fetch_request", url, headers, x_jmp_content_encoding: contentEncoding, sha256 };
}

/** A resource that is open for the time of one call. */
export interface OpenResource {
  readonly resource: ReadableResource | WritableResource;
  /** The method has succeeded: what it wrote is complete. */
  finish(): Promise<void>;
  /** The method has failed. */
  abort(reason: unknown): Promise<void>;
}

/** Opens what handles stand for. */
export interface ResourceOpener {
  /**
   * Takes the resource that was offered to the driver with a uuid.
   *
   * @throws {JumpstarterError} `unknown` where nothing was, or somebody took it; the failure of a request's beginning.
   */
  open(driver: string, direction: Direction, handle: ResourceHandle, signal: AbortSignal): Promise<OpenResource>;
}
