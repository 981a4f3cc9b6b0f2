/** Exporters behind ssh, with OpenSSH at both ends. @module */
import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { pipeOfStreams } from "../../lib/core/pipe.ts";
import { connectRpc } from "../../lib/wire/rpc/client.ts";
import { ExporterConnection } from "../../lib/client/connection.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { sshdTest, startSshd } from "../sshd.ts";
import { linkNamesOf } from "./names.ts";
import { benchConfig, programWords, run, start, startExporter, temporaryFolder } from "./program.ts";

/** A bench behind ssh: its exporter's file, and an sshd whose commands find this program. */
async function bench() {
  const config = await benchConfig();
  Deno.writeTextFileSync(config.path, "  echo: { type: echo-network }\n", { append: true });
  const sshd = await startSshd([linkNamesOf(config.folder)]);
  return {
    sshd,
    folder: config.folder,
    file: config.path,
    host: `ssh://bench${config.path}`,
    client: (args: string[], limitMs?: number) => run(args, { env: sshd.env, limitMs }),
    async [Symbol.asyncDispose]() {
      await sshd[Symbol.asyncDispose]();
      config[Symbol.dispose]();
    },
  };
}

sshdTest("--host ssh:// starts the exporter at the other end, and it ends with the client", async () => {
  await using there = await bench();
  const tree = await there.client(["client", "--host", there.host, "-v"]);
  assert.equal(tree.code, 0, tree.stderr);
  assert.match(tree.stdout, /^ {2}board +simulated-board/m);
  assert.match(tree.stderr, new RegExp(`^Connecting to ${there.host}$`, "m"));
  const local = ["client", "--exporter-config", there.file, "board", "power"];
  assert.equal((await there.client(["client", "--host", there.host, "board", "power", "on", "--json"])).code, 0);
  // The board lost its power with its exporter: another one starts with the power off.
  assert.equal(JSON.parse((await run([...local, "read", "--json"])).stdout).voltage, 0);
});

sshdTest("--host ssh:// joins the exporter of the same file that runs there, and leaves it running", async () => {
  await using there = await bench();
  await using exporter = await startExporter(there.file);
  const on = await there.client(["client", "--host", there.host, "board", "power", "on"]);
  assert.equal(on.code, 0, on.stderr);
  const read = await run(["client", "--host", exporter.address, "board", "power", "read", "--json"]);
  assert.ok(JSON.parse(read.stdout).voltage > 0);
});

sshdTest("A board behind ssh has a name like any other", async () => {
  await using there = await bench();
  const env = { ...there.sshd.env, JMP_CLIENT_CONFIG_HOME: `${there.folder}/config`, XDG_CONFIG_HOME: there.folder };
  assert.equal((await run(["board", "add", "bench1", there.host], { env })).code, 0);
  assert.equal((await run(["board", "use", "bench1"], { env })).code, 0);
  assert.match(
    (await run(["board", "list"], { env })).stdout,
    new RegExp(`^\\* bench1 {2}${there.host} {2}default$`, "m"),
  );
  const on = await run(["client", "power", "on", "--json"], { env });
  assert.deepEqual([on.code, on.stdout], [0, '{"ok":true}\n'], on.stderr);
  const pinned = await run(["client", "--board", "bench1", "--tls-ca", there.file, "power", "on"], { env });
  assert.equal(pinned.code, 2);
  assert.match(pinned.stderr, /ssh:\/\/ is protected by ssh itself and goes without TLS/);
});

sshdTest("A shell behind ssh logs in once, and its commands share the exporter", async () => {
  await using there = await bench();
  const script = "j board power on && j board power read --json && echo $JUMPSTARTER_HOST && test -S $JUMPSTARTER_HOST";
  const { code, stdout, stderr } = await there.client(["shell", "--host", there.host, "--", "sh", "-c", script]);
  assert.equal(code, 0, stderr);
  assert.ok(JSON.parse(stdout.split("\n")[0]).voltage > 0, stdout);
  assert.equal(there.sshd.connections(), 1);
});

sshdTest("A forward through ssh carries both directions and their ends", async () => {
  await using there = await bench();
  await using forward = start(["client", "--host", there.host, "echo", "forward-tcp", "0"], {
    env: there.sshd.env,
    limitMs: 60_000,
  });
  const [hostname, port] = (await forward.said("\n")).trim().split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const sent = crypto.getRandomValues(new Uint8Array(65536));
  const writing = (async () => {
    for (let round = 0; round < 128; round++) {
      for (let at = 0; at < sent.length;) at += await connection.write(sent.subarray(at));
    }
    await connection.closeWrite();
  })();
  let received = 0;
  const buffer = new Uint8Array(65536);
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    for (let index = 0; index < count; index++) {
      if (buffer[index] !== sent[(received + index) % sent.length]) throw new Error(`Byte ${received + index} differs`);
    }
    received += count;
  }
  await writing;
  assert.equal(received, 128 * sent.length);
  forward.kill("SIGINT");
  assert.equal((await forward.ended).code, 130);
});

