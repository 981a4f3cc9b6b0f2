/** Storage services by the names that Apache OpenDAL has for them. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { storage } from "../../lib/interfaces/storage.ts";
import type { Backend } from "../../lib/interfaces/storage_service/backend.ts";
import { openFolder } from "../../lib/interfaces/storage_service/folder.ts";
import { storageService } from "../../lib/interfaces/storage_service/service.ts";
import { openHttp } from "./http.ts";
import { openMemory } from "./memory.ts";

const httpUrl = z.url({ protocol: /^https?$/, error: "Expected a URL that begins with http:// or https://" });

const schemes = {
  fs: z.strictObject({
    root: z.string().check(z.minLength(1), z.describe("A folder of the exporter, made where it is missing")),
  }),
  memory: z.strictObject({}),
  http: z.strictObject({
    endpoint: httpUrl.check(z.describe("Scheme, host and port of the web server")),
    root: z.optional(z.string()).check(z.describe("Goes before every path")),
    username: z.optional(z.string()).check(z.describe("For basic authentication")),
    password: z.optional(z.string()).check(z.describe("For basic authentication")),
    token: z.optional(z.string()).check(z.describe("For bearer authentication")),
  }),
  s3: z.strictObject({
    bucket: z.string().check(z.minLength(1), z.describe("The bucket")),
    region: z.optional(z.string()).check(z.describe("Its region; else that of AWS_REGION or AWS_DEFAULT_REGION")),
    endpoint: z.optional(httpUrl).check(
      z.describe("Scheme, host and port, where it is not Amazon's"),
    ),
    root: z.optional(z.string()).check(z.describe("Goes before every path")),
    access_key_id: z.optional(z.string()).check(z.describe("Else that of AWS_ACCESS_KEY_ID")),
    secret_access_key: z.optional(z.string()).check(z.describe("Else that of AWS_SECRET_ACCESS_KEY")),
    session_token: z.optional(z.string()).check(z.describe("For keys that end; else that of AWS_SESSION_TOKEN")),
    enable_virtual_host_style: z.optional(z.enum(["true", "false"])).check(
      z.describe("Put the bucket into the host's name"),
    ),
  }),
};

const config = z.object({
  scheme: z.enum(["fs", "memory", "http", "s3"]).check(
    z.describe("The service: a folder, memory, a web server to read from, or a bucket of S3"),
  ),
  kwargs: z._default(z.record(z.string(), z.string()), {}).check(
    z.describe(
      "What the service needs: `root` for fs; `endpoint`, and optionally `root`, `username`, `password`, `token` for http; " +
        "`bucket` for s3, and what else is needed there",
    ),
  ),
  remove_created_on_close: z._default(z.boolean(), false).check(
    z.describe("Remove what was made in a session at its end (fs only)"),
  ),
}).check(z.superRefine(({ scheme, kwargs }, context) => {
  for (const issue of schemes[scheme].safeParse(kwargs).error?.issues ?? []) {
    context.issues.push({ ...issue, path: ["kwargs", ...issue.path] } as z.core.$ZodRawIssue);
  }
}));

async function open({ scheme, kwargs }: z.output<typeof config>): Promise<Backend> {
  if (scheme === "fs") return await openFolder(kwargs.root);
  if (scheme === "memory") return openMemory();
  if (scheme === "http") return openHttp(schemes.http.parse(kwargs));
  const given = schemes.s3.parse(kwargs);
  // Few storages are buckets.
  const { openS3 } = await import("./s3.ts");
  return openS3({
    ...given,
    ...keysOf(given),
    region: found("region", given.region, "AWS_REGION", "AWS_DEFAULT_REGION"),
  });
}

/** Who reads and writes the bucket: both parts are the config's, or both the environment's. */
function keysOf(given: z.output<typeof schemes.s3>) {
  if (given.access_key_id !== undefined && given.secret_access_key !== undefined) {
    return { access_key_id: given.access_key_id, secret_access_key: given.secret_access_key };
  }
  return {
    access_key_id: found("access_key_id", undefined, "AWS_ACCESS_KEY_ID"),
    secret_access_key: found("secret_access_key", undefined, "AWS_SECRET_ACCESS_KEY"),
    session_token: Deno.env.get("AWS_SESSION_TOKEN"),
  };
}

function found(key: string, given: string | undefined, ...variables: string[]): string {
  const value = given ?? variables.map((name) => Deno.env.get(name)).find(Boolean);
  if (value) return value;
  throw new JumpstarterError(
    "failed_precondition",
    `kwargs: Expected ${key} for s3, or ${variables[0]} in the environment`,
  );
}

/** Reads and writes files of a folder, of memory or of a bucket, and reads those of a web server. */
export default defineDriver({
  name: "opendal",
  summary: "Files of a storage service: a folder of the exporter, its memory, a web server, or a bucket of S3",
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
