/** The codecs of compressed files, by the names that the protocol has for them. @module */

/** Names of all codecs. */
export const codecs = ["gzip", "xz", "bz2", "zstd"] as const;
export type Codec = typeof codecs[number];

/** As many bytes of a file's start as {@linkcode codecOf} may need. */
export const signatureBytes = 6;

const signatures: Record<Codec, readonly number[]> = {
  gzip: [0x1f, 0x8b, 0x08],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  bz2: [0x42, 0x5a, 0x68],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};

/** What pzstd begins with: a frame that is skipped (RFC 8878 section 3.1.2), whose first byte has sixteen values. */
const skippable = [0x2a, 0x4d, 0x18];

/** The codec of a file that begins with these bytes, or `undefined` where it has none that is known. */
export function codecOf(head: Uint8Array): Codec | undefined {
  if ((head[0] & 0xf0) === 0x50 && skippable.every((byte, at) => head[1 + at] === byte)) return "zstd";
  return codecs.find((codec) => signatures[codec].every((byte, at) => head[at] === byte));
}
