/** Storage that is switched and flashed, without hardware. @module */
import { join } from "node:path";
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { storageMuxFlasher } from "../../lib/interfaces/storage_mux.ts";
import { StorageSwitch } from "../../lib/interfaces/storage_switch.ts";
import { MediumFlasher } from "../../lib/hardware/flash.ts";

/** Keeps the storage in a temporary file, until the session's end, and logs where it is connected to. */
export default defineDriver({
  name: "mock-storage-mux-flasher",
  summary: "Storage that is switched and flashed, without hardware: it is a temporary file of the exporter",
  implements: storageMuxFlasher,
  config: z.object({}),
  async open({ log }) {
    const folder = await Deno.makeTempDir({ prefix: "jumpstarter-storage-" });
    const file = join(folder, "storage");
    await Deno.create(file).then((made) => made.close());
    const storage = new MediumFlasher({ path: file, record: join(folder, "record") });
    const mux = new StorageSwitch({
      host: () => log.info("storage at host"),
      dut: () => log.info("storage at device"),
      off: () => log.info("storage disconnected"),
    });
    return {
      host: mux.host,
      dut: mux.dut,
      off: mux.off,
      write: ({ src }, call) => mux.use(call, () => storage.flash(src, call)),
      read: ({ dst }, call) => mux.use(call, () => storage.dump(dst.bytes, call)),
      flashProgress: ({ source, options }, { signal }) =>
        storage.runs.events(
          (report, signal) => mux.atHost(signal, () => storage.write(source, options, report, signal)),
          { signal, detached: options.detach },
        ),
      flashPlan: (image) => storage.plan(image),
      flashState: () => storage.runs.state(),
      flashCancel: () => storage.runs.cancel(),
      async [Symbol.asyncDispose]() {
        await storage.runs.cancel();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
});
