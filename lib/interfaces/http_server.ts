/** Web servers for files that devices fetch. @module */
import * as z from "zod/mini";
import { command } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { type CallOptions, unary } from "../contract/method.ts";
import type { ResourceSource } from "../contract/resource.ts";
import { storage } from "./storage.ts";

/** Serves files of the exporter over HTTP. */
export const httpServer = defineInterface({
  name: "http-server",
  summary: "Serves files over HTTP",
  pythonClients: ["jumpstarter_driver_http.client.HttpServerClient"],
  native: { service: "HttpServer" },
  children: { storage },
  methods: {
    start: unary("Start the server, anew where it runs"),
    stop: unary("Stop the server"),
    getUrl: unary("Where it serves, as a URL without a path; its port is 0 until it runs", { result: z.string() }),
    getHost: unary("Host name or address on which it serves", { result: z.string() }),
    getPort: unary("Port on which it serves; 0 until it runs", { result: z.int() }),
  },
  extend: (calls, { storage }) => ({
    /** Uploads a file. Resolves to where devices find it, while the server runs. */
    async putFile(given: { path: string; source: ResourceSource }, options: CallOptions = {}): Promise<string> {
      await storage.put(given, options);
      const path = given.path.split("/").filter(Boolean).map(encodeURIComponent).join("/");
      return `${await calls.getUrl(options)}/${path}`;
    },
  }),
  commands: (client) => ({
    start: command("Start the server, and print where it serves", async (_, { signal, print }) => {
      await client.start({ signal });
      const url = await client.getUrl({ signal });
      print({ url }, url);
    }),
    stop: command("Stop the server", (_, { signal }) => client.stop({ signal })),
    url: command("Print where it serves", async (_, { signal, print }) => {
      const url = await client.getUrl({ signal });
      print({ url }, url);
    }),
  }),
});

export type HttpServerClient = Client<typeof httpServer>;
