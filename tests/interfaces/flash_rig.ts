/** A flasher for tests of its commands, and images for it. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import mockFlasher from "../../drivers/mock_flasher/mod.ts";
import { findRegistryFile } from "../../lib/client/oci/file.ts";
import type { Command } from "../../lib/contract/command.ts";
import { codecs } from "../../lib/core/codec.ts";
import { flasher } from "../../lib/interfaces/flasher.ts";
import { compress } from "../../lib/streams/codec/codec.ts";
import { download } from "../../lib/streams/http1/transfer.ts";
import { serve } from "../../mod.ts";
import { allOf, sample, sourceOfBytes } from "../payload.ts";
import { temporaryFolder } from "../system/program.ts";
import { parsed, run } from "./io.ts";

export const image = sample(700_001);
export const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
export const sha256 = hashOf(image);
export const written = {
  bytes: image.length,
  sha256,
  sha256ReadBack: sha256,
  verified: "read-back",
  written: image.length,
};
export const never = new AbortController().signal;

/** A flasher with its commands, and a folder with the image and archives of it. */
export async function bench() {
  await using stack = new AsyncDisposableStack();
  const client = stack.use(await serve(mockFlasher, {}));
  const folder = stack.use(temporaryFolder());
  const file = (name: string) => `${folder.path}/${name}`;
  await Deno.writeFile(file("image"), image);
  for (const codec of codecs) {
    await Deno.writeFile(file(`image.${codec}`), await allOf(compress(codec, sourceOfBytes(image))));
  }
  const commands = flasher.commands!(client);
  const owned = stack.move();
  return { client, commands, file, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Runs a command with what a user typed. */
export const typed = (command: Command, given: Record<string, unknown>, io = {}) => {
  const running = run(command, parsed(command, given), {
    download: (url, { headers = {}, first } = {}) => download(url, headers, never, first),
    registryFile: (reference) => findRegistryFile(reference, never),
    ...io,
  });
  return running.done.then(() => running);
};

/** Flashes an image of more than 69 MiB, and interrupts it there: the exporter has noted the first 64 MiB then. */
export async function interrupted(command: Command, given: Record<string, unknown>): Promise<readonly string[]> {
  const interruption = new AbortController();
  const { done, notes } = run(command, parsed(command, given), {
    signal: interruption.signal,
    advance({ stage, bytes }) {
      if (stage === "transfer" && bytes > 69 * 1024 * 1024) interruption.abort(new Error("interrupted"));
    },
  });
  await assert.rejects(done, { code: "canceled" });
  return notes;
}
