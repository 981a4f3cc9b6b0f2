import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { JumpstarterError } from "../../lib/core/errors.ts";
import { findRegistryFile } from "../../lib/client/oci/file.ts";
import { parseReference, renderReference } from "../../lib/client/oci/reference.ts";
import { download } from "../../lib/streams/http1/transfer.ts";
import { allOf, sample } from "../payload.ts";
import { type RegistryOptions, startRegistry } from "../registry.ts";
import { temporaryFolder } from "../system/program.ts";

const never = new AbortController().signal;
const image = sample(200_000);
const sha256 = createHash("sha256").update(image).digest("hex");
const variables = ["OCI_USERNAME", "OCI_PASSWORD", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"];

/** A registry with `acme/os:1`, which nobody can log in to by what this machine's user has. */
async function rig(options: RegistryOptions = {}) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const before = variables.map((name) => [name, Deno.env.get(name)] as const);
  stack.defer(() =>
    before.forEach(([name, value]) => value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value))
  );
  for (const name of variables) Deno.env.delete(name);
  Deno.env.set("DOCKER_CONFIG", folder.path);
  const registry = stack.use(startRegistry(options));
  const layer = registry.blob(image, undefined, "os.img");
  const manifest = registry.manifest("acme/os", { layers: [layer] }, "1");
  const find = (rest: string) => findRegistryFile(`oci://${registry.host}/${rest}`, never);
  const owned = stack.move();
  return { folder, registry, layer, manifest, find, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

Deno.test("References have a registry, a name, a tag or a digest, and the name of a file", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const cases: Record<string, [string, string, string, string?]> = {
    "oci://ghcr.io/acme/os": ["ghcr.io", "acme/os", "latest"],
    "oci://ghcr.io/acme/os:1.2": ["ghcr.io", "acme/os", "1.2"],
    [`oci://localhost:5000/os@${digest}`]: ["localhost:5000", "os", digest],
    [`oci://[::1]:5000/a/b__c/d-e:x@${digest}#root file.img`]: ["[::1]:5000", "a/b__c/d-e", digest, "root file.img"],
    "oci://docker.io/busybox": ["registry-1.docker.io", "library/busybox", "latest"],
    "OCI://Quay.IO/a/b#x": ["quay.io", "a/b", "latest", "x"],
  };
  for (const [text, [registry, name, version, file]] of Object.entries(cases)) {
    const reference = parseReference(text);
    assert.deepEqual(reference, { registry, name, version, file }, text);
    assert.deepEqual(parseReference(renderReference(reference)), reference);
  }
  const wrong = [
    "oci://",
    "oci://ghcr.io",
    "oci://ghcr.io/",
    "oci://a b/c",
    "oci://h/../x",
    "oci://h/Upper",
    "oci://h/a:",
    "oci://h/a?x=1",
    "oci://h/a@sha256:abc",
    "oci://user:pw@h/a",
    "https://h/a",
  ];
  for (const text of wrong) {
    assert.throws(() => parseReference(text), { code: "invalid_argument", phase: "usage" }, text);
  }
});

Deno.test("A reference leads to the request for its file, by tag, by digest, and by the file's name", async () => {
  await using it = await rig();
  for (
    const rest of ["acme/os:1", `acme/os@${it.manifest.digest}`, "acme/os:1#os.img", `acme/os:1#${it.layer.digest}`]
  ) {
    const { url, headers, ...told } = await it.find(rest);
    assert.deepEqual(told, { sha256, size: image.length, name: "os.img", encoding: undefined });
    assert.deepEqual(await allOf(await download(url, headers, never)), image);
  }
  await assert.rejects(it.find("acme/os:2"), {
    code: "not_found",
    message: `There is no acme/os 2 at ${it.registry.host}`,
  });
});

