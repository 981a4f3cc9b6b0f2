/** What commands ask of images: the options that say what an image is. @module */
import * as z from "zod/mini";
import { codecs } from "../core/codec.ts";

const fileArgument = "a file, - for standard input, a URL of http or https, or oci://REGISTRY/NAME:TAG";

/** Options that say what an image is. */
export const imageOptions = {
  compression: z._default(z.enum(["auto", "none", ...codecs]), "auto").check(
    z.describe("How the image is compressed; auto looks at its first bytes, none takes it as it is"),
  ),
  from: z._default(z.enum(["exporter", "client"]), "exporter").check(z.describe("Who fetches a URL")),
  sha256: z.optional(z.string().check(z.regex(/^[0-9a-fA-F]{64}$/, "Expected 64 hexadecimal digits"))).check(
    z.describe("What the SHA-256 of the file has to be, as it is before it is decompressed"),
  ),
};

/** Options that say how an image is written. */
export const writeOptions = {
  resume: z._default(z.boolean(), false).check(
    z.describe("Go on where an interrupted flash of the same image stopped"),
  ),
  skipIfSame: z._default(z.boolean(), false).check(
    z.describe("Compare first, and write nothing where the image is there already"),
  ),
  noVerify: z._default(z.boolean(), false).check(
    z.describe("Do not read back what was written; the result then says so"),
  ),
  bmap: z.optional(z.string()).check(
    z.describe("A bmap file: write the ranges that it names, and leave the rest alone"),
  ),
};

/** The option that leaves a flash to the exporter. */
export const detachOption = {
  detach: z._default(z.boolean(), false).check(
    z.describe("Leave once the exporter has begun to fetch the URL, and let it go on"),
  ),
};

/** Options that say what becomes of what is read. */
export const dumpOptions = {
  compression: z._default(z.enum(["auto", "none", ...codecs]), "auto").check(
    z.describe("How to compress the file; auto goes by its name"),
  ),
};

export const imageFile = z.string().check(z.describe(`The image: ${fileArgument}`));
export const dumpFile = z.string().check(
  z.describe("Where it goes: a file, - for standard output, or a URL to upload to"),
);

export type ImageOptions = z.output<z.ZodMiniObject<typeof imageOptions>>;

export type WriteOptions = z.output<z.ZodMiniObject<typeof writeOptions>>;

export type DumpOptions = z.output<z.ZodMiniObject<typeof dumpOptions>>;
