/** Storage services by the names that Apache OpenDAL has for them. @module */
import * as z from "zod";
import { defineDriver } from "../../lib/contract/driver.ts";
import { storage } from "../../lib/interfaces/storage.ts";
import type { Backend } from "../../lib/interfaces/storage_service/backend.ts";
import { openFolder } from "../../lib/interfaces/storage_service/folder.ts";
import { storageService } from "../../lib/interfaces/storage_service/service.ts";
import { openHttp } from "./http.ts";
import { openMemory } from "./memory.ts";

const schemes = {
  fs: z.strictObject({ root: z.string().min(1).describe("A folder of the exporter, made where it is missing") }),
  memory: z.strictObject({}),
  http: z.strictObject({
    endpoint: z.url({ protocol: /^https?$/ }).describe("Scheme, host and port of the web server"),
    root: z.string().optional().describe("Goes before every path"),
    username: z.string().optional().describe("For basic authentication"),
    password: z.string().optional().describe("For basic authentication"),
    token: z.string().optional().describe("For bearer authentication"),
  }),
};

const config = z.object({
  scheme: z.enum(["fs", "memory", "http"]).describe("The service: a folder, memory, or a web server to read from"),
  kwargs: z.record(z.string(), z.string()).default({}).describe(
    "What the service needs: `root` for fs; `endpoint`, and optionally `root`, `username`, `password`, `token` for http",
  ),
  remove_created_on_close: z.boolean().default(false).describe(
    "Remove what was made in a session at its end (fs only)",
  ),
}).superRefine(({ scheme, kwargs }, context) => {
  for (const issue of schemes[scheme].safeParse(kwargs).error?.issues ?? []) {
    context.issues.push({ ...issue, path: ["kwargs", ...issue.path] } as z.core.$ZodRawIssue);
  }
});

async function open({ scheme, kwargs }: z.output<typeof config>): Promise<Backend> {
  if (scheme === "fs") return await openFolder(kwargs.root);
  return scheme === "memory" ? openMemory() : openHttp(schemes.http.parse(kwargs));
}

/** Reads and writes files of a folder or of memory, and reads those of a web server. */
export default defineDriver({
  name: "opendal",
  summary: "Files of a storage service: a folder of the exporter, its memory, or a web server to read from",
  implements: storage,
  config,
  async open({ config, log }) {
    const backend = await open(config);
    return storageService(backend, async (created) => {
      if (!config.remove_created_on_close) return;
      if (backend.name === "fs") await created.removeBelow(config.kwargs.root, log);
      else log.warn("created paths are kept", { scheme: backend.name });
    });
  },
});