Deno.test("A registry that asks for a token gets the user's login, from docker's file, podman's, or the environment", async () => {
  await using it = await rig({ login: "me:p:ss", redirects: true });
  const { host } = it.registry;
  const file = (name: string, auths: object) => it.folder.file(name, JSON.stringify({ auths, credsStore: "desktop" }));
  const auth = btoa("me:p:ss");
  const other = { auth: btoa("somebody:else") };
  const works = async () => {
    const { url, headers } = await it.find("acme/os:1");
    assert.match(headers.authorization, /^Bearer ./);
    assert.deepEqual(await allOf(await download(url, headers, never)), image);
  };
  const refused = {
    code: "unauthenticated",
    message: `The registry ${host} lets somebody without a login read nothing of acme/os`,
  };
  await assert.rejects(it.find("acme/os:1"), refused);
  file("config.json", { [host]: {}, "ghcr.io": other });
  await assert.rejects(it.find("acme/os:1"), refused);
  file("config.json", { [host]: { auth } });
  await works();
  file("config.json", { [host]: other, [`https://${host}/v1/`]: other, [`${host}/acme`]: { auth } });
  await works();
  Deno.env.set("REGISTRY_AUTH_FILE", file("auth.json", { [host]: other }));
  await assert.rejects(it.find("acme/os:1"), /lets user somebody read nothing of acme\/os$/);
  Deno.env.set("OCI_USERNAME", "me");
  Deno.env.set("OCI_PASSWORD", "p:ss");
  await works();
  Deno.env.delete("OCI_USERNAME");
  it.folder.file("auth.json", `{"auths": {"x": "${auth}`);
  await assert.rejects(it.find("acme/os:1"), (error: JumpstarterError) => {
    assert.match(error.message, /auth.json: Expected JSON with logins for registries under `auths`$/);
    assert.ok(!error.message.includes(auth));
    return true;
  });
  // The host that has the blobs hears no secret of the registry's.
  assert.ok(it.registry.seen.includes("GET /token Basic"));
  assert.deepEqual(it.registry.seen.filter((line) => line.startsWith("elsewhere")), Array(3).fill("elsewhere"));
});

Deno.test("A registry that asks for the login with each request gets it", async () => {
  await using it = await rig({ login: "me:pw", scheme: "Basic" });
  await assert.rejects(it.find("acme/os:1"), { code: "unauthenticated" });
  Deno.env.set("OCI_USERNAME", "me");
  Deno.env.set("OCI_PASSWORD", "pw");
  const { headers } = await it.find("acme/os:1");
  assert.equal(headers.authorization, `Basic ${btoa("me:pw")}`);
});

Deno.test("Of an index it is the only manifest; of several one has to be chosen by its digest", async () => {
  await using it = await rig();
  const foreign = it.registry.manifest("acme/os", { layers: [it.registry.blob(sample(10))] });
  const attestation = { ...foreign, platform: { os: "unknown", architecture: "unknown" } };
  it.registry.manifest("acme/os", { manifests: [it.manifest, attestation] }, "one");
  assert.equal((await it.find("acme/os:one")).sha256, sha256);
  const named = { ...foreign, platform: { os: "linux", architecture: "s390x" } };
  it.registry.manifest("acme/os", { manifests: [named, it.manifest] }, "two");
  await assert.rejects(it.find("acme/os:two"), {
    code: "invalid_argument",
    message: `oci://${it.registry.host}/acme/os:two is an index of 2 manifests: ` +
      `linux/s390x ${foreign.digest}, unnamed ${it.manifest.digest}`,
    hint: `Choose one, as in oci://${it.registry.host}/acme/os@${foreign.digest}`,
  });
  assert.equal((await it.find(`acme/os@${it.manifest.digest}`)).sha256, sha256);
});

