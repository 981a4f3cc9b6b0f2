/** The ssh driver, its client and its commands, with OpenSSH at both ends. @module */
import assert from "node:assert/strict";
import ssh from "../../drivers/ssh/mod.ts";
import { clientOf } from "../../lib/contract/client.ts";
import { splitWords } from "../../lib/core/words.ts";
import { splitOptions } from "../../lib/interfaces/ssh.ts";
import { operand, sshWords } from "../../lib/interfaces/ssh_command.ts";
import { connect, serve, ssh as sshInterface } from "../../mod.ts";
import { folderOf } from "../folder.ts";
import { type Sshd, sshdTest, startSshd } from "../sshd.ts";
import { linkNamesOf } from "../system/names.ts";
import { run, start, temporaryFolder } from "../system/program.ts";

Deno.test("ssh's options end at the command for the device, whatever that begins with afterwards", () => {
  const table: [string, string, string, boolean][] = [
    ["", "", "", false],
    ["uname -a", "", "uname -a", false],
    ["-v -p 22 uname -l", "-v -p 22", "uname -l", false],
    ["-vvt -lroot id", "-vvt -lroot", "id", true],
    ["-tl root id", "-tl root", "id", true],
    ["-o User=pi id", "-o User=pi", "id", true],
    ["-oUserKnownHostsFile=/x id", "-oUserKnownHostsFile=/x", "id", false],
    ["-L 1:a:2 -N", "-L 1:a:2 -N", "", false],
    ["-T -- -l id", "-T", "-l id", false],
    ["--help", "", "--help", false],
    ["-Z id", "", "-Z id", false],
    ["-o", "-o", "", false],
  ];
  const words = (line: string) => line.split(" ").filter(Boolean);
  for (const [line, options, rest, namesUser] of table) {
    assert.deepEqual(splitOptions(words(line)), { options: words(options), rest: words(rest), namesUser }, line);
  }
});

Deno.test("An exporter's ssh command is ssh with harmless options, unless the user lets it be any program", async () => {
  const harmless = [
    "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
    "/usr/bin/ssh -4vp 2222 -l root -oConnectTimeout=5 -o 'ServerAliveInterval 3'",
  ];
  for (const line of harmless) assert.equal(sshWords(line).length, splitWords(line).length, line);
  const refused = [
    "",
    "sh -c id",
    "/tmp/ssh",
    "sshpass -p secret ssh",
    "ssh -o ProxyCommand=id",
    "ssh -oproxycommand=id",
    "ssh -o 'PermitLocalCommand yes'",
    "ssh -o KnownHostsCommand=id",
    "ssh -o UserKnownHostsFile=/root/.bashrc",
    "ssh -F /tmp/config",
    "ssh -E /root/.bashrc",
    "ssh -I /tmp/lib.so",
    "ssh -vS /tmp/socket",
    "ssh -A",
    "ssh -vKX",
    "ssh -o ForwardAgent=yes",
    "ssh -oForwardX11Trusted=yes",
    "ssh host.example id",
    "ssh -o",
    "ssh --",
  ];
  for (const line of refused) assert.throws(() => sshWords(line), { code: "permission_denied" }, line);
  for (const word of ["-oProxyCommand=id", "a b", ""]) {
    assert.throws(() => operand(word), { code: "permission_denied" });
  }
  using folder = temporaryFolder();
  const config = "metadata: {name: b}\nexport: {login: {type: ssh, config: {ssh_command: sh -c id}, " +
    "children: {tcp: {type: echo-network}}}}\n";
  const { code, stdout, stderr } = await run([
    "client",
    "--exporter-config",
    folder.file("board.yaml", config),
    "login",
    "id",
  ]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /The exporter's ssh command has "sh", by which it could do more.*\n {2}Try: JUMPSTARTER_SSH_COMMAND=any/,
  );
});

