import assert from "node:assert/strict";
import { fromFiles, selfSigned } from "../../lib/wire/tls/identity.ts";
import { listenTls } from "../../lib/wire/tls/listen.ts";
import { certificatesOf, fingerprintOf, parseFingerprint, pinnedName } from "../../lib/wire/tls/pem.ts";
import { secure } from "../../lib/wire/tls/trust.ts";
import { factsOf } from "../../lib/wire/tls/x509.ts";
import { testAuthority } from "../certificates.ts";
import { folderOf } from "../folder.ts";

const dayMs = 24 * 60 * 60 * 1000;

Deno.test("parseFingerprint() takes either case, with and without colons, and nothing else", () => {
  const digits = "9f".repeat(32);
  const written = Array(32).fill("9F").join(":");
  for (const text of [digits, digits.toUpperCase(), written, `sha256:${digits}`]) {
    assert.equal(parseFingerprint(text), written);
  }
  for (const text of ["", "9f", `${digits}00`, digits.replace("9", "x")]) {
    assert.throws(() => parseFingerprint(text), /64 hexadecimal digits/);
  }
});

Deno.test("selfSigned() shows a leaf for the machine's and the given names, with its authority behind it", async () => {
  using folder = await folderOf();
  const identity = await selfSigned(folder.path, { names: ["bench.example", "192.0.2.9", "2001:db8::9"] });
  const [leaf, authority, ...more] = certificatesOf(identity.current.certificate);
  assert.equal(more.length, 0);
  assert.equal(fingerprintOf(authority), identity.authority!.fingerprint);
  const { names, issuer, notBefore, notAfter } = factsOf(leaf);
  const expected = [
    "localhost",
    "127.0.0.1",
    "::1",
    "bench.example",
    "192.0.2.9",
    "2001:db8::9",
    pinnedName(authority),
  ];
  for (const name of expected) assert.ok(names.includes(name), `${name} of ${names}`);
  assert.equal(issuer, factsOf(authority).subject);
  assert.ok(notBefore.getTime() < Date.now() && notAfter.getTime() > Date.now() + 89 * dayMs);
});

Deno.test("selfSigned() makes one authority, also when two exporters start at once", async () => {
  using folder = await folderOf();
  const identities = await Promise.all(Array.from({ length: 8 }, () => selfSigned(folder.path)));
  assert.equal(new Set(identities.map(({ authority }) => authority!.fingerprint)).size, 1);
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), ["ca-key.pem", "ca.pem"]);
});

Deno.test("selfSigned() renews its leaf when a third of its days is left, and when the clock is set back", async () => {
  using folder = await folderOf();
  let now = new Date("2030-01-01T00:00:00Z");
  const identity = await selfSigned(folder.path, { now: () => now });
  const before = identity.current;
  now = new Date(now.getTime() + 59 * dayMs);
  assert.equal(await identity.renew(), false);
  now = new Date(now.getTime() + 2 * dayMs);
  assert.equal(await identity.renew(), true);
  assert.notEqual(identity.current.certificate, before.certificate);
  now = new Date("2026-01-01T00:00:00Z");
  assert.equal(await identity.renew(), true);
  assert.equal(factsOf(certificatesOf(identity.current.certificate)[0]).notBefore.getUTCFullYear(), 2025);
});

Deno.test("fromFiles() follows its files, and keeps what it has while they do not go together", async () => {
  using folder = await folderOf();
  const authority = await testAuthority(folder.path, "lab");
  const files = await authority.issue("leaf", ["localhost"]);
  const identity = fromFiles(files.cert, files.key);
  const before = identity.current;
  assert.equal(await identity.renew(), false);
  const next = await authority.issue("next", ["localhost"]);
  Deno.copyFileSync(next.cert, files.cert);
  await assert.rejects(identity.renew(), /cannot be used/);
  assert.equal(identity.current, before);
  Deno.copyFileSync(next.key, files.key);
  assert.equal(await identity.renew(), true);
  assert.notEqual(identity.current, before);
});

Deno.test("secure() carries bytes both ways and ends directions separately", async () => {
  using folder = await folderOf();
  const { current, authority } = await selfSigned(folder.path);
  using listener = listenTls({ hostname: "127.0.0.1", port: 0 }, current);
  const { port } = listener.addr as Deno.NetAddr;
  const received = listener.accept().then((connection) => new Response(connection.readable).text());
  const peer = { hostname: "127.0.0.1", port };
  const pipe = await secure(await Deno.connect(peer), peer, { kind: "pinned", pem: authority!.certificate }, 5_000);
  await pipe.write(new TextEncoder().encode("there"));
  await pipe.closeWrite();
  assert.equal(await received, "there");
  pipe.close();
});
