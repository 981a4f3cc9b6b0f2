/** Storage that is switched, without hardware. @module */
import { join } from "node:path";
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { storageMux } from "../../lib/interfaces/storage_mux.ts";
import { MediumFlasher } from "../../lib/hardware/flash.ts";

/** Keeps the storage in a temporary file, until the session's end, and logs where it is connected to. */
export default defineDriver({
  name: "mock-storage-mux",
  summary: "Storage that is switched, without hardware: it is a temporary file of the exporter",
  implements: storageMux,
  config: z.object({}),
  async open({ log }) {
    const folder = await Deno.makeTempDir({ prefix: "jumpstarter-storage-" });
    const file = join(folder, "storage");
    await Deno.create(file).then((made) => made.close());
    const storage = new MediumFlasher({ path: file, record: join(folder, "record") });
    return {
      host: () => log.info("storage at host"),
      dut: () => log.info("storage at device"),
      off: () => log.info("storage disconnected"),
      write: ({ src }, call) => storage.flash(src, call),
      writeProgress: ({ src, options }, call) => storage.progress(src, options, call),
      writePlan: (image) => storage.plan(image),
      read: ({ dst }, call) => storage.dump(dst.bytes, call),
      async [Symbol.asyncDispose]() {
        await storage.runs.cancel();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
});
