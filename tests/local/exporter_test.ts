import assert from "node:assert/strict";
import { connect, network, power, serial } from "../../mod.ts";
import { requireExporterConfig } from "../../lib/config/exporter_config.ts";
import { localExporter, runExporter } from "../../lib/local/exporter.ts";
import { answers } from "../../lib/core/unix_socket.ts";
import { socketOf } from "../../lib/local/socket.ts";
import { abandonedSocket, echoServer, talk } from "../bytes.ts";
import { folderOf } from "../folder.ts";

const anyPort = { hostname: "127.0.0.1", port: 0 };

/** A bench with a few drivers, in a folder of its own. */
async function bench(more = "") {
  const folder = await folderOf({
    "bench.yaml": "metadata: {name: bench}\nmotd: Welcome\nexport:\n  power: {type: mock-power}\n" +
      "  rack:\n    children:\n      console: {type: serial, config: {url: 'loop://'}}\n  alias: {ref: rack.console}\n" +
      more,
  });
  const file = `${folder.path}/bench.yaml`;
  return { file, socket: socketOf(file)!, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

Deno.test("connect() with a config file runs the exporter in this process and ends it afterwards", async () => {
  using folder = await bench();
  {
    await using board = await connect({ exporterConfig: folder.file }, {
      power,
      "rack.console": serial,
      alias: serial,
    });
    await board.power.on();
    await using stream = await board["rack.console"].connect();
    const { send, until } = talk(stream);
    await send("hello");
    assert.equal(await until("hello"), "hello");
    assert.ok(await answers(folder.socket));
  }
  assert.equal(await answers(folder.socket), false);
  assert.throws(() => Deno.lstatSync(folder.socket), Deno.errors.NotFound);
});

Deno.test("connect() joins an exporter of the same file that runs already, and leaves it running", async () => {
  using folder = await bench();
  await using running = await runExporter(requireExporterConfig(folder.file), [anyPort]);
  const records = running.session.hub.subscribe(new AbortController().signal);
  for (const where of [{ exporterConfig: folder.file }, running.addresses[0], { host: folder.socket }]) {
    await using board = await connect(where, { power });
    await board.power.on();
  }
  let switched = 0;
  while (switched < 3) if ((await records.next()).value!.message === "power on") switched++;
  await records.return();
  assert.ok(await answers(folder.socket));
});

Deno.test("A second exporter of one file is refused, and names the way to the first", async () => {
  using folder = await bench();
  await using _ = await runExporter(requireExporterConfig(folder.file), []);
  await assert.rejects(runExporter(requireExporterConfig(folder.file), []), {
    code: "already_exists",
    message: `An exporter for ${folder.file} runs already`,
    hint: `jumpstarter client --exporter-config ${folder.file}`,
  });
});

Deno.test("Of two exporters of one file that are started at once, one is refused in the same words", async () => {
  using folder = await bench();
  const started = () => runExporter(requireExporterConfig(folder.file), []);
  const both = await Promise.allSettled([started(), started()]);
  await using _ = both.find((one) => one.status === "fulfilled")!.value;
  const { reason } = both.find((one) => one.status === "rejected")!;
  assert.equal(reason.message, `An exporter for ${folder.file} runs already`);
});

Deno.test("A socket that a killed exporter left behind is taken over", async () => {
  using folder = await bench();
  abandonedSocket(folder.socket);
  await using board = await connect({ exporterConfig: folder.file }, { power });
  await board.power.on();
});

Deno.test("An exporter that cannot listen leaves nothing open", async () => {
  using folder = await bench();
  await using server = echoServer();
  const config = requireExporterConfig(folder.file);
  await assert.rejects(runExporter(config, [anyPort, { hostname: "127.0.0.1", port: server.port }]), {
    code: "unavailable",
    message: `Cannot listen on 127.0.0.1:${server.port}: the port is in use`,
    hint: "--listen 127.0.0.1:0 picks a free port",
  });
  assert.equal(await answers(folder.socket), false);
  await using _ = await runExporter(config, []);
});

/** A driver that leaves a line in a file whenever it is opened. */
const openedOnce = {
  "relay.ts": `import { defineDriver, power, z } from "jumpstarter";
export default defineDriver({
  name: "relay", summary: "A relay", implements: power, config: z.object({ log: z.string() }),
  open({ config }) {
    Deno.writeTextFileSync(config.log, "opened\\n", { append: true });
    return { on: () => {}, off: () => {} };
  },
});`,
  "bench.yaml": "metadata: {name: bench}\nexport: {power: {type: ./relay.ts, config: {log: LOG}}}\n",
};

Deno.test("A port in use is told before a driver is opened", async () => {
  using folder = await folderOf(openedOnce);
  const file = `${folder.path}/bench.yaml`;
  Deno.writeTextFileSync(file, Deno.readTextFileSync(file).replace("LOG", `${folder.path}/log`));
  using taken = Deno.listen(anyPort);
  const at = { hostname: "127.0.0.1", port: taken.addr.port };
  await assert.rejects(runExporter(requireExporterConfig(file), [at]), { code: "unavailable", phase: "usage" });
  assert.throws(() => Deno.statSync(`${folder.path}/log`), Deno.errors.NotFound);
});

Deno.test("Local clients that start at once share one exporter, whose drivers are opened once", async () => {
  using folder = await folderOf(openedOnce);
  const file = `${folder.path}/bench.yaml`;
  Deno.writeTextFileSync(file, Deno.readTextFileSync(file).replace("LOG", `${folder.path}/log`));
  const boards = await Promise.all([1, 2, 3].map(() => connect({ exporterConfig: file }, { power })));
  for (const board of boards) await board.power.on();
  assert.equal(Deno.readTextFileSync(`${folder.path}/log`), "opened\n");
  // The one that started the exporter ends it: the others go first.
  for (const board of boards.reverse()) await board[Symbol.asyncDispose]();
});

Deno.test("Hooks are refused, except in local mode, which ignores them as upstream does", async () => {
  using folder = await bench("hooks: {beforeLease: {script: j power on}}\n");
  const config = requireExporterConfig(folder.file);
  await assert.rejects(runExporter(config, []), {
    code: "unimplemented",
    phase: "config",
    message: `${folder.file} has hooks, which this version does not run`,
  });
  await (await runExporter(config, [], { withoutHooks: true }))[Symbol.asyncDispose]();
  await using local = await localExporter(folder.file);
  assert.equal(local.name, "bench");
});

Deno.test("connect() says what is missing or of another kind, with what there is", async () => {
  using folder = await bench();
  await using running = await runExporter(requireExporterConfig(folder.file), [anyPort]);
  const [address] = running.addresses;
  await assert.rejects(connect(address, { pwoer: power }), {
    code: "not_found",
    phase: "usage",
    message: 'There is no driver "pwoer"; did you mean "power"? Available: power, rack, alias',
  });
  await assert.rejects(connect(address, { "rack.lamp": power }), {
    message: 'There is no driver "lamp" below "rack"; Available: console',
  });
  await assert.rejects(connect(address, { "power.x": power }), {
    message: 'There is no driver "x" below "power"; It has no children',
  });
  await assert.rejects(connect(address, { "rack.console": network }), {
    code: "failed_precondition",
    message: 'Expected "rack.console" to be a network interface, got serial',
  });
});

Deno.test("connect() refuses a broken file with everything that is wrong in it", async () => {
  using folder = await folderOf({ "x.yaml": "metadata: {name: x}\nexport:\n  a: {type: moc-power}\n  b: {ref: c}\n" });
  await assert.rejects(connect({ exporterConfig: `${folder.path}/x.yaml` }, {}), {
    code: "invalid_argument",
    phase: "config",
    message: new RegExp(`^${folder.path}/x.yaml:3:13: export.a.type: .*\n${folder.path}/x.yaml:4:12: export.b.ref: `),
  });
});

Deno.test("connect() names the phase in which it failed", async () => {
  await assert.rejects(connect("127.0.0.1:1", {}), {
    code: "unavailable",
    phase: "connect",
    message: "Nothing listens on 127.0.0.1:1",
  });
  await assert.rejects(connect({ host: "no-such-host.invalid:7000", plaintext: true }, {}), {
    code: "unavailable",
    phase: "resolve",
  });
  await assert.rejects(connect("/nowhere/socket", {}), {
    code: "unavailable",
    phase: "connect",
    message: "There is no socket at /nowhere/socket",
  });
  await assert.rejects(connect("pi", {}), { code: "invalid_argument", phase: "usage", hint: "--host pi:7000" });
});

Deno.test("connect() does not wait for ever on a peer that says nothing", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const host = `127.0.0.1:${listener.addr.port}`;
  await assert.rejects(connect({ host, connectTimeoutMs: 50 }, {}), { code: "deadline_exceeded", phase: "connect" });
  (await accepting).close();
});
