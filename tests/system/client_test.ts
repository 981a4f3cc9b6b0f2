/** The client's commands as a user types them, against an exporter on a real socket. @module */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { benchConfig, run, start, startExporter } from "./program.ts";

Deno.test("client against a running exporter", async (t) => {
  using config = await benchConfig();
  await using exporter = await startExporter(config.path);
  const host = ["client", "--host", exporter.address];

  await t.step("prints the live tree with names, interfaces and commands", async () => {
    const { code, stdout, stderr } = await run(host);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\s+power\s+power\s+.*on, off, .*cycle, read/m);
    assert.match(stdout, /^\s+console\s+serial\s+console, log, send, send-file, pipe/m);
    assert.equal(stderr, "");
  });

  await t.step("prints the tree with uuids as JSON", async () => {
    const { stdout } = await run([...host, "--json"]);
    const tree = JSON.parse(stdout);
    const power = tree.children.find((child: { name: string }) => child.name === "power");
    assert.match(power.uuid, /^[0-9a-f-]{36}$/);
    assert.equal(power.interface, "power");
  });

  await t.step("takes the address from JUMPSTARTER_HOST", async () => {
    const { code, stdout } = await run(["client", "power", "on"], { env: { JUMPSTARTER_HOST: exporter.address } });
    assert.deepEqual([code, stdout], [0, ""]);
  });

  await t.step("runs power on, read and off, each with --json", async () => {
    assert.deepEqual(await run([...host, "power", "on", "--json"]), { code: 0, stdout: '{"ok":true}\n', stderr: "" });
    const read = await run([...host, "power", "read"]);
    assert.match(read.stdout, /^voltage=5\.0 V {2}current=0\.\d+ A {2}apparent_power=\d+\.\d+ VA\n$/);
    const json = await run([...host, "power", "read", "--count", "3", "--interval", "0", "--json"]);
    assert.deepEqual(json.stdout.trim().split("\n").map((line) => JSON.parse(line).voltage), [5, 5, 5]);
    assert.equal((await run([...host, "power", "off", "--timeout", "5"])).code, 0);
  });

  await t.step("power cycle says how long it waits", async () => {
    const { code, stdout } = await run([...host, "power", "cycle", "--wait", "0.1"]);
    assert.deepEqual([code, stdout], [0, "Power cycling with 0.1 seconds wait time...\n"]);
  });

  await t.step("console pipe prints what the board says until it is interrupted, and ends with 130", async () => {
    await using pipe = start([...host, "console", "pipe"]);
    await pipe.said("login:");
    pipe.kill("SIGINT");
    assert.equal((await pipe.ended).code, 130);
  });

  await t.step("console pipe sends what is piped in", async () => {
    await using pipe = start([...host, "console", "pipe"], { stdin: "root\nuname -r\n" });
    await pipe.said("1.0-sim");
    pipe.kill("SIGTERM");
    assert.equal((await pipe.ended).code, 143);
  });

  await t.step("net forward-tcp answers on the local port and ends at once at Ctrl-C, connections open", async () => {
    await using forward = start([...host, "net", "forward-tcp", "0"]);
    const address = (await forward.said("\n")).trim();
    const answer = await fetch(`http://${address}/`);
    assert.equal(await answer.text(), "Hello from the simulated board\n");
    const open = connect(Number(address.split(":")[1]), "127.0.0.1");
    open.on("error", () => {});
    await new Promise((resolve) => open.on("connect", resolve));
    const interrupted = performance.now();
    forward.kill("SIGINT");
    assert.equal((await forward.ended).code, 130);
    assert.ok(performance.now() - interrupted < 1_000);
    open.destroy();
  });

  await t.step("net forward-unix makes a socket and takes it away again", async () => {
    const path = `${config.folder}/net.sock`;
    await using forward = start([...host, "net", "forward-unix", path]);
    assert.equal((await forward.said("\n")).trim(), path);
    using connection = await Deno.connect({ transport: "unix", path });
    await connection.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
    const buffer = new Uint8Array(1024);
    const count = await connection.read(buffer);
    assert.match(new TextDecoder().decode(buffer.subarray(0, count!)), /^HTTP\/1\.1 200 OK/);
    forward.kill("SIGINT");
    assert.equal((await forward.ended).code, 130);
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  });

  await t.step("any driver can be called and streamed by the names on the wire", async () => {
    assert.equal((await run([...host, "power", "call", "on"])).code, 0);
    const { stdout } = await run([...host, "board", "stream", "ticks", "3"]);
    assert.equal(stdout, "0\n1\n2\n");
    const methods = await run([...host, "power", "methods"]);
    assert.match(methods.stdout, /^read {2}serverStreaming {2}/m);
  });

  await t.step("a limit that passes ends a command that still runs, with the exit code 1", async () => {
    const { code, stderr } = await run([...host, "power", "cycle", "--wait", "9", "--timeout", "0.2"]);
    assert.match(stderr, /Error \(driver\): cycle did not end within 0\.2 s/);
    assert.equal(code, 1);
  });

  const mistakes: [title: string, words: string[], code: number, complaint: RegExp][] = [
    [
      "a driver that is not there",
      [...host, "powr", "on"],
      2,
      /"powr"; did you mean "power"\? Available: board, power/,
    ],
    ["a command that is not there", [...host, "power", "onn"], 2, /"power" has no command "onn"; did you mean "on"\?/],
    [
      "an unknown option of a command",
      [...host, "power", "cycle", "--wiat", "1"],
      2,
      /^Error: Unknown option '--wiat'; did you mean --wait\?\n {2}Try: jumpstarter client power cycle --help/,
    ],
    [
      "an unknown option before the path",
      ["client", "--hots", "x", "power"],
      2,
      /Unknown option --hots; did you mean "--host"\?/,
    ],
    [
      "a value of the wrong type",
      [...host, "power", "cycle", "--wait", "soon"],
      2,
      /wait: Expected a number, got "soon"/,
    ],
    [
      "a missing argument",
      [...host, "net", "forward-tcp"],
      2,
      /^Error: Missing required argument 'port'\n {2}Try: jumpstarter client net forward-tcp --help/,
    ],
    [
      "a method that is not there",
      [...host, "power", "call", "explode"],
      1,
      /Error \(driver\): method explode not found/,
    ],
    [
      "an argument that does not fit",
      [...host, "board", "stream", "ticks", "many"],
      1,
      /count: Expected an integer, got "many"/,
    ],
    [
      "no board named",
      ["client", "power", "on"],
      2,
      /No board is named[\s\S]*--host[\s\S]*--exporter-config[\s\S]*JUMPSTARTER_HOST/,
    ],
    [
      "an address without a port",
      ["client", "--host", "pi", "power", "on"],
      2,
      /Expected HOST:PORT.*got "pi"\n {2}Try: --host pi:7000/,
    ],
    [
      "a dead host",
      ["client", "--host", "127.0.0.1:1", "power", "on"],
      3,
      /Error \(connect\): Nothing listens on 127\.0\.0\.1:1/,
    ],
    [
      "a socket that is not there",
      ["client", "--host", "/nowhere/socket"],
      3,
      /Error \(connect\): There is no socket at/,
    ],
    [
      "a name that does not resolve",
      ["client", "--host", "no.such.host.invalid:1", "--plaintext"],
      3,
      /Error \(resolve\)/,
    ],
  ];
  for (const [title, words, code, complaint] of mistakes) {
    await t.step(`tells ${title}, with the exit code ${code}`, async () => {
      const ended = await run(words);
      assert.match(ended.stderr, complaint);
      assert.deepEqual([ended.code, ended.stdout], [code, ""]);
    });
  }

  await t.step("tells an error as JSON with --json", async () => {
    const { code, stderr } = await run([...host, "power", "call", "explode", "--json"]);
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stderr).error.code, "not_found");
  });

  await t.step("the exporter has survived all of it", async () => {
    assert.equal((await run([...host, "power", "off"])).code, 0);
    exporter.kill("SIGTERM");
    assert.equal((await exporter.ended).code, 0);
  });
});

