/**
 * A device's screen in a browser: a page with noVNC on a port of this machine, and a WebSocket beside it that is joined
 * to the device's VNC server.
 *
 * Any page that the browser shows can reach a port of the loopback, so what is served lies behind a path that nobody can
 * guess, the name it is asked by has to be this machine's, and the WebSocket takes its own page only.
 *
 * @module
 */
import { type ByteStream, sinkOf, sourceOf } from "../../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../../core/errors.ts";
import { copy } from "../pump.ts";
import { openWebSocket } from "../web_socket.ts";
import { page, pageScript, pageStyle } from "./page.ts";

/** A page that is being served. Disposing ends it and its connections. */
export interface Novnc extends AsyncDisposable {
  /** What to open in a browser. Who knows it sees the screen, and can type. */
  readonly url: string;
  /** An address that leads there once, for programs whose words every user of the machine can see. */
  readonly entry: string;
}

/** What a page is made of. */
export interface NovncOptions {
  /** Opens the VNC server for one browser; the signal aborts when the page's server is disposed. */
  open(signal: AbortSignal): Promise<ByteStream>;
  /** Told why a connection failed. The page goes on. */
  onFailure?(message: string): void;
}

/** Serves the page on a free port of the loopback. */
export function serveNovnc({ open, onFailure }: NovncOptions): Novnc {
  const token = secret();
  const entry = secret();
  let isEntered = false;
  const end = new AbortController();
  const joined = new Set<Promise<void>>();

  async function show(socket: WebSocket): Promise<void> {
    try {
      const failureOf = (why: string) => new JumpstarterError("unavailable", `The browser is gone: ${why}`);
      await using near = await openWebSocket(socket, failureOf, end.signal);
      const stop = () => void near[Symbol.asyncDispose]();
      end.signal.addEventListener("abort", stop, { once: true });
      try {
        await using far = await open(end.signal);
        // A WebSocket ends as a whole, so the end of either direction is that of both.
        await Promise.race([copy(sourceOf(near), sinkOf(far)), copy(sourceOf(far), sinkOf(near))]);
      } finally {
        end.signal.removeEventListener("abort", stop);
      }
    } catch (error) {
      if (!end.signal.aborted) onFailure?.(messageOf(error));
    }
  }

  async function answer(request: Request): Promise<Response> {
    const host = request.headers.get("host") ?? "";
    if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`) return refusal(403, "This is another host");
    const { pathname } = new URL(request.url);
    if (pathname === `/${entry}` && !isEntered) {
      isEntered = true;
      return new Response(null, { status: 302, headers: { location: `/${token}/`, "referrer-policy": "no-referrer" } });
    }
    if (!pathname.startsWith(`/${token}/`)) return refusal(404, "There is nothing here");
    if (request.method !== "GET") return refusal(405, "Only GET is answered");
    switch (pathname.slice(token.length + 2)) {
      case "":
        return file("text/html", page, host);
      case "page.js":
        return file("text/javascript", pageScript, host);
      case "page.css":
        return file("text/css", pageStyle, host);
      case "rfb.js":
        return file("text/javascript", (await import("./rfb_script.ts")).default, host);
      case "socket": {
        if (request.headers.get("origin") !== `http://${host}`) return refusal(403, "Another page may not come in");
        if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return refusal(426, "Expected a WebSocket");
        const { socket, response } = Deno.upgradeWebSocket(request);
        const showing = show(socket).finally(() => joined.delete(showing));
        joined.add(showing);
        return response;
      }
      default:
        return refusal(404, "There is nothing here");
    }
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  const { port } = server.addr;
  return {
    url: `http://127.0.0.1:${port}/${token}/`,
    entry: `http://127.0.0.1:${port}/${entry}`,
    async [Symbol.asyncDispose]() {
      end.abort(new JumpstarterError("canceled", "The page has ended"));
      await Promise.all(joined);
      await server.shutdown();
    },
  };
}

function secret(): string {
  return crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: "base64url" });
}

function refusal(status: number, why: string): Response {
  return new Response(`${why}\n`, { status });
}

function file(type: string, text: string, host: string): Response {
  return new Response(text, {
    headers: {
      "content-type": `${type}; charset=utf-8`,
      "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; " +
        `connect-src 'self' ws://${host}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
      // The path is a secret.
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    },
  });
}
