/** Images that lie in a registry, as the one layer of an artifact. @module */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { RegistryFile } from "../../contract/command.ts";
import type { Codec } from "../../core/codec.ts";
import { JumpstarterError } from "../../core/errors.ts";
import { findLogin } from "./login.ts";
import { type OciReference, parseReference, renderReference } from "./reference.ts";
import { Repository } from "./registry.ts";

const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const indexTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const containerTypes = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
];
const title = "org.opencontainers.image.title";

const word = z.string().check(z.regex(/^[\w.-]{0,64}$/));

const Descriptor = z.object({
  mediaType: z.string(),
  digest: z.string().check(z.regex(/^[a-z0-9+._-]{1,32}:[\w=-]{1,256}$/i)),
  size: z.int().check(z.minimum(0)),
  annotations: z.nullish(z.record(z.string(), z.string())),
  platform: z.nullish(z.object({ os: word, architecture: word, variant: z.nullish(word) })),
});
type Descriptor = z.infer<typeof Descriptor>;

const Manifest = z.object({ config: z.nullish(Descriptor), layers: z.array(Descriptor) });
type Manifest = z.infer<typeof Manifest>;

/** Either a manifest, or an index of several. */
const Stored = z.union([Manifest, z.object({ manifests: z.array(Descriptor) })]);

/**
 * Finds the file that `oci://…` names, and the request for it.
 *
 * @throws {JumpstarterError} `invalid_argument` where more than one file could be meant, with their names; those of
 * {@linkcode Repository.manifest}.
 */
export async function findRegistryFile(word: string, signal: AbortSignal): Promise<RegistryFile> {
  const reference = parseReference(word);
  const repository = new Repository(reference, findLogin(reference), signal);
  const read = async (version: string) =>
    parse(reference, version, await repository.manifest(version, [...manifestTypes, ...indexTypes]));
  let stored = await read(reference.version);
  if ("manifests" in stored) stored = await read(onlyOne(reference, stored.manifests));
  if ("manifests" in stored) throw unusable(reference, "it is an index of indexes");
  const layer = chooseLayer(reference, stored);
  return {
    ...repository.blob(layer.digest),
    sha256: sha256Of(reference, layer.digest),
    size: layer.size,
    name: layer.annotations?.[title],
    encoding: codecOfType(layer.mediaType),
  };
}

function parse(reference: OciReference, version: string, bytes: Uint8Array<ArrayBuffer>): z.infer<typeof Stored> {
  if (version.startsWith("sha256:")) {
    const got = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    if (got !== version) {
      throw new JumpstarterError("data_loss", `The registry's manifest has the digest ${got}, expected ${version}`);
    }
  }
  try {
    return Stored.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw unusable(reference, "it is no manifest with layers, and no index of manifests", cause);
  }
}

/** The manifest of an index that has one only: which platform the board is, is not known here. */
function onlyOne(reference: OciReference, all: Descriptor[]): string {
  // Attestations stand beside the manifests that they are of.
  const manifests = all.filter(({ mediaType, platform }) =>
    manifestTypes.includes(mediaType) && platform?.architecture !== "unknown"
  );
  if (manifests.length === 1) return manifests[0].digest;
  const list = listed(manifests.map(({ platform, digest }) => `${platformName(platform)} ${digest}`));
  throw ambiguous(
    `${renderReference(reference)} is an index of ${manifests.length} manifests: ${list}`,
    manifests[0] && renderReference(reference, { version: manifests[0].digest }),
  );
}

function platformName(platform: Descriptor["platform"]): string {
  return platform ? [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/") : "unnamed";
}

function chooseLayer(reference: OciReference, { config, layers }: Manifest): Descriptor {
  const { file } = reference;
  const meant = file === undefined
    ? layers
    : layers.filter(({ digest, annotations }) => digest === file || annotations?.[title] === file);
  if (meant.length !== 1) {
    const names = layers.map(nameOf);
    const what = `${renderReference(reference, { file: undefined })} has ${layers.length} files`;
    const why = file === undefined
      ? ""
      : meant.length > 0
      ? `, and several are ${file}`
      : `, and none of them is ${file}`;
    const example = file !== undefined && meant.length > 0 ? meant[0].digest : names[0];
    throw ambiguous(
      `${what}${why}${names.length > 0 ? `: ${listed(names)}` : ""}`,
      example && renderReference(reference, { file: example }),
    );
  }
  const [layer] = meant;
  if (config && containerTypes.includes(config.mediaType) && !layer.annotations?.[title]) {
    throw unusable(reference, "it is a container's, whose layers are archives of files; expected an artifact");
  }
  return layer;
}

/** A layer's title, or its digest where it has none, or one that a terminal would not take for a name. */
function nameOf({ digest, annotations }: Descriptor): string {
  const name = annotations?.[title] ?? "";
  return /^[\w .,:/@+-]{1,120}$/.test(name) ? name : digest;
}

function listed(names: string[]): string {
  return [...names.slice(0, 10), ...names.length > 10 ? ["…"] : []].join(", ");
}

function codecOfType(mediaType: string): Codec | undefined {
  const [, ending] = /[+.](gzip|zstd|xz)$/.exec(mediaType) ?? [];
  return ending as Codec | undefined;
}

function sha256Of(reference: OciReference, digest: string): string {
  const [, digits] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (!digits) throw unusable(reference, `its file has the digest ${digest}, expected one of SHA-256`);
  return digits;
}

function ambiguous(message: string, example: string | undefined): JumpstarterError {
  const hint = example && `Choose one, as in ${example}`;
  return new JumpstarterError("invalid_argument", message, { phase: "usage", hint });
}

function unusable(reference: OciReference, why: string, cause?: unknown): JumpstarterError {
  const message = `The manifest of ${renderReference(reference)} cannot be used: ${why}`;
  return new JumpstarterError("failed_precondition", message, { cause });
}
