/**
 * The client's side of resources: a stream beside the call, over which the driver reads a local source or writes a local
 * sink.
 *
 * @module
 */
import { type Lending, type Lent, localSink, localSource } from "../contract/lending.ts";
import {
  type Direction,
  type LocalSink,
  type LocalSource,
  requestHandle,
  type ResourceSink,
  type ResourceSource,
} from "../contract/resource.ts";
import type { ByteSource, OwnedSource } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { unlessAborted } from "../core/limit.ts";
import type { ClientStream, RpcClient } from "../wire/rpc/types.ts";
import { goAwayFrame, receivedBytes, sendBytes } from "../wire/stream_frame.ts";

/** How long an exporter may say nothing once the call has ended, in milliseconds. */
const silenceMs = 30_000;

/** Where a resource is lent to. */
export interface Borrower {
  readonly rpc: RpcClient;
  /** The driver's. */
  readonly uuid: string;
  /** Whether bytes go over a link on their way, and not through this machine's memory only. */
  readonly isDistant: boolean;
}

/** Lends a resource to a driver. */
export async function lend(
  borrower: Borrower,
  direction: Direction,
  given: ResourceSource | ResourceSink,
  lending: Lending,
): Promise<Lent> {
  const handle = requestHandle(direction, given);
  if (handle) return { argument: handle, finish: () => Promise.resolve(), abort: () => Promise.resolve() };
  return direction === "read"
    ? await lendSource(borrower, given as LocalSource | ReadableStream<Uint8Array>, lending)
    : await lendSink(borrower, given as LocalSink | WritableStream<Uint8Array>, lending);
}

/** The stream of a resource, and what the exporter said when it was opened. */
async function open(rpc: RpcClient, request: Record<string, unknown>, { signal }: Lending) {
  const metadata = { request: JSON.stringify({ kind: "resource", ...request }) };
  const call = rpc.stream("/jumpstarter.v1.RouterService/Stream", { metadata, signal });
  const { resource, x_jmp_accept_encoding: accepted } = await call.headers;
  try {
    return { call, handle: JSON.parse(resource), accepted };
  } catch (cause) {
    call.cancel();
    throw new JumpstarterError("data_loss", "The exporter gives no handle for a resource", { phase: "driver", cause });
  }
}

async function lendSource(
  { rpc, uuid, isDistant }: Borrower,
  given: LocalSource | ReadableStream<Uint8Array>,
  lending: Lending,
): Promise<Lent> {
  const { bytes: local, size, contentEncoding, close } = localSource(given);
  const bytes = size === undefined ? local : untilSize(local, size);
  let begun: ClientStream | undefined;
  let handle: Record<string, unknown>;
  let source = bytes;
  let coder: OwnedSource | undefined;
  try {
    const link = isDistant && !contentEncoding ? await import("../streams/codec/link.ts") : undefined;
    // A source may take its time.
    const looked = link && await unlessAborted(link.lookAhead(bytes), lending.signal);
    if (looked) ({ source } = looked);
    const linkCodec = looked?.shrinks ? "zstd" : undefined;
    const opened = await open(rpc, {
      uuid,
      x_jmp_content_encoding: contentEncoding ?? linkCodec ?? null,
      // Of what the driver gets.
      size: contentEncoding ? undefined : size,
    }, lending);
    ({ call: begun, handle } = opened);
    if (contentEncoding && opened.accepted === undefined) {
      const { decompress } = await import("../streams/codec/codec.ts");
      coder = decompress(contentEncoding, source);
    } else if (linkCodec && opened.accepted === linkCodec) {
      coder = link!.compressForLink(source);
    } else if (linkCodec) {
      handle = { ...handle, x_jmp_content_encoding: null };
    }
  } catch (error) {
    begun?.cancel();
    await close();
    throw error;
  }
  const call = begun;
  if (coder) source = coder;
  let isOver = false;
  const send = async () => {
    for (let chunk = await source.next(); chunk && !isOver; chunk = await source.next()) {
      await sendBytes(call, chunk);
    }
    if (isOver) return;
    await call.send(goAwayFrame);
    call.closeSend();
  };
  // Nothing comes back but the end, which means that the driver is done with it, read to its end or not.
  const done = receivedBytes(call).next().catch(() => {}).finally(() => isOver = true);
  send().catch((error) => {
    // A stream that ended is the exporter's doing, and the call's own answer says why.
    if (!isOver) lending.fail(error);
  });
  const release = async () => {
    isOver = true;
    call.cancel();
    await coder?.close();
    await close();
  };
  return {
    argument: handle,
    async finish() {
      await withinSilence(done);
      await release();
    },
    abort: release,
  };
}

async function lendSink(
  { rpc, uuid }: Borrower,
  given: LocalSink | WritableStream<Uint8Array>,
  lending: Lending,
): Promise<Lent> {
  const { bytes: local, contentEncoding } = localSink(given);
  let begun: ClientStream | undefined;
  let handle: unknown;
  let sink = local;
  try {
    // It is compressed here: Python's exporters cut short what they compress.
    ({ call: begun, handle } = await open(rpc, { uuid, x_jmp_content_encoding: null }, lending));
    if (contentEncoding) {
      const { compressInto } = await import("../streams/codec/codec.ts");
      sink = compressInto(contentEncoding, local);
    }
  } catch (error) {
    begun?.cancel();
    await local.abort(error);
    throw error;
  }
  const call = begun;
  let isOver = false;
  let heard = () => {};
  const receive = async () => {
    await call.send(goAwayFrame);
    call.closeSend();
    const source = receivedBytes(call);
    for (let chunk = await source.next(); chunk; chunk = await source.next()) {
      heard();
      // Where the stream breaks instead, the call's own answer says why.
      await sink.write(chunk).catch((error) => {
        if (!isOver) lending.fail(error);
        throw error;
      });
    }
  };
  const receiving = receive();
  receiving.catch(() => {});
  return {
    argument: handle,
    async finish() {
      await withinSilence(receiving, (hear) => heard = hear);
      call.cancel();
      await sink.end();
    },
    async abort(reason) {
      isOver = true;
      call.cancel();
      await sink.abort(reason);
      await receiving.catch(() => {});
    },
  };
}

/** A source that fails where it ends before its size, as a file does that became shorter: half of it is no file. */
function untilSize(source: ByteSource, size: number): ByteSource {
  let passed = 0;
  return {
    async next() {
      const chunk = await source.next();
      if (!chunk && passed < size) {
        throw new JumpstarterError("data_loss", `The file ended after ${passed} of ${size} bytes`);
      }
      passed += chunk?.length ?? 0;
      return chunk;
    },
  };
}

/** Waits for the end of what goes on after a call has succeeded, as long as anything is heard of it. */
async function withinSilence(work: Promise<unknown>, listen: (heard: () => void) => void = () => {}): Promise<void> {
  const silence = Promise.withResolvers<never>();
  const start = () =>
    setTimeout(() => {
      const message = `The exporter did not end the resource's stream within ${silenceMs / 1000} s after the call`;
      silence.reject(new JumpstarterError("deadline_exceeded", message, { phase: "driver" }));
    }, silenceMs);
  let timer = start();
  listen(() => {
    clearTimeout(timer);
    timer = start();
  });
  try {
    await Promise.race([work, silence.promise]);
  } finally {
    listen(() => {});
    clearTimeout(timer);
  }
}
