/** Flashers: an image onto a device, and back. @module */
import * as z from "zod";
import { type Client, defineInterface } from "../contract/interface.ts";
import { unary } from "../contract/method.ts";
import { resource } from "../contract/resource.ts";
import { dumpCommand, flashCommand, MaybeFlashResult } from "./flashing.ts";

const partition = z.string().optional().describe("The partition; left out, the driver's default one");

/** Writes images to a device. */
export const flasher = defineInterface({
  name: "flasher",
  summary: "Writes images to a device",
  pythonClients: [
    "jumpstarter_driver_opendal.client.FlasherClient",
    "jumpstarter.client.flasher.FlasherClient",
  ],
  methods: {
    flash: unary("Write an image", {
      params: { source: resource("read", "The image"), target: partition },
      result: MaybeFlashResult,
      nativeResult: false,
    }),
    dump: unary("Read an image", { params: { target: resource("write", "Where the image goes"), partition } }),
  },
  commands: (client) => ({
    flash: flashCommand(client.flash),
    dump: dumpCommand(client.dump),
  }),
});

export type FlasherClient = Client<typeof flasher>;
