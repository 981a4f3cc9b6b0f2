/** Forwards as processes: many of them, and how they end. @module */
import assert from "node:assert/strict";
import { connect, network, serve } from "../../mod.ts";
import echoNetwork from "../../drivers/echo_network/mod.ts";
import { pause, withLimit } from "../../lib/core/limit.ts";
import { openFiles } from "../bench/processes.ts";
import { serverOf } from "../bytes.ts";
import { type Exporter, type Running, start, startExporter, temporaryFolder } from "./program.ts";

const isLinux = Deno.build.os === "linux";

/** A device on a TCP port that gives back what it gets, and knows who is connected. */
function device() {
  let connected = 0;
  const changes: (() => void)[] = [];
  const change = (by: number) => {
    connected += by;
    changes.splice(0).forEach((wake) => wake());
  };
  const server = serverOf(Deno.listen({ hostname: "127.0.0.1", port: 0 }), async (connection) => {
    change(1);
    const buffer = new Uint8Array(4096);
    try {
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        await connection.write(buffer.subarray(0, count));
      }
    } finally {
      change(-1);
    }
  });
  return {
    port: server.port,
    /** Resolves once exactly that many are connected. */
    async holds(count: number): Promise<void> {
      while (connected !== count) {
        await withLimit(
          new Promise<void>((resolve) => changes.push(resolve)),
          10_000,
          `${connected} instead of ${count}`,
        );
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A device, its exporter, and a forward to it. */
async function setUp() {
  await using stack = new AsyncDisposableStack();
  const board = stack.use(device());
  const folder = stack.use(temporaryFolder());
  const file = folder.file(
    "board.yaml",
    `metadata: {name: board}\nexport:\n  net: {type: tcp-network, config: {host: 127.0.0.1, port: ${board.port}}}\n`,
  );
  const exporter: Exporter = stack.use(await startExporter(file));
  const words = ["client", "--host", exporter.address, "net", "forward-tcp", "0"];
  const forward: Running = stack.use(start(words, { limitMs: 120_000 }));
  const [hostname, port] = (await forward.said("\n")).trim().split(":");
  const dial = () => Deno.connect({ hostname, port: Number(port) });
  const owned = stack.move();
  return { board, exporter, forward, dial, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Says a byte and hears it. */
async function exchange(connection: Deno.Conn): Promise<void> {
  await connection.write(new Uint8Array([1]));
  const buffer = new Uint8Array(1);
  assert.equal(await withLimit(connection.read(buffer), 10_000, "The answer"), 1);
}

/** Opens connections, of which `hangUp` says how each ends. */
async function many(count: number, dial: () => Promise<Deno.Conn>, hangUp: (one: Deno.Conn, index: number) => void) {
  for (let begun = 0; begun < count; begun += 25) {
    await Promise.all(Array.from({ length: Math.min(25, count - begun) }, async (_, index) => {
      const connection = await dial();
      await exchange(connection);
      hangUp(connection, begun + index);
    }));
  }
}

Deno.test("1000 connections through a forward, hung up on in the middle, leave nothing open", async () => {
  await using all = await setUp();
  const pids = [all.exporter.pid, all.forward.pid];
  // What is there once both have worked belongs to them.
  await many(50, all.dial, (one) => one.close());
  await all.board.holds(0);
  const before = isLinux ? pids.map(openFiles) : [];
  await many(1000, all.dial, (one, index) => {
    // Some have said more than they wait to hear an answer to.
    if (index % 2) void one.write(new Uint8Array(4096)).catch(() => {}).finally(() => one.close());
    else one.close();
  });
  await all.board.holds(0);
  // The first count may have come before the last of the first fifty was gone: fewer are fine.
  if (isLinux) assert.ok((await settled(pids, before)).every((count, index) => count <= before[index]), `${before}`);
  using last = await all.dial();
  await exchange(last);
});

/** How many files processes have open, once there are no more than before or a limit has passed. */
async function settled(pids: readonly number[], before: readonly number[]): Promise<number[]> {
  const end = performance.now() + 5_000;
  while (pids.some((pid, index) => openFiles(pid) > before[index]) && performance.now() < end) await pause(10);
  return pids.map(openFiles);
}

Deno.test("1000 forwards, opened, used and dropped, leave nothing open in their process", async () => {
  await using echo = await serve(echoNetwork, {});
  const files = () => isLinux ? openFiles(Deno.pid) : 0;
  const one = async () => {
    await using forward = echo.forwardTcp();
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(forward.address.split(":")[1]) });
    await exchange(connection);
  };
  await one();
  const before = files();
  for (let count = 0; count < 1000; count++) await one();
  assert.ok(files() <= before, `${files()} files instead of ${before}`);
});

Deno.test("Ctrl-C ends a forward within a second, with many connections open", async () => {
  await using all = await setUp();
  const connections: Deno.Conn[] = [];
  await many(50, all.dial, (one) => connections.push(one));
  await all.board.holds(50);
  all.forward.kill("SIGINT");
  assert.equal((await withLimit(all.forward.ended, 1_000, "The end of the forward")).code, 130);
  await all.board.holds(0);
  for (const connection of connections) {
    assert.equal(await connection.read(new Uint8Array(1)).catch(() => null), null);
    connection.close();
  }
});

Deno.test("Ctrl-C ends a unix forward, a page of a screen and a program on a bus within a second, and cleans up", async () => {
  await using board = device();
  using folder = temporaryFolder();
  const net = `{type: tcp-network, config: {host: 127.0.0.1, port: ${board.port}}}`;
  const file = folder.file(
    "board.yaml",
    `metadata: {name: board}\nexport:\n  net: ${net}\n  bus: {type: dbus-network, config: {kind: session}}\n`,
  );
  await using exporter = await startExporter(file);
  const env = { XDG_RUNTIME_DIR: folder.path };
  const client = (...words: string[]) => start(["client", "--host", exporter.address, ...words], { env });
  const left = () => [...Deno.readDirSync(folder.path)].map(({ name }) => name).filter((name) => name !== "board.yaml");
  const interrupted = async (running: Running) => {
    running.kill("SIGINT");
    return (await withLimit(running.ended, 1_000, "The end after Ctrl-C")).code;
  };

  await using forward = client("net", "forward-unix");
  const path = (await forward.said("\n")).trim();
  const connections: Deno.Conn[] = [];
  await many(20, () => Deno.connect({ transport: "unix", path }), (one) => connections.push(one));
  assert.equal(await interrupted(forward), 130);
  await board.holds(0);
  connections.forEach((connection) => connection.close());

  await using page = client("net", "novnc");
  const url = new URL("socket", (await page.said("\n")).trim());
  const socket = new WebSocket(url.href.replace("http:", "ws:"), { headers: { origin: url.origin } });
  const closed = new Promise((resolve) => socket.onclose = resolve);
  await board.holds(1);
  assert.equal(await interrupted(page), 130);
  await withLimit(closed, 1_000, "The end of the WebSocket");
  await board.holds(0);

  await using program = client("bus", "dbus", "sh", "-c", "echo $$; exec sleep 60");
  const pid = Number(await program.said("\n"));
  assert.equal(await interrupted(program), 130);
  assert.throws(() => Deno.kill(pid, "SIGTERM"), Deno.errors.NotFound);
  assert.deepEqual(left(), []);
});

Deno.test("A forward that is killed hangs up on the device, and the exporter goes on", async () => {
  await using all = await setUp();
  const connections: Deno.Conn[] = [];
  await many(10, all.dial, (one) => connections.push(one));
  all.forward.kill("SIGKILL");
  await all.board.holds(0);
  connections.forEach((connection) => connection.close());
  await using board = await connect(all.exporter.address, { net: network });
  await using stream = await board.net.connect();
  const writer = stream.writable.getWriter();
  await writer.write(new Uint8Array([7]));
  assert.deepEqual([...(await stream.readable.getReader().read()).value!], [7]);
});

Deno.test("A forward ends with a reason when its exporter is killed, and hangs up on its own clients", async () => {
  await using all = await setUp();
  using connection = await all.dial();
  await exchange(connection);
  all.exporter.kill("SIGKILL");
  const { code, stderr } = await withLimit(all.forward.ended, 5_000, "The end of the forward");
  assert.equal(code, 3, stderr);
  assert.match(stderr, /Error \(connect\): The connection to 127\.0\.0\.1:\d+ was lost/);
  assert.equal(await connection.read(new Uint8Array(1)).catch(() => null), null);
});
