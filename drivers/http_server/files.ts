/** Files over HTTP: ranges and conditions of RFC 9110, and no listings. @module */
import { once } from "../../lib/core/once.ts";
import { openInside } from "../../lib/streams/folder.ts";
import type { FoundFile } from "../../lib/streams/folder.ts";

/** Types of what a browser may show; everything else is bytes, a compressed file above all. */
const types: Record<string, string> = {
  css: "text/css; charset=utf-8",
  htm: "text/html; charset=utf-8",
  html: "text/html; charset=utf-8",
  ipxe: "text/plain; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  xml: "application/xml",
};

/** Answers a request with a file of a folder. */
export async function answer(request: Request, root: string): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const path = pathOf(request);
  if (path === undefined) return new Response(null, { status: 400 });
  const found = await openInside(root, path);
  if (found === "missing") return new Response(null, { status: 404 });
  if (found === "refused") return new Response(null, { status: 403 });
  try {
    return answerFile(request, found);
  } catch (error) {
    found[Symbol.dispose]();
    throw error;
  }
}

function answerFile(request: Request, found: FoundFile): Response {
  const { info: { size, mtime }, name } = found;
  const modified = mtime ?? new Date(0);
  const etag = `"${modified.getTime().toString(16)}-${size.toString(16)}"`;
  const headers = new Headers({
    "accept-ranges": "bytes",
    // What is served is what lies there: nobody on the way may compress it.
    "cache-control": "no-cache, no-transform",
    "content-type": types[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream",
    "etag": etag,
    "last-modified": modified.toUTCString(),
  });
  const finish = (status: number, start = 0, end = size) => {
    const hasBody = status === 200 || status === 206;
    if (hasBody) headers.set("content-length", String(end - start));
    if (status === 206) headers.set("content-range", `bytes ${start}-${end - 1}/${size}`);
    if (status === 416) headers.set("content-range", `bytes */${size}`);
    if (hasBody && request.method === "GET") return new Response(bytesOf(found, start, end), { status, headers });
    found[Symbol.dispose]();
    return new Response(null, { status, headers });
  };

  const status = conditionOf(request.headers, etag, modified);
  if (status) return finish(status);
  // RFC 9110, 14.2: a range is for GET alone.
  const range = request.method === "GET" ? rangeOf(request.headers, etag, modified, size) : undefined;
  if (range === "none") return finish(416);
  return range ? finish(206, range.start, range.end) : finish(200);
}

function pathOf(request: Request): string | undefined {
  try {
    return decodeURIComponent(new URL(request.url).pathname);
  } catch {
    return undefined; // No valid escapes.
  }
}

/** RFC 9110, 13.2.2: what the conditions of a request come to, where it is not the file. */
function conditionOf(headers: Headers, etag: string, modified: Date): 304 | 412 | undefined {
  const has = (list: string) =>
    list.trim() === "*" || list.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
  const [match, noneMatch] = [headers.get("if-match"), headers.get("if-none-match")];
  if (match !== null ? !has(match) : since(headers.get("if-unmodified-since"), modified) === "later") return 412;
  if (noneMatch !== null ? has(noneMatch) : since(headers.get("if-modified-since"), modified) === "not later") {
    return 304;
  }
  return undefined;
}

/** Whether a file was modified after a date, which has whole seconds. */
function since(date: string | null, modified: Date): "later" | "not later" | undefined {
  const time = Date.parse(date ?? "");
  if (Number.isNaN(time)) return undefined;
  return Math.floor(modified.getTime() / 1000) * 1000 > time ? "later" : "not later";
}

/** The one range that is asked for; several are answered with the whole, as everybody may. */
function rangeOf(
  headers: Headers,
  etag: string,
  modified: Date,
  size: number,
): { start: number; end: number } | "none" | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(headers.get("range")?.trim() ?? "") ?? [];
  if (first === undefined || first === "" && last === "") return undefined;
  const ifRange = headers.get("if-range");
  if (ifRange !== null && ifRange !== etag && ifRange !== modified.toUTCString()) return undefined;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(Number(last) + 1, size);
  if (first !== "" && last !== "" && Number(last) < start) return undefined; // It is none.
  return start >= size ? "none" : { start, end };
}

/** Part of a file, which is closed at its end. A file that has become shorter breaks the answer off. */
function bytesOf({ file }: FoundFile, start: number, end: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = end - start;
  const close = once(() => file.close());
  return new ReadableStream({
    async pull(controller) {
      try {
        if (left === end - start) await file.seek(start, Deno.SeekMode.Start);
        const buffer = new Uint8Array(Math.min(left, 64 * 1024));
        const count = left === 0 ? 0 : await file.read(buffer);
        if (count === null) throw new Error("The file has become shorter");
        if (count > 0) controller.enqueue(buffer.subarray(0, count));
        left -= count;
        if (left > 0) return;
        controller.close();
        close();
      } catch (error) {
        close();
        throw error;
      }
    },
    cancel: close,
  }, { highWaterMark: 0 });
}