Deno.test("client tells a peer that is not an exporter, and does not wait for one that is silent", async (t) => {
  const peers: [title: string, greet: (connection: Deno.Conn) => unknown, complaint: RegExp][] = [
    ["an HTTP/1.1 server", (c) => c.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")), /gRPC/],
    ["an ssh server", (c) => c.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n")), /gRPC/],
    ["one that hangs up", (c) => c.close(), /Error \(connect\)/],
    ["one that says nothing", () => {}, /Error \(connect\)/],
  ];
  for (const [title, greet, complaint] of peers) {
    await t.step(title, async () => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const connections: Deno.Conn[] = [];
      const accepting = (async () => {
        for await (const connection of listener) {
          connections.push(connection);
          await greet(connection);
        }
      })();
      const address = `127.0.0.1:${listener.addr.port}`;
      const { code, stderr } = await run(["client", "--host", address, "--timeout", "2", "power", "on"]);
      assert.match(stderr, complaint);
      assert.equal(code, 3);
      if (title === "one that says nothing") assert.equal(connections.length, 1, "It is not asked for TLS as well");
      listener.close();
      await accepting.catch(() => {});
      for (const connection of connections) {
        try {
          connection.close();
        } catch { /* closed by the greeting */ }
      }
    });
  }
});

Deno.test("client --exporter-config needs no exporter before and leaves none behind", async () => {
  using config = await benchConfig();
  const words = ["client", "--exporter-config", config.path];
  const read = await run([...words, "power", "read", "--json"]);
  assert.deepEqual([read.code, JSON.parse(read.stdout)], [0, { voltage: 0, current: 0 }], read.stderr);
  const tree = await run([...words]);
  assert.match(tree.stdout, /console/);
});

Deno.test("Who has joined the exporter of another command is told why it ends", async () => {
  using config = await benchConfig();
  const words = ["client", "--exporter-config", config.path];
  const ticks = [...words, "board", "stream", "ticks", "10000000"];
  await using first = start(ticks);
  await first.said("100\n");
  await using second = start(ticks);
  await second.said("100\n");
  first.kill("SIGINT");
  const { code, stderr } = await second.ended;
  assert.deepEqual([(await first.ended).code, code], [130, 3]);
  assert.match(stderr, /The exporter ends with the command that started it; one of jumpstarter exporter run stays/);
});

Deno.test("client --exporter-config joins the exporter that serves the same file", async () => {
  using config = await benchConfig();
  await using exporter = await startExporter(config.path);
  assert.equal((await run(["client", "--host", exporter.address, "power", "on"])).code, 0);
  const read = await run(["client", "--exporter-config", config.path, "power", "read", "--json"]);
  assert.equal(JSON.parse(read.stdout).voltage, 5);
});