sshdTest("What goes wrong on the way through ssh is told by its step, with a way out", async () => {
  await using there = await bench();
  const { sshd, file } = there;
  const table: [host: string, code: number, message: RegExp][] = [
    [`ssh://no-such-user@bench${file}`, 3, /^Error \(authenticate\): ssh does not get to .*Permission denied/m],
    [`ssh://localhost:${sshd.port}${file}`, 3, /^Error \(authenticate\): .*Host key verification failed/m],
    [`ssh://bench:1${file}`, 3, /^Error \(connect\): .*Connection refused/m],
    [`ssh://no-such-host.invalid${file}`, 3, /^Error \(resolve\): .*no-such-host\.invalid/m],
    [`ssh://bench${file}.not`, 2, /^Error: bench: .*bench\.yaml\.not:1:1: There is no such file$/m],
  ];
  const run = ([host]: [string, number, RegExp]) => there.client(["client", "--host", host, "power", "on"]);
  const ended = await Promise.all(table.map(run));
  for (const [index, [host, code, message]] of table.entries()) {
    assert.deepEqual([ended[index].code, ended[index].stdout], [code, ""], `${host}: ${ended[index].stderr}`);
    assert.match(ended[index].stderr, message);
    // What ssh said is told once.
    assert.ok(ended[index].stderr.trim().split("\n").length <= 4, ended[index].stderr);
  }
});

sshdTest("A host without the program, and one that prints at login, are told from a missing exporter", async () => {
  using folder = temporaryFolder();
  await using without = await startSshd();
  const { username } = userInfo();
  const host = `ssh://${username}@bench`;
  const missing = await run(["client", "--host", host, "power", "on", "--json"], { env: without.env });
  assert.equal(missing.code, 3);
  const { error } = JSON.parse(missing.stderr);
  assert.deepEqual([error.code, error.phase], ["not_found", "connect"]);
  assert.match(error.message, /^There is no jumpstarter on bench: .*not found/);
  assert.ok(error.hint.startsWith(`Install it where ssh -l ${username} bench 'command -v jumpstarter' finds it`));

  const names = linkNamesOf(folder.path);
  const real = Deno.readTextFileSync(`${names}/jumpstarter`);
  Deno.writeTextFileSync(`${names}/jumpstarter`, real.replace("\n", "\necho Welcome to the lab\n"));
  await using chatty = await startSshd([names]);
  const config = folder.file("bench.yaml", "metadata: {name: b}\nexport:\n  power: { type: mock-power }\n");
  const welcomed = await run(["client", "--host", `ssh://bench${config}`, "power", "on"], { env: chatty.env });
  assert.equal(welcomed.code, 3);
  assert.match(
    welcomed.stderr,
    /does not speak gRPC: it answered "Welcome to the lab"\n {2}Try: ssh bench true has to/,
  );
});

