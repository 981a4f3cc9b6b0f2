/** TLS, pins and passphrases between our own programs: messages, exit codes, and no secret anywhere. @module */
import assert from "node:assert/strict";
import { certificatesOf, fingerprintOf } from "../../lib/wire/tls/pem.ts";
import { deadPort } from "../bytes.ts";
import { testAuthority } from "../certificates.ts";
import { benchConfig, type Ended, type Exporter, run, start, startExporter } from "./program.ts";

const secret = `correct horse ${crypto.randomUUID()}`;

/** A config, and places of its own for what exporters and clients keep. */
async function surroundings() {
  const config = await benchConfig();
  const env = { XDG_STATE_HOME: `${config.folder}/state`, JMP_CLIENT_CONFIG_HOME: `${config.folder}/config` };
  const file = (name: string, text: string) => {
    Deno.writeTextFileSync(`${config.folder}/${name}`, text);
    return `${config.folder}/${name}`;
  };
  return { ...config, env, file, [Symbol.dispose]: () => config[Symbol.dispose]() };
}

/** What an exporter printed of its identity. */
async function identityOf(exporter: Exporter): Promise<{ fingerprint: string; ca: string }> {
  return JSON.parse(await exporter.said("\n"));
}

function fails({ code, stdout, stderr }: Ended, expected: number, complaint: RegExp): void {
  assert.match(stderr, complaint);
  assert.deepEqual([code, stdout], [expected, ""], stderr);
}

Deno.test("a self-signed exporter is reached by its fingerprint, its authority or --insecure, and not otherwise", async () => {
  using around = await surroundings();
  const { env } = around;
  await using exporter = await startExporter(around.path, ["--tls-self-signed"], { env });
  const { fingerprint, ca } = await identityOf(exporter);
  const client = (...words: string[]) => run(["client", "--host", exporter.address, ...words, "power", "on"], { env });
  for (
    const words of [
      ["--tls-fingerprint", fingerprint],
      ["--tls-fingerprint", fingerprint.replaceAll(":", "").toLowerCase()],
      ["--tls-fingerprint", fingerprint, "--tls-ca", ca],
      ["--tls-ca", ca],
      ["--insecure"],
    ]
  ) assert.deepEqual(await client(...words), { code: 0, stdout: "", stderr: "" });

  const other = fingerprint.replace(/^../, (digits) => digits === "00" ? "01" : "00");
  fails(await client("--tls-fingerprint", other), 3, /^Error \(tls\): .*another exporter.*Expected .* got /);
  fails(await client(), 3, /^Error \(tls\): .* speaks TLS, and this connection does not\n {2}Try: --tls-fingerprint/);
  fails(await client("--plaintext"), 3, /^Error \(tls\): .* speaks TLS/);
  fails(await client("--plaintext", "--insecure"), 2, /--plaintext and --insecure contradict each other/);
  fails(await client("--tls-fingerprint", "9F:86"), 2, /64 hexadecimal digits/);
});

Deno.test("An exporter that is not there is not taken for one without TLS", async () => {
  using around = await surroundings();
  const pin = ["--tls-fingerprint", "9f".repeat(32)];
  for (
    const [address, complaint] of [
      [
        `127.0.0.1:${deadPort()}`,
        /^Error \(connect\): Nothing listens on 127\.0\.0\.1:\d+\n {2}Try: Start an exporter/,
      ],
      ["nowhere.invalid:7000", /^Error \(resolve\): The name of nowhere\.invalid:7000 is not known/],
    ] as const
  ) {
    for (
      const words of [
        ["client", "--host", address, ...pin],
        ["client", "--host", address, "--insecure"],
        ["client", "--host", address, "--plaintext"],
        ["board", "add", "gone", address, ...pin],
      ]
    ) fails(await run(words, { env: around.env }), 3, complaint);
  }
});

Deno.test("an exporter keeps its identity over restarts, in files that nobody else can read", async () => {
  using around = await surroundings();
  const fingerprints = new Set<string>();
  for (let round = 0; round < 2; round++) {
    await using exporter = await startExporter(around.path, ["--tls-self-signed"], { env: around.env });
    fingerprints.add((await identityOf(exporter)).fingerprint);
  }
  assert.equal(fingerprints.size, 1);
  const folder = `${around.env.XDG_STATE_HOME}/jumpstarter/tls`;
  assert.equal(Deno.statSync(folder).mode! & 0o777, 0o700);
  for (const { name } of Deno.readDirSync(folder)) {
    assert.equal(Deno.statSync(`${folder}/${name}`).mode! & 0o777, 0o600, name);
  }
  Deno.chmodSync(`${folder}/ca-key.pem`, 0o644);
  const refused = await run(["exporter", "run", around.path, "--tls-self-signed"], { env: around.env });
  fails(refused, 2, /Others can read the private key in .*ca-key\.pem\n {2}Try: chmod 600/);
});