Deno.test("Of several files one has to be chosen, by its name or its digest", async () => {
  await using it = await rig();
  const boot = it.registry.blob(sample(10), undefined, "boot.img");
  const unnamed = it.registry.blob(sample(11));
  it.registry.manifest("acme/os", { layers: [boot, it.layer, unnamed, { ...boot, digest: it.layer.digest }] }, "2");
  assert.equal((await it.find("acme/os:2#os.img")).sha256, sha256);
  assert.equal((await it.find(`acme/os:2#${unnamed.digest}`)).size, 11);
  const place = `oci://${it.registry.host}/acme/os:2`;
  const names = `boot.img, os.img, ${unnamed.digest}, boot.img`;
  const failures: Record<string, [string, string]> = {
    "acme/os:2": [`${place} has 4 files: ${names}`, `${place}#boot.img`],
    "acme/os:2#x": [`${place} has 4 files, and none of them is x: ${names}`, `${place}#boot.img`],
    "acme/os:2#boot.img": [`${place} has 4 files, and several are boot.img: ${names}`, `${place}#${boot.digest}`],
  };
  for (const [rest, [message, example]] of Object.entries(failures)) {
    await assert.rejects(it.find(rest), { code: "invalid_argument", message, hint: `Choose one, as in ${example}` });
  }
  it.registry.manifest("acme/os", { layers: [] }, "empty");
  await assert.rejects(it.find("acme/os:empty"), /acme\/os:empty has 0 files$/);
});

Deno.test("What is no artifact with a file is refused, and so is a manifest that is not the one that was asked for", async () => {
  await using it = await rig();
  const { registry } = it;
  const config = { ...registry.blob(sample(2)), mediaType: "application/vnd.oci.image.config.v1+json" };
  registry.manifest("acme/os", {
    config,
    layers: [registry.blob(sample(12), "application/vnd.oci.image.layer.v1.tar+gzip")],
  }, "c");
  registry.manifest("acme/os", { config, layers: [it.layer] }, "named");
  registry.manifest("acme/os", { layers: [{ ...it.layer, digest: `sha512:${"0".repeat(128)}` }] }, "sha512");
  registry.manifest("acme/os", { layers: [{ ...it.layer, digest: "sha256:../../../token" }] }, "path");
  registry.manifest("acme/os", { fsLayers: [] }, "old");
  const index = registry.manifest("acme/os", { manifests: [] }, "empty");
  registry.manifest("acme/os", { manifests: [{ ...index, mediaType: it.manifest.mediaType }] }, "nested");
  assert.equal((await it.find("acme/os:named")).sha256, sha256);
  await assert.rejects(
    it.find("acme/os:c"),
    /it is a container's, whose layers are archives of files; expected an artifact$/,
  );
  await assert.rejects(it.find("acme/os:sha512"), /has the digest sha512:0+, expected one of SHA-256$/);
  for (const tag of ["path", "old"]) await assert.rejects(it.find(`acme/os:${tag}`), /it is no manifest with layers/);
  await assert.rejects(it.find("acme/os:empty"), /is an index of 0 manifests/);
  await assert.rejects(it.find("acme/os:nested"), /it is an index of indexes$/);
  const other = `sha256:${"0".repeat(64)}`;
  registry.manifest("acme/os", { layers: [] }, other);
  await assert.rejects(it.find(`acme/os@${other}`), { code: "data_loss", message: /, expected sha256:0+$/ });
});

Deno.test("A registry elsewhere is spoken to by TLS, and a login goes to web servers only", async () => {
  await assert.rejects(findRegistryFile("oci://registry.invalid:1/acme/os", never), {
    message: /^HTTP GET of https:\/\/registry.invalid:1\/v2\/acme\/os\/manifests\/latest failed: /,
  });
  await using it = await rig({ login: "me:pw", realm: "file:///etc/passwd" });
  await assert.rejects(it.find("acme/os:1"), {
    message: `The registry ${it.registry.host} sends no address of https where it gives tokens`,
  });
});

Deno.test("A file of a registry whose connection is cut is continued at the host that it lies on", async () => {
  await using it = await rig({ redirects: true, cutAfter: 90_000 });
  const { url, headers } = await it.find("acme/os:1");
  assert.deepEqual(await allOf(await download(url, headers, never)), image);
  assert.deepEqual(it.registry.seen.slice(-6).filter((line) => line.startsWith("elsewhere")), [
    "elsewhere",
    "elsewhere bytes=90000-",
    "elsewhere bytes=180000-",
  ]);
});
