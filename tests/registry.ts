/** A registry on the loopback, by the distribution protocol: clients push into it, and it asks for tokens. @module */
import { createHash } from "node:crypto";
import { concat } from "./payload.ts";

/** How a registry behaves. */
export interface RegistryOptions {
  /** Whom it lets in, `user:password`; everybody where it is left out. */
  readonly login?: string;
  /** How it asks for the login. @default "Bearer" */
  readonly scheme?: "Bearer" | "Basic";
  /** Where it says that it gives tokens, instead of where it does. */
  readonly realm?: string;
  /** Sends the client to another host for blobs. */
  readonly redirects?: boolean;
  /** Cuts the connection after so many bytes of a blob. */
  readonly cutAfter?: number;
}

/** A registry that is up. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:5000` */
  readonly host: string;
  readonly blobs: Map<string, Uint8Array<ArrayBuffer>>;
  /** Every request: its method, its path, and the scheme of its authorization. */
  readonly seen: string[];
  /** Stores a manifest under a tag, or its digest only; resolves to its descriptor. */
  manifest(name: string, content: object, tag?: string): Descriptor;
  /** Stores a blob. */
  blob(bytes: Uint8Array<ArrayBuffer>, mediaType?: string, title?: string): Descriptor;
}

/** What stands for something that is stored. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Record<string, string>;
}

export const manifestType = "application/vnd.oci.image.manifest.v1+json";
export const indexType = "application/vnd.oci.image.index.v1+json";

const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Starts a registry. */
export function startRegistry(options: RegistryOptions = {}): TestRegistry {
  const { login, scheme = "Bearer", redirects = false } = options;
  const blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  const manifests = new Map<string, { type: string; bytes: Uint8Array<ArrayBuffer> }>();
  const uploads = new Map<string, Uint8Array<ArrayBuffer>>();
  const tokens = new Map<string, string>();
  const seen: string[] = [];
  const expected = login && `Basic ${btoa(login)}`;

  const challenge = (name: string) => {
    const realm = options.realm ?? `http://${host}/token`;
    const bearer = `Bearer realm="${realm}",service="test registry"${name && `,scope="repository:${name}:pull"`}`;
    return new Response("{}", {
      status: 401,
      headers: { "www-authenticate": scheme === "Basic" ? 'Basic realm="registry"' : bearer },
    });
  };
  const isAllowed = (name: string, method: string, authorization: string | null) => {
    if (!expected) return true;
    if (scheme === "Basic") return authorization === expected;
    const scope = tokens.get(authorization?.replace(/^Bearer /, "") ?? "");
    if (scope === undefined || name === "") return scope !== undefined;
    const action = method === "GET" || method === "HEAD" ? "pull" : "push";
    return scope.startsWith(`repository:${name}:`) && scope.includes(action);
  };
  const give = (request: Request, digest: string) => {
    const bytes = blobs.get(digest);
    if (!bytes) return new Response("{}", { status: 404 });
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    const headers = new Headers({ etag: `"${digest}"`, "content-length": `${bytes.length - start}` });
    if (start > 0) headers.set("content-range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
    const body = request.method === "HEAD" ? null : cutStream(bytes.subarray(start), options.cutAfter);
    return new Response(body, { status: start > 0 ? 206 : 200, headers });
  };
  const store = async (request: Request, name: string, version: string) => {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const content = { type: request.headers.get("content-type") ?? "", bytes };
    for (const key of [version, digestOf(bytes)]) manifests.set(`${name} ${key}`, content);
    return new Response(null, { status: 201, headers: { "docker-content-digest": digestOf(bytes) } });
  };
  const upload = async (request: Request, name: string, id: string, digest: string | null) => {
    const bytes = concat([uploads.get(id) ?? new Uint8Array(), new Uint8Array(await request.arrayBuffer())]);
    uploads.set(id, bytes);
    const headers = { location: `/v2/${name}/blobs/uploads/${id}`, range: `0-${Math.max(0, bytes.length - 1)}` };
    if (request.method !== "PUT") return new Response(null, { status: 202, headers });
    if (digest !== digestOf(bytes)) return new Response("{}", { status: 400 });
    blobs.set(digest, bytes);
    return new Response(null, { status: 201, headers });
  };

  const answer = async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    seen.push([request.method, pathname, authorization?.split(" ")[0]].filter(Boolean).join(" "));
    if (pathname === "/token") {
      if (authorization !== expected) return new Response("{}", { status: 401 });
      const token = crypto.randomUUID();
      tokens.set(token, searchParams.getAll("scope").join(" "));
      return Response.json({ token, expires_in: 300 });
    }
    if (pathname === "/v2/") return isAllowed("", "GET", authorization) ? new Response("{}") : challenge("");
    const [, name, kind, rest] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? [];
    if (!name) return new Response("{}", { status: 404 });
    if (!isAllowed(name, request.method, authorization)) return challenge(name);
    if (kind === "manifests") {
      if (request.method === "PUT") return await store(request, name, rest);
      const found = manifests.get(`${name} ${rest}`);
      const headers = found && { "content-type": found.type, "docker-content-digest": digestOf(found.bytes) };
      return found ? new Response(found.bytes, { headers }) : new Response("{}", { status: 404 });
    }
    const [, id] = /^uploads\/(.*)$/.exec(rest) ?? [];
    if (rest === "uploads/") return await upload(request, name, crypto.randomUUID(), null);
    if (id) return await upload(request, name, id, searchParams.get("digest"));
    if (redirects && request.method === "GET") {
      return Response.redirect(
        `http://${elsewhere.addr.hostname}:${elsewhere.addr.port}/${rest}?signature=secret`,
        307,
      );
    }
    return give(request, rest);
  };

  const quiet = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(quiet, answer);
  const elsewhere = Deno.serve(quiet, (request) => {
    const authorization = request.headers.get("authorization");
    seen.push(["elsewhere", request.headers.get("range"), authorization].filter(Boolean).join(" "));
    return give(request, new URL(request.url).pathname.slice(1));
  });
  const host = `127.0.0.1:${server.addr.port}`;
  return {
    host,
    blobs,
    seen,
    blob(bytes, mediaType = "application/octet-stream", title) {
      const digest = digestOf(bytes);
      blobs.set(digest, bytes);
      const annotations = title === undefined ? undefined : { "org.opencontainers.image.title": title };
      return { mediaType, digest, size: bytes.length, annotations };
    },
    manifest(name, content, tag) {
      const mediaType = "manifests" in content ? indexType : manifestType;
      const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
      const digest = digestOf(bytes);
      for (const key of [digest, tag]) if (key) manifests.set(`${name} ${key}`, { type: mediaType, bytes });
      return { mediaType, digest, size: bytes.length };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([server.shutdown(), elsewhere.shutdown()]);
    },
  };
}

/** Bytes of which only so many come; the server cuts the connection where it has promised more. */
function cutStream(bytes: Uint8Array, after = Infinity): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= after && at < bytes.length) return controller.close();
      const end = Math.min(at + 64 * 1024, after, bytes.length);
      if (at === end) return controller.close();
      controller.enqueue(bytes.slice(at, end));
      at = end;
    },
  });
}
