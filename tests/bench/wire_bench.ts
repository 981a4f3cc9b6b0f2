/**
 * Measures the wire between two processes over TCP on the loopback: `deno run -A tests/bench/wire_bench.ts`.
 *
 * Rates of a shared machine swing; compare medians of interleaved runs.
 *
 * @module
 */

import { connectRpc, type RpcClient, type ServerStream } from "../../lib/wire/rpc/mod.ts";
import { serveConnection } from "../../lib/wire/rpc/mod.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

async function serve(): Promise<void> {
  const handlers = {
    "/bench/Echo": { kind: "unary" as const, handle: async (request: Uint8Array) => await request },
    "/bench/Memory": { kind: "unary" as const, handle: () => new TextEncoder().encode(`${Deno.memoryUsage().rss}`) },
    "/bench/Values": { kind: "streaming" as const, handle: (stream: ServerStream) => values(stream, 20_000) },
    "/bench/EchoStream": { kind: "streaming" as const, handle: echo },
    "/bench/Sink": { kind: "streaming" as const, handle: sink },
    "/bench/Source": { kind: "streaming" as const, handle: source },
  };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log((listener.addr as Deno.NetAddr).port);
  for await (const conn of listener) {
    serveConnection(conn, { peer: "bench", router: (path) => handlers[path as keyof typeof handlers] });
  }
}

async function values(stream: ServerStream, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await stream.send(new Uint8Array(12));
}

async function echo(stream: ServerStream): Promise<void> {
  for (let message; (message = await stream.receive()) !== undefined;) await stream.send(message);
}

async function sink(stream: ServerStream): Promise<void> {
  while (await stream.receive() !== undefined);
}

async function source(stream: ServerStream): Promise<void> {
  const [total, size] = new Uint32Array((await stream.receive())!.slice().buffer);
  const message = new Uint8Array(size);
  for (let sent = 0; sent < total; sent += size) await stream.send(message);
}

async function dial(port: number): Promise<RpcClient> {
  return connectRpc(await Deno.connect({ hostname: "127.0.0.1", port }), { authority: "bench" });
}

async function sequential(client: RpcClient, calls: number): Promise<string> {
  const times = new Float64Array(calls);
  for (let i = 0; i < calls; i++) {
    const start = performance.now();
    await client.unary("/bench/Echo", new Uint8Array(32));
    times[i] = performance.now() - start;
  }
  times.sort();
  const at = (share: number) => times[Math.floor(share * calls)].toFixed(3);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

async function parallel(client: RpcClient, lanes: number, calls: number): Promise<string> {
  const start = performance.now();
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (let i = 0; i < calls / lanes; i++) await client.unary("/bench/Echo", new Uint8Array(32));
  }));
  return `${Math.round(calls * 1000 / (performance.now() - start))} calls/s`;
}

async function streamed(client: RpcClient): Promise<string> {
  const start = performance.now();
  const stream = client.stream("/bench/Values");
  stream.closeSend();
  let count = 0;
  while (await stream.receive() !== undefined) count++;
  return `${(performance.now() - start).toFixed(1)} ms for ${count}`;
}

async function throughput(client: RpcClient, path: string, size: number, total: number): Promise<string> {
  const start = performance.now();
  const stream = client.stream(path);
  const send = async () => {
    if (path === "/bench/Source") await stream.send(new Uint8Array(new Uint32Array([total, size]).buffer));
    else {
      const message = new Uint8Array(size);
      for (let sent = 0; sent < total; sent += size) await stream.send(message);
    }
    stream.closeSend();
  };
  const receive = async () => {
    while (await stream.receive() !== undefined);
  };
  await Promise.all([send(), receive()]);
  return `${Math.round(total / 1000 / (performance.now() - start))} MB/s`;
}

async function idle(client: RpcClient, port: number, count: number): Promise<string> {
  const rss = async () => Number(new TextDecoder().decode(await client.unary("/bench/Memory", new Uint8Array())));
  const before = await rss();
  const clients = await Promise.all(Array.from({ length: count }, () => dial(port)));
  for (const idle of clients) await idle.unary("/bench/Echo", new Uint8Array(32));
  const grown = await rss() - before;
  await Promise.all(clients.map((idle) => idle.close()));
  return `${(grown / count / KiB).toFixed(1)} KiB each of ${count}`;
}

async function measure(): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, "serve"],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const port = Number(new TextDecoder().decode((await reader.read()).value));
  reader.releaseLock();
  const client = await dial(port);
  try {
    const report = async (name: string, figure: Promise<string>) => console.log(name.padEnd(28), await figure);
    await report("idle connection, server", idle(client, port, 1_000));
    await parallel(client, 16, 20_000);
    await sequential(client, 2_000);
    await report("unary, one by one", sequential(client, 10_000));
    await report("unary, 16 at once", parallel(client, 16, 60_000));
    await report("unary, 100 at once", parallel(client, 100, 60_000));
    await streamed(client);
    await report("server stream, small values", streamed(client));
    await report("echo 64 KiB", throughput(client, "/bench/EchoStream", 64 * KiB, 512 * MiB));
    await report("echo 1 MiB", throughput(client, "/bench/EchoStream", MiB, 512 * MiB));
    await report("up 64 KiB", throughput(client, "/bench/Sink", 64 * KiB, 1024 * MiB));
    await report("down 64 KiB", throughput(client, "/bench/Source", 64 * KiB, 1024 * MiB));
  } finally {
    await client.close();
    child.kill();
    await child.stdout.cancel();
    await child.status;
  }
}

if (Deno.args[0] === "serve") await serve();
else await measure();
