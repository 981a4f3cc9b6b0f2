/** Storage that is switched between the exporter's host and the device, such as an SD card. @module */
import * as z from "zod";
import { type Command, command } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { type CallOptions, unary } from "../contract/method.ts";
import { resource, type ResourceSink, type ResourceSource } from "../contract/resource.ts";
import { dumpMediumCommand, flashMediumCommand, type FlashResult, MaybeFlashResult } from "./flashing.ts";
import { createFile, openFile } from "../streams/file.ts";

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

interface MuxCalls {
  host(options?: CallOptions): Promise<void>;
  dut(options?: CallOptions): Promise<void>;
  off(options?: CallOptions): Promise<void>;
  write(given: { src: ResourceSource }, options?: CallOptions): Promise<FlashResult | null>;
  read(given: { dst: ResourceSink }, options?: CallOptions): Promise<void>;
}

const localFile = z.string().describe("A file on this machine");

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
  methods,
  commands: (client) => ({
    ...muxCommands(client),
    "write-local-file": command(
      "Write a file of this machine to the storage as it is",
      async ({ file }, { signal }) => void await client.write({ src: await openFile(file) }, { signal }),
      { args: { file: localFile } },
    ),
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
  methods,
  extend: (calls) => ({
    /** Connects the storage to the host, writes the image, and connects it to the device, whatever came of it. */
    async flash({ source }: { source: ResourceSource }, options: CallOptions = {}): Promise<FlashResult | null> {
      return await atHost(calls, options, () => calls.write({ src: source }, options));
    },
    /** Connects the storage to the host, reads it, and connects it to the device, whatever came of it. */
    async dump({ target }: { target: ResourceSink }, options: CallOptions = {}): Promise<void> {
      await atHost(calls, options, () => calls.read({ dst: target }, options));
    },
  }),
  commands: (client) => ({
    flash: flashMediumCommand(client.flash),
    dump: dumpMediumCommand(client.dump),
    ...muxCommands(client),
  }),
});

export type StorageMuxFlasherClient = Client<typeof storageMuxFlasher>;

/** The device gets the storage back even when the work failed or was cancelled; then the failure of that is nobody's. */
async function atHost<T>(calls: MuxCalls, options: CallOptions, work: () => Promise<T>): Promise<T> {
  await calls.host(options);
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
