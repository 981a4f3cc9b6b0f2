import assert from "node:assert/strict";
import echoNetwork from "../../drivers/echo_network/mod.ts";
import tcpNetwork from "../../drivers/tcp_network/mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { network, serve } from "../../mod.ts";
import { abandonedSocket, deadPort, echoServer } from "../bytes.ts";
import { folderOf } from "../folder.ts";
import { parsed, run } from "./io.ts";

const commandsOf = (client: Parameters<NonNullable<typeof network.commands>>[0]) => network.commands!(client);

async function echoed(connection: Deno.Conn): Promise<string> {
  using _ = connection;
  await connection.write(new TextEncoder().encode("hello"));
  await connection.closeWrite();
  return await new Response(connection.readable).text();
}

Deno.test("The command forward-tcp prints its address and forwards until it is interrupted", async () => {
  await using server = echoServer();
  await using client = await serve(tcpNetwork, { host: server.hostname, port: server.port });
  const command = commandsOf(client)["forward-tcp"];
  const { done, printed, lines, values, stop } = run(command, parsed(command, { port: 0 }));
  await withLimit(printed(1), 2000, "Listening");
  const [, port] = /^127\.0\.0\.1:(\d+)$/.exec(lines[0])!;
  assert.deepEqual(values, [{ address: lines[0] }]);
  assert.equal(await echoed(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })), "hello");
  stop();
  await done;
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: Number(port) }), Deno.errors.ConnectionRefused);
});

Deno.test("The command forward-tcp notes what a connection failed of, and goes on", async () => {
  await using client = await serve(tcpNetwork, { host: "127.0.0.1", port: deadPort() });
  const { done, printed, lines, notes, stop } = run(commandsOf(client)["forward-tcp"], {
    port: 0,
    address: "127.0.0.1",
  });
  await printed(1);
  for (let count = 0; count < 2; count++) {
    await echoed(await Deno.connect({ hostname: "127.0.0.1", port: Number(lines[0].split(":")[1]) })).catch(() => {});
  }
  stop();
  await done;
  assert.equal(notes.length, 2);
  assert.match(notes[0], /^console of bench: Cannot connect to the device at 127\.0\.0\.1:\d+: /);
});

Deno.test("The command forward-unix serves the given path, or a private one that is gone afterwards", async () => {
  using folder = await folderOf();
  await using client = await serve(echoNetwork, {});
  const command = commandsOf(client)["forward-unix"];
  for (const path of [`${folder.path}/socket`, undefined]) {
    const { done, printed, stop, ...said } = run(command, parsed(command, { path }));
    await printed(1);
    const [{ path: socket }] = said.values as { path: string }[];
    assert.equal(path ?? socket, socket);
    if (!path) assert.equal(Deno.statSync(socket.replace(/\/[^/]+$/, "")).mode! & 0o777, 0o700);
    assert.equal(await echoed(await Deno.connect({ transport: "unix", path: socket })), "hello");
    stop();
    await done;
    assert.throws(() => Deno.lstatSync(socket), Deno.errors.NotFound);
  }
});

Deno.test("The command forward-unix takes the place of a run that was killed, and of nobody and nothing else", async () => {
  using folder = await folderOf({ file: "mine" });
  await using client = await serve(echoNetwork, {});
  const command = commandsOf(client)["forward-unix"];
  const path = `${folder.path}/socket`;
  abandonedSocket(path);
  const first = run(command, parsed(command, { path }));
  await first.printed(1);
  for (const taken of [path, `${folder.path}/file`]) {
    await assert.rejects(run(command, parsed(command, { path: taken })).done, {
      code: "unavailable",
      message: `Cannot listen on ${taken}: it is in use`,
      hint: "Choose another path",
    });
  }
  assert.equal(await echoed(await Deno.connect({ transport: "unix", path })), "hello");
  first.stop();
  await first.done;
  assert.equal(Deno.readTextFileSync(`${folder.path}/file`), "mine");
});

Deno.test("The command address prints the address without its scheme, or one half of it", async () => {
  const answers: [object, string][] = [
    [{ host: false, port: false }, "[2001:db8::1]:22"],
    [{ host: true, port: true }, "[2001:db8::1]:22"],
    [{ host: true, port: false }, "2001:db8::1"],
    [{ host: false, port: true }, "22"],
  ];
  await using client = await serve(tcpNetwork, { host: "2001:db8::1", port: 22 });
  for (const [options, expected] of answers) {
    const { done, lines, values } = run(commandsOf(client).address, options);
    await done;
    assert.deepEqual([lines, values], [
      [expected],
      [{ address: "tcp://[2001:db8::1]:22", host: "2001:db8::1", port: "22" }],
    ]);
  }
});

Deno.test("The command address says when there is none, and when the exporter keeps it back", async () => {
  await using echo = await serve(echoNetwork, {});
  await assert.rejects(run(commandsOf(echo).address, { host: false, port: false }).done, {
    code: "unimplemented",
    message: "This driver has no address to connect to directly",
    hint: "Use forward-tcp",
  });
  await using kept = await serve(tcpNetwork, { host: "192.0.2.7", port: 22, enable_address: false });
  await assert.rejects(run(commandsOf(kept).address, { host: false, port: false }).done, {
    code: "invalid_argument",
    message: "enable_address mode is not true in the exporter configuration",
  });
});
