/** Forwards over links with delay, compared with plain TCP over the same link. @module */
import assert from "node:assert/strict";
import { connect, network } from "../../mod.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { serverOf } from "../bytes.ts";
import { slowLink } from "../slow_link.ts";
import { startExporter, temporaryFolder } from "./program.ts";

const link = { delayMs: 40, bytesPerSecond: 100e6 / 8 };
const bytes = 40_000_000;
const share = 0.8;

/** A device that takes bytes and tells how many when they end, or sends as many as it is told to. */
function device() {
  return serverOf(Deno.listen({ hostname: "127.0.0.1", port: 0 }), async (connection) => {
    const [kind] = await receive(connection, 1);
    if (kind === "d".charCodeAt(0)) await send(connection);
    else await connection.write(new Uint8Array([await drain(connection) === bytes ? 1 : 0]));
    await connection.closeWrite();
  });
}

async function send(connection: Deno.Conn): Promise<void> {
  const chunk = new Uint8Array(64 * 1024);
  for (let left = bytes; left > 0; left -= chunk.length) await writeAll(connection, chunk.subarray(0, left));
}

async function drain(connection: Deno.Conn): Promise<number> {
  const buffer = new Uint8Array(64 * 1024);
  let received = 0;
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    received += count;
  }
  return received;
}

async function receive(connection: Deno.Conn, count: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(count);
  assert.equal(await connection.read(buffer), count);
  return buffer;
}

/** Milliseconds of a transfer through a port. */
async function transfer(kind: "up" | "down", port: number): Promise<number> {
  const start = performance.now();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(kind[0]));
  if (kind === "down") assert.equal(await drain(connection), bytes);
  else {
    await send(connection);
    await connection.closeWrite();
    assert.deepEqual([...await receive(connection, 1)], [1]);
  }
  return performance.now() - start;
}

for (const kind of ["up", "down"] as const) {
  Deno.test(`A forward fills a link of 100 Mbit/s and 80 ms there and back, ${kind}`, async () => {
    await using board = device();
    using folder = temporaryFolder();
    const file = folder.file(
      "board.yaml",
      `metadata: {name: board}\nexport:\n  net: {type: tcp-network, config: {host: 127.0.0.1, port: ${board.port}}}\n`,
    );
    await using exporter = await startExporter(file);
    await using toExporter = slowLink(Number(exporter.address.split(":")[1]), link);
    await using toBoard = slowLink(board.port, link);
    await using far = await connect(`127.0.0.1:${toExporter.port}`, { net: network });
    await using forward = far.net.forwardTcp();
    // At the same time, so that a machine that is busy with something else is so for both.
    const [ours, plain] = await Promise.all([
      transfer(kind, Number(forward.address.split(":")[1])),
      transfer(kind, toBoard.port),
    ]);
    assert.ok(plain >= share * ours, `${Math.round(ours)} ms, and plain TCP ${Math.round(plain)} ms`);
    // Else the link was none.
    assert.ok(plain >= bytes / link.bytesPerSecond * 1000);
  });
}
