/** Flashers: an image onto a device, and back. @module */
import * as z from "zod/mini";
import { type Client, defineInterface } from "../contract/interface.ts";
import { serverStreaming, unary } from "../contract/method.ts";
import { resource } from "../contract/resource.ts";
import {
  dumpCommand,
  flashCommand,
  FlashEvent,
  FlashOptions,
  flashStateCommands,
  LatestFlash,
  MaybeFlashResult,
  outlivesCaller,
  planParams,
  ResumePlan,
} from "./flashing.ts";

const partition = z.optional(z.string()).check(z.describe("The partition; left out, the driver's default one"));

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
      params: { source: resource("read", "The image"), target: partition, options: z.prefault(FlashOptions, {}) },
      result: FlashEvent,
      optional: true,
      outlivesCaller,
    }),
    flashPlan: unary("Where an interrupted flash may go on", {
      params: { ...planParams, target: partition },
      result: ResumePlan,
      optional: true,
    }),
    flashState: unary("How things stand with the latest flash", {
      params: { target: partition },
      result: LatestFlash,
      optional: true,
    }),
    flashCancel: unary("End a flash that goes on; whether there was one", {
      params: { target: partition },
      result: z.boolean(),
      optional: true,
    }),
    dump: unary("Read an image", { params: { target: resource("write", "Where the image goes"), partition } }),
  },
  commands: (client) => ({
    flash: flashCommand({ flash: client.flash, progress: client.flashProgress, plan: client.flashPlan }),
    dump: dumpCommand({ dump: client.dump, plan: client.flashPlan }),
    ...flashStateCommands({ state: client.flashState, cancel: client.flashCancel }, { target: partition }),
  }),
});

export type FlasherClient = Client<typeof flasher>;
