/** A disk, stick or card of the exporter's machine. @module */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { flasher } from "../../lib/interfaces/flasher.ts";
import { MediumFlasher } from "../../lib/hardware/flash.ts";

const seconds = z.number().check(z.minimum(0));

/** Writes images to a block device or into a file, by the names that upstream's storage drivers have for it. */
export default defineDriver({
  name: "disk-flasher",
  summary: "Writes images to a disk, stick or card of the exporter's machine, or into a file",
  implements: flasher,
  config: z.object({
    storage_device: z.string().check(
      z.minLength(1),
      z.describe(
        "The block device, best by its path below /dev/disk/by-id or /dev/disk/by-path; or a file, made where it is missing",
      ),
    ),
    storage_timeout: z._default(seconds, 10).check(
      z.describe("Limit for the device to appear with a medium in it, in seconds"),
    ),
    storage_fsync_timeout: z._default(seconds, 900).check(z.describe(
      "Limit for the device to take everything while it reports I/O errors, in seconds",
    )),
  }),
  open({ config, stateFolder }) {
    const path = resolve(config.storage_device);
    const disk = new MediumFlasher({
      path,
      record: join(stateFolder, "flash", createHash("sha256").update(path).digest("hex")),
      storageTimeoutMs: config.storage_timeout * 1000,
      syncTimeoutMs: config.storage_fsync_timeout * 1000,
    });
    const refuse = (partition: string | undefined) => {
      if (partition === undefined) return;
      const message = `This flasher has no partitions, got ${JSON.stringify(partition)}`;
      throw new JumpstarterError("invalid_argument", message);
    };
    return {
      async flash({ source, target }, call) {
        refuse(target);
        return await disk.flash(source, call);
      },
      flashProgress({ source, target, options }, call) {
        refuse(target);
        return disk.progress(source, options, call);
      },
      async flashPlan({ target, ...image }) {
        refuse(target);
        return await disk.plan(image);
      },
      flashState({ target }) {
        refuse(target);
        return disk.runs.state();
      },
      async flashCancel({ target }) {
        refuse(target);
        return await disk.runs.cancel();
      },
      async dump({ target, partition }, call) {
        refuse(partition);
        await disk.dump(target.bytes, call);
      },
      async [Symbol.asyncDispose]() {
        await disk.runs.cancel();
      },
    };
  },
});
