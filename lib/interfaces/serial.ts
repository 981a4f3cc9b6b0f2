/** Serial consoles: the bytes of a device's console, both ways. @module */
import * as z from "zod";
import { command } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { byteStream } from "../contract/method.ts";
import { type ByteStream, sinkOf, sourceOf } from "../core/byte_stream.ts";

/** A serial console. */
export const serial = defineInterface({
  name: "serial",
  summary: "A serial console",
  pythonClients: ["jumpstarter_driver_pyserial.client.PySerialClient"],
  native: { package: "py_serial", service: "PySerial" },
  methods: {
    connect: byteStream("Open the console"),
  },
  commands: (client) => ({
    pipe: command(
      "Print what the console says; send it what is piped in",
      async ({ input, noInput }, { signal, stdin, stdinIsTerminal, write }) => {
        await using stream = await client.connect({ signal });
        if (input || !(noInput || stdinIsTerminal)) {
          // It may wait for a line for ever; what ends the command is the console's end or the user.
          void send(stdin, stream).catch(() => {});
        }
        const source = sourceOf(stream);
        for (let chunk = await source.next(); chunk; chunk = await source.next()) await write(chunk);
      },
      {
        options: {
          input: z.boolean().default(false).describe("Send standard input even when it is a terminal"),
          noInput: z.boolean().default(false).describe("Send nothing"),
        },
        short: { input: "i" },
      },
    ),
  }),
});

export type SerialClient = Client<typeof serial>;

async function send(input: ReadableStream<Uint8Array>, stream: ByteStream): Promise<void> {
  const sink = sinkOf(stream);
  for await (const chunk of input) await sink.write(chunk);
  await sink.end();
}
