/** Storage that is switched between the exporter's host and the device, such as an SD card. @module */
import * as z from "zod/mini";
import { type Command, command } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { neverLent } from "../contract/lending.ts";
import { type CallOptions, serverStreaming, unary } from "../contract/method.ts";
import { type Direction, resource, type ResourceSink, type ResourceSource } from "../contract/resource.ts";
import {
  FlashEvent,
  FlashOptions,
  type FlashResult,
  flashStateCommands,
  LatestFlash,
  MaybeFlashResult,
  mediumCommands,
  outlivesCaller,
  planParams,
  ResumePlan,
  writeFileCommand,
} from "./flashing.ts";
import { createFile } from "../streams/file.ts";

/** Natively a handle is the text of its JSON here, as upstream's services have it. */
const nativeType = { nativeType: "string" } as const;

const methods = {
  host: unary("Connect the storage to the exporter's host"),
  dut: unary("Connect the storage to the device"),
  off: unary("Disconnect the storage"),
  write: unary("Write an image to the storage, which is connected to the host", {
    params: { src: resource("read", "The image", nativeType) },
    result: MaybeFlashResult,
    nativeResult: false,
  }),
  read: unary("Read the storage, which is connected to the host", {
    params: { dst: resource("write", "Where the image goes", nativeType) },
  }),
};

/** The same with progress and proof, for storage that is at the host already. */
const writing = {
  writeProgress: serverStreaming("Write an image to the storage at the host, and tell how far it is", {
    params: { src: resource("read", "The image", nativeType), options: z.prefault(FlashOptions, {}) },
    result: FlashEvent,
    optional: true,
  }),
  writePlan: unary("Where an interrupted write may go on", { params: planParams, result: ResumePlan, optional: true }),
};

/** A flash in one call: the exporter switches, and the device gets the storage back even when the client is gone. */
const flashing = {
  flashProgress: serverStreaming("Write an image: connect the storage to the host, write, connect it to the device", {
    params: { source: resource("read", "The image", nativeType), options: z.prefault(FlashOptions, {}) },
    result: FlashEvent,
    optional: true,
    outlivesCaller,
  }),
  flashPlan: unary("Where an interrupted flash may go on", { params: planParams, result: ResumePlan, optional: true }),
  flashState: unary("How things stand with the latest flash", { result: LatestFlash, optional: true }),
  flashCancel: unary("End a flash that goes on; whether there was one", { result: z.boolean(), optional: true }),
};

interface MuxCalls {
  host(options?: CallOptions): Promise<void>;
  dut(options?: CallOptions): Promise<void>;
  off(options?: CallOptions): Promise<void>;
  write(given: { src: ResourceSource }, options?: CallOptions): Promise<FlashResult | null>;
  read(given: { dst: ResourceSink }, options?: CallOptions): Promise<void>;
}

const localFile = z.string().check(z.describe("A file on this machine"));

function muxCommands(client: MuxCalls): Record<string, Command> {
  return {
    host: command("Connect the storage to the exporter's host", (_, { signal }) => client.host({ signal })),
    dut: command("Connect the storage to the device", (_, { signal }) => client.dut({ signal })),
    off: command("Disconnect the storage", (_, { signal }) => client.off({ signal })),
  };
}

/** Storage that is switched between the exporter's host and the device. */
export const storageMux = defineInterface({
  name: "storage-mux",
  summary: "Storage that is switched between the exporter's host and the device",
  pythonClients: ["jumpstarter_driver_opendal.client.StorageMuxClient"],
  methods: { ...methods, ...writing },
  commands: (client) => ({
    ...muxCommands(client),
    "write-local-file": writeFileCommand("Write a file of this machine to the storage as it is", {
      flash: ({ source }, options) => client.write({ src: source }, options),
      progress: ({ source, options }, call) => client.writeProgress({ src: source, options }, call),
      plan: ({ sourceId }, call) => client.writePlan({ sourceId }, call),
    }),
    "read-local-file": command(
      "Read the storage into a file of this machine",
      async ({ file }, { signal }) => client.read({ dst: { bytes: await createFile(file) } }, { signal }),
      { args: { file: localFile } },
    ),
  }),
});

export type StorageMuxClient = Client<typeof storageMux>;

/** Storage that is switched, and flashed as one step. */
export const storageMuxFlasher = defineInterface({
  name: "storage-mux-flasher",
  summary: "Writes images to storage that is switched between the exporter's host and the device",
  pythonClients: ["jumpstarter_driver_opendal.client.StorageMuxFlasherClient"],
  methods: { ...methods, ...flashing },
  extend: (calls) => ({
    /** Connects the storage to the host, writes the image, and connects it to the device, whatever came of it. */
    async flash({ source }: { source: ResourceSource }, options: CallOptions = {}): Promise<FlashResult | null> {
      return await atHost(calls, options, "read", source, () => calls.write({ src: source }, options));
    },
    /** Connects the storage to the host, reads it, and connects it to the device, whatever came of it. */
    async dump({ target }: { target: ResourceSink }, options: CallOptions = {}): Promise<void> {
      await atHost(calls, options, "write", target, () => calls.read({ dst: target }, options));
    },
  }),
  commands: (client) => ({
    ...mediumCommands({
      flash: client.flash,
      progress: ({ source, options }, call) => client.flashProgress({ source, options }, call),
      plan: ({ sourceId }, call) => client.flashPlan({ sourceId }, call),
      dump: client.dump,
    }),
    ...flashStateCommands({
      state: (_, call) => client.flashState(call),
      cancel: (_, call) => client.flashCancel(call),
    }, {}),
    ...muxCommands(client),
  }),
});

export type StorageMuxFlasherClient = Client<typeof storageMuxFlasher>;

/** The device gets the storage back even when the work failed or was cancelled; then the failure of that is nobody's. */
async function atHost<T>(
  calls: Pick<MuxCalls, "host" | "dut">,
  options: CallOptions,
  direction: Direction,
  given: ResourceSource | ResourceSink,
  work: () => Promise<T>,
): Promise<T> {
  await calls.host(options).catch((error) => neverLent(direction, given, error));
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await calls.dut().catch(() => {});
    throw error;
  }
  await calls.dut(options);
  return result;
}
