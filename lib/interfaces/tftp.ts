/** TFTP servers for files that devices boot from. @module */
import * as z from "zod/mini";
import { command } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { unary } from "../contract/method.ts";
import { hostPort } from "../core/host_port.ts";

/** Serves files of the exporter over TFTP. */
export const tftp = defineInterface({
  name: "tftp",
  summary: "Serves files over TFTP",
  pythonClients: ["jumpstarter_driver_tftp.client.TftpServerClient"],
  native: { service: "Tftp" },
  methods: {
    start: unary("Start the server"),
    stop: unary("Stop the server"),
    getHost: unary("Host name or address on which it serves", { result: z.string() }),
    getPort: unary("Port on which it serves", { result: z.int() }),
  },
  commands: (client) => {
    const address = async (signal: AbortSignal) => {
      const [host, port] = await Promise.all([client.getHost({ signal }), client.getPort({ signal })]);
      return { host, port, text: hostPort(host, port) };
    };
    return {
      start: command("Start the server, and print where it serves", async (_, { signal, print }) => {
        await client.start({ signal });
        const { text, ...value } = await address(signal);
        print(value, text);
      }),
      stop: command("Stop the server", (_, { signal }) => client.stop({ signal })),
      address: command("Print where it serves", async (_, { signal, print }) => {
        const { text, ...value } = await address(signal);
        print(value, text);
      }),
    };
  },
});

export type TftpClient = Client<typeof tftp>;