Deno.test("a certificate that does not fit is refused with what it says and what to do", async () => {
  using around = await surroundings();
  const { folder, env } = around;
  const authority = await testAuthority(folder, "lab");
  const stranger = await testAuthority(folder, "stranger");
  const cases = [
    ["good", ["127.0.0.1", "localhost"], 0, authority.ca, undefined],
    [
      "wrong",
      ["other.example"],
      0,
      authority.ca,
      /is for another name \(.*for other\.example; expected name 127\.0\.0\.1/,
    ],
    ["expired", ["127.0.0.1"], 200, authority.ca, /has expired \(subject CN=.*; issuer CN=.*lab; valid \d{4}-/],
    ["future", ["127.0.0.1"], -30, authority.ca, /is not valid yet[\s\S]*Try: Compare the clocks/],
    ["unknown", ["127.0.0.1"], 0, stranger.ca, /comes from an unknown authority[\s\S]*Try: --tls-ca FILE/],
  ] as const;
  for (const [name, names, daysAgo, ca, complaint] of cases) {
    const { cert, key } = await authority.issue(name, names, daysAgo);
    await using exporter = await startExporter(around.path, ["--tls-cert", cert, "--tls-key", key], { env });
    const client = ["client", "--host", exporter.address];
    const ended = await run([...client, "--tls-ca", ca, "power", "on"], { env });
    if (complaint) fails(ended, 3, complaint);
    else assert.deepEqual(ended, { code: 0, stdout: "", stderr: "" }, name);
    assert.equal((await run([...client, "--insecure", "power", "on"], { env })).code, 0);
  }
  const [one, two] = [await authority.issue("one", ["a"]), await authority.issue("two", ["b"])];
  const words = ["exporter", "run", around.path, "--listen", "127.0.0.1:0", "--tls-cert", one.cert];
  fails(await run([...words, "--tls-key", two.key]), 2, /Certificate and key cannot be used/);
  fails(await run(words), 2, /--tls-cert and --tls-key together/);
  fails(await run([...words, "--tls-key", one.cert]), 2, /holds no PEM of a private key/);
});

Deno.test("whoever pins an authority trusts no other one, those that the machine trusts included", async () => {
  using around = await surroundings();
  const { folder, env } = around;
  const pinned = await testAuthority(folder, "pinned");
  const trusted = await testAuthority(folder, "public");
  const { cert, key } = await trusted.issue("leaf", ["127.0.0.1"]);
  await using exporter = await startExporter(around.path, ["--tls-cert", cert, "--tls-key", key], { env });
  const client = ["client", "--host", exporter.address, "--tls-ca", pinned.ca];
  // What Deno trusts beside any authority that it is given.
  const believing = { env: { ...env, DENO_CERT: trusted.ca } };
  assert.equal((await run([...client, "power", "on"], believing)).code, 0);
  const fingerprint = fingerprintOf(certificatesOf(pinned.keyed.certificate)[0]);
  const ended = await run([...client, "--tls-fingerprint", fingerprint, "power", "on"], believing);
  fails(ended, 3, /does not come from the authority that was pinned/);
});

Deno.test("TLS against an exporter without it, or against silence, ends in time with a hint", async () => {
  using around = await surroundings();
  await using exporter = await startExporter(around.path);
  for (const words of [["--insecure"], ["--tls-ca", (await testAuthority(around.folder, "ca")).ca]]) {
    const ended = await run(["client", "--host", exporter.address, ...words, "power", "on"]);
    fails(ended, 3, /^Error \(tls\): .* does not speak TLS\n {2}Try: --plaintext/);
  }
  using silence = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${silence.addr.port}`;
  const silent = await run(["client", "--host", host, "--insecure", "--timeout", "1", "power", "on"]);
  fails(silent, 3, /^Error \(tls\): 127\.0\.0\.1:\d+ did not answer the TLS handshake within [\d.]+ s\n$/);
});

Deno.test("a passphrase is asked of everybody on the port, and of nobody on the socket of the machine", async () => {
  using around = await surroundings();
  const { env } = around;
  const right = around.file("right.txt", `${secret}\n`);
  const wrong = around.file("wrong.txt", "another one\n");
  await using exporter = await startExporter(around.path, ["--passphrase-file", right], { env });
  const client = ["client", "--host", exporter.address];
  const on = ["power", "on"];
  assert.equal((await run([...client, "--passphrase-file", right, ...on])).code, 0);
  assert.equal((await run([...client, ...on], { env: { JMP_GRPC_PASSPHRASE: secret } })).code, 0);
  const visible = await run([...client, "--passphrase", secret, ...on]);
  assert.deepEqual(visible.code, 0);
  assert.match(visible.stderr, /Every user of this machine can see --passphrase/);
  const runs = [
    await run([...client, ...on]),
    await run([...client, "--passphrase-file", wrong, ...on]),
    // The environment's passphrase belongs to the environment's board.
    await run([...client, ...on], { env: { JMP_GRPC_PASSPHRASE: secret, JUMPSTARTER_HOST: "127.0.0.1:1" } }),
  ];
  fails(runs[0], 3, /^Error \(authenticate\): The exporter asks for a passphrase.*\n {2}Try: --passphrase-file/);
  fails(runs[1], 3, /^Error \(authenticate\): The exporter does not accept the passphrase/);
  fails(runs[2], 3, /^Error \(authenticate\): The exporter asks for a passphrase/);
  assert.equal((await run(["client", "--exporter-config", around.path, ...on])).code, 0);
  fails(await run([...client, "--passphrase-file", around.file("bad.txt", "naïve"), ...on]), 2, /printable ASCII/);
  exporter.kill("SIGTERM");
  const { stdout, stderr } = await exporter.ended;
  assert.match(stderr, /"msg":"authentication failed: invalid or missing passphrase"/);
  for (const text of [stdout, stderr, ...runs.map((ended) => ended.stdout + ended.stderr)]) {
    assert.ok(!text.includes(secret) && !text.includes("another one") && !text.includes("naïve"), text);
  }
});

Deno.test("a board is named once and reached by its name, by the chosen one, and in a shell", async () => {
  using around = await surroundings();
  const { env } = around;
  const passphrase = around.file("p.txt", secret);
  const protection = ["--tls-self-signed", "--passphrase-file", passphrase];
  await using exporter = await startExporter(around.path, protection, { env });
  const { fingerprint } = await identityOf(exporter);
  const add = ["board", "add", "bench1", exporter.address, "--tls-fingerprint"];
  fails(await run([...add, "00".repeat(32)], { env }), 3, /another exporter/);
  assert.equal((await run([...add, fingerprint, "--passphrase-file", passphrase], { env })).code, 0);
  assert.equal(Deno.statSync(`${env.JMP_CLIENT_CONFIG_HOME}/boards.yaml`).mode! & 0o777, 0o600);
  assert.equal((await run(["client", "--board", "bench1", "power", "on"], { env })).code, 0);
  fails(await run(["client", "power", "on"], { env }), 2, /No board is named/);
  fails(await run(["board", "use", "bench"], { env }), 2, /did you mean "bench1"\?/);
  assert.equal((await run(["board", "use", "bench1"], { env })).code, 0);
  assert.equal((await run(["client", "power", "on"], { env })).code, 0);
  const listed = await run(["board", "list"], { env });
  assert.match(listed.stdout, /^\* bench1 {2}127\.0\.0\.1:\d+ {2}pinned /);
  const [entry] = JSON.parse((await run(["board", "list", "--json"], { env })).stdout);
  assert.deepEqual([entry.name, entry.fingerprint, entry.current], ["bench1", fingerprint, true]);

  const words = ["shell", "--", "sh", "-c", `j power on && head -1 "$GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"`];
  assert.deepEqual(await run(words, { env }), { code: 0, stdout: "-----BEGIN CERTIFICATE-----\n", stderr: "" });
  // --host comes first, then --board, JUMPSTARTER_HOST, --exporter-config, and the chosen board.
  const dead = { ...env, JUMPSTARTER_HOST: "127.0.0.1:1" };
  assert.equal((await run(["client", "--board", "bench1", "power", "on"], { env: dead })).code, 0);
  fails(await run(["client", "power", "on"], { env: dead }), 3, /127\.0\.0\.1:1/);
  fails(await run(["client", "--board", "bench1", "--host", "127.0.0.1:1"], { env }), 3, /127\.0\.0\.1:1/);

  assert.equal((await run(["board", "remove", "bench1"], { env })).code, 0);
  fails(await run(["client", "power", "on"], { env }), 2, /No board is named/);
});

Deno.test("no passphrase from a file or the environment can be seen among the machine's processes", async () => {
  using around = await surroundings();
  const { env } = around;
  const file = around.file("p.txt", secret);
  await using exporter = await startExporter(around.path, ["--tls-self-signed", "--passphrase-file", file], { env });
  const { fingerprint } = await identityOf(exporter);
  const words = ["--host", exporter.address, "--tls-fingerprint", fingerprint, "--passphrase-file", file];
  await using shell = start(["shell", ...words, "--", "sh", "-c", "echo up; exec j console pipe"], { env });
  await shell.said("up\n");
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    assert.ok(!line.includes(secret), line.replaceAll("\0", " "));
  }
  // It passes the signal on to what runs in it.
  shell.kill("SIGTERM");
  await shell.ended;
});
