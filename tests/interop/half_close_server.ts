/**
 * A TCP server that proves half-close: it reads to the end, then answers with all it got, and ends.
 *
 * @module
 */

/** The server; its port is free before and after. */
export function halfCloseServer(): { readonly port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answers: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) answers.push(answer(connection));
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(answers);
    },
  };
}

async function answer(connection: Deno.TcpConn): Promise<void> {
  try {
    const received = new Uint8Array(await new Response(nonClosing(connection)).arrayBuffer());
    for (let offset = 0; offset < received.length;) offset += await connection.write(received.subarray(offset));
  } finally {
    connection.close();
  }
}

/** What a connection says until its end, without giving up the other direction. */
function nonClosing(connection: Deno.TcpConn): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const buffer = new Uint8Array(64 * 1024);
      const count = await connection.read(buffer);
      if (count === null) controller.close();
      else controller.enqueue(buffer.subarray(0, count));
    },
  });
}

/** Bytes that repeat nowhere near, so that a lost or swapped chunk shows. */
export function testBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  let state = 1;
  for (let at = 0; at < count; at++) bytes[at] = (state = state * 48271 % 2147483647) >>> 8;
  return bytes;
}