/** A board whose ssh port is a real sshd's. */
async function board(sshd: Sshd, config: string) {
  const folder = await folderOf({
    "board.yaml":
      `metadata: {name: board}\nexport:\n  login:\n    type: jumpstarter_driver_ssh.driver.SSHWrapper\n    config: ${config}\n` +
      `    children:\n      tcp: {type: tcp-network, config: {host: 127.0.0.1, port: ${sshd.port}}}\n`,
  });
  const file = `${folder.path}/board.yaml`;
  return { file, folder: folder.path, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

sshdTest("connect() gives a client that runs commands on the device, and leaves no key behind", async () => {
  await using sshd = await startSshd();
  using there = await board(sshd, JSON.stringify({ default_username: sshd.user, ssh_identity_file: sshd.key }));
  await using client = await connect({ exporterConfig: there.file }, { login: sshInterface });
  let key: string;
  {
    await using line = await client.login.commandLine(["uname"]);
    key = line.words[line.words.indexOf("-i") + 1];
    assert.equal(Deno.statSync(key).mode! & 0o777, 0o600);
    assert.equal(Deno.readTextFileSync(key), Deno.readTextFileSync(sshd.key));
  }
  assert.throws(() => Deno.statSync(key), Deno.errors.NotFound);
  const result = await client.login.run(["sh -c 'echo out; echo err >&2; exit 7'"]);
  assert.deepEqual(result, { code: 7, stdout: "out\n", stderr: "err\n" });
  assert.equal((await client.login.run(["true"], { direct: true })).code, 0);
  await using stream = await client.login.connect();
  const { value } = await stream.readable.getReader().read();
  assert.match(new TextDecoder().decode(value), /^SSH-2\.0-/);
});

sshdTest("client ssh runs a command, passes options, input and the exit code on", async () => {
  await using sshd = await startSshd();
  // A key without an end of its last line, as YAML easily makes one.
  const identity = Deno.readTextFileSync(sshd.key).trimEnd();
  using there = await board(sshd, JSON.stringify({ default_username: sshd.user, ssh_identity: identity }));
  const client = (words: string[], stdin?: string) =>
    run(["client", "--exporter-config", there.file, "login", ...words], {
      stdin,
      env: { XDG_RUNTIME_DIR: there.folder },
    });
  const there0 = await client(["-T", "cat; exit 3"], "typed here");
  assert.deepEqual([there0.code, there0.stdout], [3, "typed here"], there0.stderr);
  const direct = await client(["--direct", "echo", "$SSH_CONNECTION"]);
  assert.match(direct.stdout, new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${sshd.port}\n$`), direct.stderr);
  const nobody = await client(["-o", "BatchMode=yes", "-l", "no-such-user", "id"]);
  assert.equal(nobody.code, 255);
  assert.match(nobody.stderr, /no-such-user@127\.0\.0\.1: Permission denied/);
  assert.equal((await client(["--json", "echo", "plain"])).stdout, "plain\n");
  const tree = await run(["client", "--exporter-config", there.file]);
  assert.match(tree.stdout, /^ {2}login +ssh +scp, forward-tcp, forward-unix$/m);
  assert.match((await client(["--help"])).stdout, /Usage: jumpstarter client login \[options\] \[args\.\.\.\]/);
  assert.equal((await client(["tcp", "address"])).stdout, `127.0.0.1:${sshd.port}\n`);
  // The sockets' folder is there, folders with keys are not.
  const left = [...Deno.readDirSync(there.folder)].map(({ name }) => name).filter((name) =>
    /^jumpstarter-\D/.test(name)
  );
  assert.deepEqual(left, []);
});

sshdTest(
  "client ssh scp copies files both ways, passes options and the exit code on, and leaves no key behind",
  async () => {
    await using sshd = await startSshd();
    const config = { default_username: sshd.user, ssh_identity_file: sshd.key };
    using there = await board(sshd, JSON.stringify(config));
    const device = `${there.folder}/it's the device's`;
    Deno.mkdirSync(device);
    Deno.mkdirSync(`${there.folder}/sent`);
    const content = crypto.getRandomValues(new Uint8Array(60_000));
    Deno.writeFileSync(`${there.folder}/sent/boot.img`, content);
    const client = (...words: string[]) =>
      run(["client", "--exporter-config", there.file, "login", ...words], { env: { XDG_RUNTIME_DIR: there.folder } });
    for (const how of [[], ["--direct"], ["-o", `User=${sshd.user}`]]) {
      const up = await client("scp", ...how, "-r", `${there.folder}/sent`, `:${device}/`);
      assert.equal(up.code, 0, up.stderr);
      assert.deepEqual(Deno.readFileSync(`${device}/sent/boot.img`), content);
      const back = await client("scp", ...how, `:${device}/sent/boot.img`, `${there.folder}/back.img`);
      assert.equal(back.code, 0, back.stderr);
      assert.deepEqual(Deno.readFileSync(`${there.folder}/back.img`), content);
      Deno.removeSync(`${device}/sent`, { recursive: true });
    }
    const missing = await client("scp", ":/no/such/file", there.folder);
    assert.deepEqual([missing.code, missing.stdout], [1, ""]);
    assert.match(missing.stderr, /No such file/);
    const local = await client("scp", "a", "b");
    assert.deepEqual([local.code, local.stderr.split("\n")[0]], [
      2,
      "Error: Expected a path on the device, which begins with a colon: boot.img :/tmp/",
    ]);
    assert.match((await client("--help")).stdout, /\nCommands:\n {2}scp {2}Copy files to the device/);
    assert.match(
      (await client("scp", "--help")).stdout,
      /Usage: jumpstarter client login scp \[options\] <args\.\.\.>/,
    );
    const forward = start(["client", "--exporter-config", there.file, "login", "forward-tcp", "0"]);
    await using forwarding = forward;
    const port = Number((await forwarding.said("127.0.0.1:")).match(/127\.0\.0\.1:(\d+)/)![1]);
    using connection = await Deno.connect({ port });
    const greeting = new Uint8Array(8);
    await connection.read(greeting);
    assert.equal(new TextDecoder().decode(greeting), "SSH-2.0-");
    // The device has programs of that name as well.
    assert.match((await client("--", "scp")).stderr, /^usage: scp/);
    const left = [...Deno.readDirSync(there.folder)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => /^jumpstarter-\D/.test(name)), []);

    await using connected = await connect({ exporterConfig: there.file }, { login: sshInterface });
    assert.equal((await connected.login.copy([`${there.folder}/back.img`, `:${device}/`])).code, 0);
    assert.deepEqual(Deno.readFileSync(`${device}/back.img`), content);
  },
);

sshdTest("An address that the exporter keeps to itself means a forward, and says so", async () => {
  await using sshd = await startSshd();
  using folder = temporaryFolder();
  const file = folder.file(
    "board.yaml",
    `metadata: {name: board}\nexport:\n  net: {type: tcp-network, config: {host: 127.0.0.1, port: ${sshd.port}, enable_address: false}}\n` +
      `  login:\n    type: ssh\n    config: ${
        JSON.stringify({ ssh_identity_file: sshd.key, default_username: sshd.user })
      }\n` +
      "    children: {tcp: {ref: net}}\n",
  );
  const { code, stdout, stderr } = await run([
    "client",
    "--exporter-config",
    file,
    "login",
    "--direct",
    "echo",
    "through",
  ]);
  assert.deepEqual([code, stdout], [0, "through\n"], stderr);
  assert.match(stderr, /^Going through the exporter: enable_address mode is not true/m);
});

Deno.test("A client without ssh ends with 127, as shells do", async () => {
  using folder = temporaryFolder();
  const names = linkNamesOf(folder.path);
  const file = folder.file(
    "board.yaml",
    "metadata: {name: board}\nexport: {login: {type: ssh, config: {ssh_command: no-such-ssh -v}, children: {tcp: {type: echo-network}}}}\n",
  );
  const { code, stderr } = await run(["client", "--exporter-config", file, "login", "id"], {
    env: { PATH: names, JUMPSTARTER_SSH_COMMAND: "any" },
  });
  assert.equal(code, 127, stderr);
  assert.match(stderr, /no-such-ssh: There is no such command/);
});

Deno.test("A driver of another exporter that lacks the child keeps its own methods, and says what is missing", async () => {
  const client = clientOf(sshInterface, {
    unary: () => Promise.resolve("root"),
    serverStreaming: () => ReadableStream.from([]),
    byteStream: () => Promise.reject(new Error("not reached")),
  });
  assert.equal(await client.getDefaultUsername(), "root");
  const missing = { code: "failed_precondition", message: 'This ssh driver has no child "tcp"' };
  await assert.rejects(client.connect(), missing);
});

Deno.test("Two keys, a missing child and a file that cannot be read are refused, the key itself never shown", async () => {
  await assert.rejects(serve(ssh, { ssh_identity: "SECRET", ssh_identity_file: "/x" }), (error: Error) => {
    assert.match(error.message, /Cannot specify both ssh_identity and ssh_identity_file/);
    assert.doesNotMatch(error.message, /SECRET/);
    return true;
  });
  await assert.rejects(serve(ssh, {}), { message: /It needs a child "tcp" with the interface network, it is missing/ });
  using folder = temporaryFolder();
  const file = folder.file(
    "board.yaml",
    "metadata: {name: board}\nexport: {login: {type: ssh, config: {ssh_identity_file: /no/such/key}, children: {tcp: {type: echo-network}}}}\n",
  );
  await using board = await connect({ exporterConfig: file }, { login: sshInterface });
  await assert.rejects(board.login.getSshIdentity(), {
    code: "failed_precondition",
    message: /^Failed to read ssh_identity_file '\/no\/such\/key'/,
  });
});
