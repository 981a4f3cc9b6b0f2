/**
 * The resources of a session: streams that clients have offered to a driver, until a method takes them, and requests of
 * HTTP that the exporter makes itself.
 *
 * @module
 */
import {
  type Direction,
  type OpenResource,
  readableResource,
  type ResourceHandle,
  type ResourceOpener,
  writableResource,
} from "../contract/resource.ts";
import type { OwnedSink } from "../core/byte_stream.ts";
import { type Codec, codecs } from "../core/codec.ts";
import { JumpstarterError } from "../core/errors.ts";
import type { ServerStream } from "../wire/rpc/types.ts";
import { endOfRequest, goAwayFrame, receivedBytes, sendBytes } from "../wire/stream_frame.ts";

// Most exporters run for long without a compressed file or a request.
const coding = () => import("../streams/codec/codec.ts");

/** What a client says of the resource that it offers. */
export interface Offer {
  /** How the bytes are compressed that the client sends or gets. */
  readonly encoding?: string | null;
  /** How many bytes the driver will get, where that is known. */
  readonly size?: number;
}

/** The resources of one session. */
export class ResourceTable implements ResourceOpener {
  readonly #offered = new Map<string, OfferedStream>();

  /**
   * Offers the bytes of a call to a driver, and serves them until the driver's method ends. Its last word is a GOAWAY,
   * which clients wait for.
   */
  async serve(driver: string, call: ServerStream, { encoding, size }: Offer): Promise<void> {
    const uuid = crypto.randomUUID();
    const codec = encoding && await canBeCoded(encoding) ? encoding : null;
    const stream = new OfferedStream(call, size);
    const key = keyOf(driver, uuid);
    this.#offered.set(key, stream);
    try {
      // Without the second key the client does itself what this exporter cannot do. Python sends it empty for no codec.
      call.sendHeaders({
        resource: JSON.stringify({ kind: "client_stream", uuid, x_jmp_content_encoding: codec }),
        ...encoding && !codec ? {} : { x_jmp_accept_encoding: codec ?? "" },
      });
      await stream.released(call.signal);
      await call.send(goAwayFrame);
      if (stream.hasWritten) await endOfRequest(call);
    } finally {
      this.#offered.delete(key);
    }
  }

  async open(
    driver: string,
    direction: Direction,
    handle: ResourceHandle,
    signal: AbortSignal,
  ): Promise<OpenResource> {
    if (handle.kind === "client_stream") {
      return await this.#take(driver, handle.uuid).open(direction, handle.x_jmp_content_encoding ?? undefined);
    }
    const { openRequest } = await import("./requests.ts");
    return await openRequest(handle, direction, signal);
  }

  #take(driver: string, uuid: string): OfferedStream {
    const key = keyOf(driver, uuid);
    const stream = this.#offered.get(key);
    // Python answers UNKNOWN as well.
    if (!stream) throw new JumpstarterError("unknown", `There is no resource ${uuid} at this driver, or it was used`);
    this.#offered.delete(key);
    return stream;
  }
}

function keyOf(driver: string, uuid: string): string {
  return `${driver} ${uuid.toLowerCase()}`;
}

async function canBeCoded(encoding: string): Promise<boolean> {
  if (Deno.env.get("JMP_DISABLE_COMPRESSION") === "1") return false;
  return codecs.includes(encoding as Codec) && await (await coding()).canCode(encoding as Codec);
}

/** A client's stream that waits for a driver's method, or is in its hands. */
class OfferedStream {
  readonly #call: ServerStream;
  readonly #size?: number;
  readonly #released = Promise.withResolvers<void>();
  /** Whether it is one that the driver writes. */
  hasWritten = false;

  constructor(call: ServerStream, size: number | undefined) {
    this.#call = call;
    this.#size = size;
    this.#released.promise.catch(() => {});
  }

  /** Resolves when the method has ended. Rejects when what it wrote is not complete, or the client went away. */
  async released(signal: AbortSignal): Promise<void> {
    const goAway = () => this.#released.reject(signal.reason);
    if (signal.aborted) goAway();
    signal.addEventListener("abort", goAway, { once: true });
    try {
      await this.#released.promise;
    } finally {
      signal.removeEventListener("abort", goAway);
    }
  }

  open(direction: Direction, codec: Codec | undefined): Promise<OpenResource> {
    return direction === "read" ? this.#read(codec) : this.#write(codec);
  }

  async #read(codec: Codec | undefined): Promise<OpenResource> {
    const raw = receivedBytes(this.#call);
    const decoded = codec && (await coding()).decompress(codec, raw);
    const done = async () => {
      await decoded?.close();
      this.#released.resolve();
    };
    const resource = readableResource(decoded ?? raw, this.#size);
    return { resource, finish: done, abort: done };
  }

  async #write(codec: Codec | undefined): Promise<OpenResource> {
    this.hasWritten = true;
    const raw: OwnedSink = {
      write: (chunk) => sendBytes(this.#call, chunk),
      end: () => Promise.resolve(),
      abort() {},
    };
    const sink = codec ? (await coding()).compressInto(codec, raw) : raw;
    return {
      resource: writableResource(sink),
      finish: async () => {
        await sink.end();
        this.#released.resolve();
      },
      abort: async (reason) => {
        await sink.abort(reason);
        this.#released.reject(new JumpstarterError("aborted", "The file is not complete"));
      },
    };
  }
}
