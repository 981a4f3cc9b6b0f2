/** A flasher without hardware. @module */
import { join } from "node:path";
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { flasher } from "../../lib/interfaces/flasher.ts";
import { MediumFlasher } from "../../lib/hardware/flash.ts";

/** Keeps each partition in a temporary file, until the session's end. */
export default defineDriver({
  name: "mock-flasher",
  summary: "A flasher without hardware: partitions are temporary files of the exporter",
  implements: flasher,
  config: z.object({}),
  async open() {
    const folder = await Deno.makeTempDir({ prefix: "jumpstarter-flasher-" });
    const fileOf = (partition = "default") => {
      if (/^\w[\w.-]{0,99}$/.test(partition)) return join(folder, partition);
      const got = JSON.stringify(partition);
      throw new JumpstarterError("invalid_argument", `Expected the name of a partition, got ${got}`);
    };
    const media = new Map<string, MediumFlasher>();
    const mediumOf = (partition?: string) => {
      const path = fileOf(partition);
      // A record's name ends in what no partition's name can hold.
      const medium = media.get(path) ?? new MediumFlasher({ path, record: `${path}~record` });
      media.set(path, medium);
      return medium;
    };
    return {
      flash: ({ source, target }, call) => mediumOf(target).flash(source, call),
      flashProgress: ({ source, target, options }, call) => mediumOf(target).progress(source, options, call),
      flashPlan: ({ target, ...image }) => mediumOf(target).plan(image),
      flashState: ({ target }) => mediumOf(target).runs.state(),
      flashCancel: ({ target }) => mediumOf(target).runs.cancel(),
      async dump({ target, partition }, call) {
        try {
          await mediumOf(partition).dump(target.bytes, call);
        } catch (cause) {
          if (!(cause instanceof Deno.errors.NotFound)) throw cause;
          const message = `Nothing was flashed to ${partition ?? "default"} yet`;
          throw new JumpstarterError("not_found", message, { cause });
        }
      },
      async [Symbol.asyncDispose]() {
        await Promise.all([...media.values()].map((medium) => medium.runs.cancel()));
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
});
