/** Flashers: an image onto a device, and back. @module */
import * as z from "zod";
import { type Client, defineInterface } from "../contract/interface.ts";
import { serverStreaming, unary } from "../contract/method.ts";
import { resource } from "../contract/resource.ts";
import {
  dumpCommand,
  flashCommand,
  FlashEvent,
  FlashOptions,
  MaybeFlashResult,
  planParams,
  ResumePlan,
} from "./flashing.ts";

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
    flashProgress: serverStreaming("Write an image, and tell how far it is and what was proven", {
      params: { source: resource("read", "The image"), target: partition, options: FlashOptions.prefault({}) },
      result: FlashEvent,
      optional: true,
    }),
    flashPlan: unary("Where an interrupted flash may go on", {
      params: { ...planParams, target: partition },
      result: ResumePlan,
      optional: true,
    }),
    dump: unary("Read an image", { params: { target: resource("write", "Where the image goes"), partition } }),
  },
  commands: (client) => ({
    flash: flashCommand({ flash: client.flash, progress: client.flashProgress, plan: client.flashPlan }),
    dump: dumpCommand(client.dump),
  }),
});

export type FlasherClient = Client<typeof flasher>;
