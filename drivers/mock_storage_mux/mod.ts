/** Storage that is switched, without hardware. @module */
import * as z from "zod";
import { defineDriver } from "../../lib/contract/driver.ts";
import { storageMux } from "../../lib/interfaces/storage_mux.ts";
import { flashFile } from "../../lib/hardware/flash.ts";
import { readMedium } from "../../lib/streams/medium.ts";

/** Keeps the storage in a temporary file, until the session's end, and logs where it is connected to. */
export default defineDriver({
  name: "mock-storage-mux",
  summary: "Storage that is switched, without hardware: it is a temporary file of the exporter",
  implements: storageMux,
  config: z.object({}),
  async open({ log }) {
    const file = await Deno.makeTempFile({ prefix: "jumpstarter-storage-" });
    return {
      host: () => log.info("storage at host"),
      dut: () => log.info("storage at device"),
      off: () => log.info("storage disconnected"),
      write: ({ src }, { signal }) => flashFile(file, src.bytes, signal),
      read: ({ dst }) => readMedium(file, dst.bytes),
      [Symbol.asyncDispose]: () => Deno.remove(file),
    };
  },
});
