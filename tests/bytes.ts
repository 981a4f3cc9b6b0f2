/**
 * Bytes on their way through a test.
 *
 * @module
 */
import { type ByteStream, sinkOf, sourceOf } from "../lib/core/byte_stream.ts";
import { withLimit } from "../lib/core/limit.ts";

const limitMs = 5_000;

/** One end of a byte stream, for a test that talks. Whatever does not come within five seconds fails. */
export interface Talk {
  send(text: string): Promise<void>;
  /** Ends this direction. */
  end(): Promise<void>;
  /** All that was heard since the last call, once it contains `text`. */
  until(text: string): Promise<string>;
  /** All that is heard until the other end is done. */
  rest(): Promise<string>;
  /** The next chunk, boundaries kept; `undefined` at the end. */
  chunk(): Promise<Uint8Array | undefined>;
}

/** Talks over a stream. */
export function talk(stream: ByteStream): Talk {
  const source = sourceOf(stream);
  const sink = sinkOf(stream);
  const decoder = new TextDecoder();
  let heard = "";
  const hear = async (what: string) => {
    const bytes = await withLimit(source.next(), limitMs, `${what}, after ${JSON.stringify(heard)},`);
    heard += bytes ? decoder.decode(bytes, { stream: true }) : "";
    return bytes !== undefined;
  };
  const take = (length: number) => {
    const taken = heard.slice(0, length);
    heard = heard.slice(length);
    return taken;
  };
  return {
    send: (text) => withLimit(sink.write(new TextEncoder().encode(text)), limitMs, `Sending ${JSON.stringify(text)}`),
    end: () => withLimit(sink.end(), limitMs, "Ending"),
    async until(text) {
      while (!heard.includes(text)) {
        if (!await hear(`Hearing ${JSON.stringify(text)}`)) {
          throw new Error(`The end came after ${JSON.stringify(heard)}`);
        }
      }
      return take(heard.indexOf(text) + text.length);
    },
    async rest() {
      while (await hear("Hearing the end")) { /* more may come */ }
      return take(heard.length);
    },
    chunk: () => withLimit(source.next(), limitMs, "Hearing a chunk"),
  };
}

/** A TCP server that gives back what it gets, and ends when its peer does. */
export function echoServer(hostname = "127.0.0.1"): { hostname: string; port: number } & AsyncDisposable {
  return serverOf(Deno.listen({ hostname, port: 0 }), (connection) => connection.readable.pipeTo(connection.writable));
}

/** The same on a unix socket. */
export function unixEchoServer(path: string): AsyncDisposable {
  return serverOf(
    Deno.listen({ transport: "unix", path }),
    (connection) => connection.readable.pipeTo(connection.writable),
  );
}

/** Serves every connection of a listener. Disposing hangs up on all of them. */
export function serverOf(listener: Deno.Listener, serve: (connection: Deno.Conn) => Promise<void>) {
  const connections = new Set<Deno.Conn>();
  const done: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      done.push(
        serve(connection).catch(() => {}).finally(() => {
          connections.delete(connection);
          close(connection);
        }),
      );
    }
  })();
  const { hostname = "", port = 0 } = listener.addr as Partial<Deno.NetAddr>;
  return {
    hostname,
    port,
    async [Symbol.asyncDispose]() {
      close(listener);
      connections.forEach(close);
      await accepting;
      await Promise.all(done);
    },
  };
}

function close(resource: { close(): void }): void {
  try {
    resource.close();
  } catch { /* closed already */ }
}

/** A TCP port of this machine on which nobody listens. */
export function deadPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A unix socket on which nobody listens any more, as a killed process leaves one. */
export function abandonedSocket(path: string): void {
  const listener = Deno.listen({ transport: "unix", path: `${path}.before` });
  Deno.renameSync(`${path}.before`, path);
  listener.close();
}