Deno.test("What ssh is called with cannot be read as an option, and no terminal means no question", async () => {
  using folder = temporaryFolder();
  const ssh = folder.file("ssh", `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder.path}/words\nexec sleep 60\n`);
  Deno.chmodSync(ssh, 0o755);
  const env = { PATH: `${folder.path}:${Deno.env.get("PATH")}` };
  const host = "ssh://pi@[2001:db8::1]:2222/~/-it's here.yaml";
  const words = ["client", "--host", host, "--timeout", "1", "power", "on"];
  // Without a session of its own a test that runs on a terminal would have one.
  const [program, ...prefix] = programWords;
  const options = { env: { ...env, JUMPSTARTER_HOST: "" }, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command("setsid", { args: ["--wait", program, ...prefix, ...words], ...options });
  const { code, stderr } = await withLimit(child.output(), 20_000, "The client");
  assert.equal(code, 3);
  assert.match(new TextDecoder().decode(stderr), /Error \(connect\): .* did not (?:answer|finish)/);
  const said = Deno.readTextFileSync(`${folder.path}/words`).trimEnd().split("\n");
  assert.deepEqual(said.slice(-7), [
    "-p",
    "2222",
    "-l",
    "pi",
    "--",
    "2001:db8::1",
    `jumpstarter exporter serve-stdio --json './-it'\\''s here.yaml'`,
  ]);
  assert.ok(said.includes("BatchMode=yes"));
});

Deno.test("Without ssh on this machine that is what is said", async () => {
  using folder = temporaryFolder();
  const { code, stderr } = await run(["client", "--host", "ssh://bench", "power", "on"], {
    env: { PATH: folder.path },
  });
  assert.equal(code, 3);
  assert.match(stderr, /^Error \(connect\): There is no ssh on this machine$/m);
});

/** A forward through ssh, with the processes that it consists of. */
async function forwarding(there: Awaited<ReturnType<typeof bench>>) {
  const names = `${there.folder}/names/jumpstarter`;
  Deno.writeTextFileSync(names, Deno.readTextFileSync(names).replace("\n", () => `\necho $$ > ${there.folder}/pid\n`));
  const forward = start(["client", "--host", there.host, "echo", "forward-tcp", "0"], { env: there.sshd.env });
  await forward.said("\n");
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=", "--ppid", String(forward.pid)] }).output();
  const ssh = Number(new TextDecoder().decode(stdout));
  const exporter = Number(Deno.readTextFileSync(`${there.folder}/pid`));
  // 0 would be the test's own process group.
  assert.ok(exporter > 1 && ssh > 1, `${exporter} ${ssh}`);
  return { forward, ssh, exporter };
}

/** Waits for the end of a process of somebody else's. */
async function gone(pid: number): Promise<void> {
  const tail = new Deno.Command("tail", { args: [`--pid=${pid}`, "-f", "/dev/null"], stdin: "null" });
  await withLimit(tail.output(), 10_000, `The end of process ${pid}`);
}

sshdTest("A client that is killed leaves neither its ssh nor the exporter behind", async () => {
  await using there = await bench();
  const { forward, ssh, exporter } = await forwarding(there);
  await using _ = forward;
  forward.kill("SIGKILL");
  await gone(ssh);
  await gone(exporter);
});

sshdTest("Ctrl-C ends a forward through ssh within a second, and its ssh with it", async () => {
  await using there = await bench();
  const { forward, ssh, exporter } = await forwarding(there);
  await using _ = forward;
  forward.kill("SIGINT");
  assert.equal((await withLimit(forward.ended, 1_000, "The end of the client")).code, 130);
  await gone(ssh);
  await gone(exporter);
});

sshdTest("An exporter that is killed, and an ssh that is, end the client's command with a reason", async () => {
  for (const victim of ["exporter", "ssh"] as const) {
    await using there = await bench();
    const running = await forwarding(there);
    await using forward = running.forward;
    Deno.kill(running[victim], "SIGKILL");
    const { code, stderr } = await withLimit(forward.ended, 10_000, "The end of the client");
    assert.equal(code, 3, stderr);
    const how = victim === "ssh" ? "SIGKILL ended ssh" : "ssh ended with 255";
    assert.match(stderr, new RegExp(`^Error \\(connect\\): The connection to ${there.host} was lost: ${how}$`, "m"));
  }
});

Deno.test("exporter serve-stdio serves one client on its standard streams and ends with it", async () => {
  using config = await benchConfig();
  const [program, ...prefix] = programWords;
  const child = new Deno.Command(program, {
    args: [...prefix, "exporter", "serve-stdio", config.path],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  {
    const pipe = pipeOfStreams(child.stdout, child.stdin);
    await using connection = new ExporterConnection(connectRpc(pipe, { authority: "localhost" }));
    assert.ok((await connection.report()).reports.length > 5);
  }
  assert.deepEqual([(await withLimit(child.status, 10_000, "serve-stdio")).code, await said], [0, ""]);
});

Deno.test("A pipe of two streams hands over what its reader asks for, and ends its directions by themselves", async () => {
  const [near, far] = [new TransformStream<Uint8Array>(), new TransformStream<Uint8Array>()];
  const a = pipeOfStreams(near.readable, far.writable);
  const b = pipeOfStreams(far.readable, near.writable);
  const buffer = new Uint8Array(3);
  const writing = a.write(new Uint8Array([1, 2, 3, 4])).then(() => a.closeWrite());
  assert.deepEqual([await b.read(buffer), [...buffer]], [3, [1, 2, 3]]);
  assert.deepEqual([await b.read(buffer), buffer[0], await b.read(buffer)], [1, 4, null]);
  await writing;
  const answer = b.write(new Uint8Array([5]));
  assert.deepEqual([await a.read(buffer), buffer[0]], [1, 5]);
  await answer;
  b.close();
  a.close();
});
