/**
 * Block maps: which parts of an image hold anything. The format is bmaptool's (`.bmap`, versions 1.2 to 2.0).
 *
 * @module
 */
import { parseXml, XmlElement, type XmlNode } from "@rgrove/parse-xml";
import { createHash } from "node:crypto";
import { JumpstarterError, messageOf } from "../core/errors.ts";

/** A part of an image. */
export interface MappedRange {
  /** The first byte. */
  readonly start: number;
  /** The byte behind the last. */
  readonly end: number;
  /** Its checksum in hexadecimal digits, where the map has it. */
  readonly checksum?: string;
}

/** The parts of an image that hold anything, in their order. What is between them may be anything on the medium. */
export interface BlockMap {
  /** Bytes of the image. */
  readonly imageSize: number;
  /** Which checksum the ranges have: `sha256`. */
  readonly algorithm: string;
  readonly ranges: readonly MappedRange[];
}

/**
 * Reads a block map and checks its own checksum.
 *
 * @throws {JumpstarterError} `invalid_argument` when it is none, `data_loss` when it was changed.
 */
export function parseBlockMap(text: string): BlockMap {
  const root = rootOf(text);
  const version = root.attributes.version ?? "";
  if (root.name !== "bmap" || !/^[12]\./.test(version)) {
    throw invalid(`Expected a bmap of version 1 or 2, got ${root.name} ${version}`.trim());
  }
  const value = (name: string) => childOf(root, name)?.text.trim();
  const number = (name: string) => numberOf(value(name), name);
  // Versions before 2.0 know SHA-1 only and say so in the names.
  const algorithm = value("ChecksumType") ?? "sha1";
  checkOwn(text, algorithm, value("BmapFileChecksum") ?? value("BmapFileSHA1"));
  const [imageSize, blockSize] = [number("ImageSize"), number("BlockSize")];
  if (blockSize === 0 || blockSize % 512 !== 0) {
    throw invalid(`Expected blocks of whole sectors, got ${blockSize} bytes`);
  }
  const ranges = elementsOf(childOf(root, "BlockMap")).map(({ attributes, text }) => {
    const [first, last = first] = text.trim().split("-").map((part) => numberOf(part, "Range"));
    const checksum = attributes.chksum ?? attributes.sha1;
    return { start: first * blockSize, end: Math.min((last + 1) * blockSize, imageSize), checksum };
  });
  let before = 0;
  for (const { start, end } of ranges) {
    if (start < before || end <= start) throw invalid("Expected ranges in their order, within the image");
    before = end;
  }
  const mapped = value("MappedBlocksCount");
  const found = ranges.reduce((sum, { start, end }) => sum + Math.ceil((end - start) / blockSize), 0);
  // A map that was cut short would have most of an image left out, and that called proven.
  if (mapped !== undefined && numberOf(mapped, "MappedBlocksCount") !== found) {
    throw invalid(`Expected ${mapped} mapped blocks, as it says, got ${found}`);
  }
  if (!childOf(root, "BlockMap")) throw invalid("Expected a BlockMap, but it is missing");
  return { imageSize, algorithm, ranges };
}

function rootOf(text: string): XmlElement {
  try {
    const { root } = parseXml(text);
    if (root) return root;
  } catch (error) {
    throw invalid(messageOf(error).split("\n")[0], error);
  }
  throw invalid("It is empty");
}

/** The checksum is made with zeros in its own place. */
function checkOwn(text: string, algorithm: string, checksum: string | undefined): void {
  if (checksum === undefined || /^0*$/.test(checksum)) return;
  if (!["sha1", "sha256", "sha512"].includes(algorithm)) throw invalid(`Unknown checksum type ${algorithm}`);
  const blank = text.replace(checksum, "0".repeat(checksum.length));
  if (createHash(algorithm).update(blank).digest("hex") === checksum.toLowerCase()) return;
  throw new JumpstarterError("data_loss", "The block map was changed: It does not have its own checksum");
}

function numberOf(text: string | undefined, name: string): number {
  const number = Number(text?.trim() || NaN);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw invalid(`Expected a number for ${name}, got ${JSON.stringify(text ?? "nothing")}`);
}

function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return elementsOf(element).find((child) => child.name === name);
}

function elementsOf(element: XmlElement | undefined): XmlElement[] {
  return (element?.children ?? []).filter((child: XmlNode) => child instanceof XmlElement);
}

function invalid(why: string, cause?: unknown): JumpstarterError {
  return new JumpstarterError("invalid_argument", `This is no block map: ${why}`, { cause });
}
