/** Requests of HTTP that the exporter makes for a driver. @module */
import {
  type Direction,
  type OpenResource,
  readableResource,
  type ResourceHandle,
  writableResource,
} from "../contract/resource.ts";
import { JumpstarterError } from "../core/errors.ts";
import { decompress } from "../streams/codec/codec.ts";
import { CheckedSource } from "../streams/hash.ts";
import { assertAsStored } from "../streams/http1/encoded.ts";
import { download, upload } from "../streams/http1/transfer.ts";

/** Limit for a whole transfer, in milliseconds. */
const limitMs = 7_200_000;

type RequestHandle = Exclude<ResourceHandle, { kind: "client_stream" }>;

/**
 * Begins a request. A file is asked for before the driver does anything, so that it does nothing where there is none.
 *
 * @throws {JumpstarterError} `unknown` where the server does not give or take the file, `deadline_exceeded` after two
 * hours.
 */
export async function openRequest(
  handle: RequestHandle,
  direction: Direction,
  signal: AbortSignal,
): Promise<OpenResource> {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    const message = `The transfer took longer than ${limitMs / 1000} s`;
    limit.abort(new JumpstarterError("deadline_exceeded", message));
  }, limitMs);
  const either = AbortSignal.any([signal, limit.signal]);
  try {
    const { resource, finish, abort } = await (direction === "write" ? put(handle, either) : get(handle, either));
    const release = () => clearTimeout(timer);
    return { resource, finish: () => finish().finally(release), abort: (reason) => abort(reason).finally(release) };
  } catch (error) {
    clearTimeout(timer);
    throw error;
  }
}

async function put({ url, headers }: RequestHandle, signal: AbortSignal): Promise<OpenResource> {
  const sink = await upload(url, headers, signal);
  return {
    resource: writableResource(sink),
    finish: () => sink.end(),
    abort: async (reason) => await sink.abort(reason),
  };
}

async function get(handle: RequestHandle, signal: AbortSignal): Promise<OpenResource> {
  const { codec, sha256 } = handle.kind === "fetch_request"
    ? { codec: handle.x_jmp_content_encoding ?? undefined, sha256: handle.sha256 ?? undefined }
    : {};
  const file = await download(handle.url, handle.headers, signal);
  try {
    assertAsStored(file.url, file.coding, codec);
  } catch (error) {
    file.close();
    throw error;
  }
  const checked = sha256 ? new CheckedSource(file, sha256) : undefined;
  const decoded = codec && decompress(codec, checked ?? file);
  const close = async () => {
    await decoded?.close();
    await file.close();
  };
  return {
    resource: readableResource(decoded ?? checked ?? file, decoded ? undefined : file.size),
    async finish() {
      await close();
      checked?.assertWhole();
    },
    abort: close,
  };
}
