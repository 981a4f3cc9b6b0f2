/**
 * `jumpstarter.v1.RouterService` on a session: one call of `Stream` carries the bytes of one driver stream, or of one
 * resource.
 *
 * @module
 */
import * as z from "zod/mini";
import { dispatchByteStream } from "../contract/dispatch.ts";
import { check } from "../contract/values.ts";
import { type ByteSource, sinkOf, sourceOf } from "../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { withLimit } from "../core/limit.ts";
import { copy } from "../streams/pump.ts";
import type { Handler, ServerStream } from "../wire/rpc/types.ts";
import { dataFrameHead, endOfRequest, goAwayFrame, receivedBytes } from "../wire/stream_frame.ts";
import type { Session } from "./session.ts";

/** The service's handler by path. */
export function routerService(session: Session): [string, Handler][] {
  return [["/jumpstarter.v1.RouterService/Stream", {
    kind: "streaming",
    handle: (call) => serveStream(session, call),
  }]];
}

const StreamRequestMetadata = z.object({
  kind: z.enum(["driver", "resource"]),
  uuid: z.string(),
  /** Of a driver's stream. */
  method: z._default(z.string(), "connect"),
  /** Of a resource. */
  x_jmp_content_encoding: z.nullish(z.string()),
  /** Of what a driver reads of a resource, where it is known; only this program's clients tell it. */
  size: z.optional(z.int().check(z.minimum(0))),
});

/** How long a device may take for what a caller has sent that is gone, in milliseconds. */
const deliveryMs = 5_000;

/** Opens the driver's stream and carries bytes until both directions have ended or the caller goes away. */
async function serveStream(session: Session, call: ServerStream): Promise<void> {
  const request = parseRequest(call.metadata["request"]);
  const driver = session.driver(request.uuid);
  if (request.kind === "resource") {
    const { x_jmp_content_encoding: encoding, size } = request;
    return await session.resources.serve(driver.uuid, call, { encoding, size });
  }
  await using stream = await dispatchByteStream(driver, request.method, {
    signal: call.signal,
    connection: call.connection,
  });
  // Clients wait for this before they send or read anything.
  call.sendHeaders();
  if (call.signal.aborted) return;
  // The end of that direction ends this direction only.
  const toDevice = copy(receivedBytes(call), sinkOf(stream)).then(() => true, (error) => {
    // A device that takes no more may have more to say: only its own direction ends.
    if (!call.signal.aborted) driver.log.debug("device closed its input", { error: messageOf(error) });
    return false;
  });
  // Whoever ends its direction and goes, as Python's `j pipe --no-output` does, has sent in order to be heard.
  const delivered = async () => {
    if (call.requestEnded) await withLimit(toDevice, deliveryMs, "What the caller has sent").catch(() => {});
  };
  // What is waiting on the device, a read above all, ends when the stream is released.
  const release = () => void delivered().then(() => stream[Symbol.asyncDispose]()).catch(() => {});
  call.signal.addEventListener("abort", release, { once: true });
  try {
    await collect(sourceOf(stream), call);
    if (await toDevice) await endOfRequest(call);
  } finally {
    call.signal.removeEventListener("abort", release);
    if (call.signal.aborted) await delivered();
  }
}

function parseRequest(text: string | undefined) {
  if (text === undefined) throw new JumpstarterError("invalid_argument", "The metadata key request is missing");
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch (cause) {
    throw new JumpstarterError("invalid_argument", "Expected JSON in the metadata key request", { cause });
  }
  return check(StreamRequestMetadata, request, "request");
}

/** From the device to the caller. Its end is a GOAWAY, after which the caller may go on sending. */
async function collect(source: ByteSource, call: ServerStream): Promise<void> {
  for (let chunk = await source.next(); chunk; chunk = await source.next()) {
    const room = call.send(dataFrameHead(chunk.length), chunk);
    if (room) await room;
  }
  await call.send(goAwayFrame);
}
