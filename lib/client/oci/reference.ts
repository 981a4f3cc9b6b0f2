/** References to what registries hold. @module */
import { usageError } from "../../core/errors.ts";

/** `oci://REGISTRY/NAME[:TAG][@DIGEST][#FILE]` in its parts. */
export interface OciReference {
  /** Host and port, as written. */
  readonly registry: string;
  readonly name: string;
  /** A tag, or the digest of a manifest. */
  readonly version: string;
  /** The title of a layer, or its digest, where there are several. */
  readonly file?: string;
}

const component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const grammar = new RegExp(
  "^oci://(?<registry>[a-z0-9.-]+(?::\\d{1,5})?|\\[[0-9a-f:]+\\](?::\\d{1,5})?)" +
    `/(?<name>${component}(?:/${component})*)` +
    "(?::(?<tag>\\w[\\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?(?:#(?<file>.+))?$",
  "i",
);

/**
 * Takes a reference apart. A digest wins over a tag, as everywhere.
 *
 * @throws {JumpstarterError} `invalid_argument` for what is none.
 */
export function parseReference(text: string): OciReference {
  const { registry, name, tag = "latest", digest, file } = grammar.exec(text)?.groups ?? {};
  if (!registry || name !== name.toLowerCase()) {
    throw usageError(
      `Expected oci://REGISTRY/NAME[:TAG][@sha256:DIGEST][#FILE], got ${JSON.stringify(text)}`,
      "as in oci://ghcr.io/acme/os:1.2",
    );
  }
  // Docker Hub is known by another name than the host that serves it, and its own images by one word.
  const isHub = /^(?:index\.)?docker\.io$/i.test(registry);
  return {
    registry: isHub ? "registry-1.docker.io" : registry.toLowerCase(),
    name: isHub && !name.includes("/") ? `library/${name}` : name,
    version: digest ?? tag,
    file,
  };
}

/** A reference as it is written, to another version where one is given. */
export function renderReference({ registry, name, version, file }: OciReference, other: Partial<OciReference> = {}) {
  const { version: chosen, file: layer } = { version, file, ...other };
  const at = chosen.startsWith("sha256:") ? "@" : ":";
  return `oci://${registry}/${name}${at}${chosen}${layer === undefined ? "" : `#${layer}`}`;
}
