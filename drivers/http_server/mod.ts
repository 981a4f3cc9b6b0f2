/** A web server for files of a folder. @module */
import * as z from "zod/mini";
import { children, defineDriver } from "../../lib/contract/driver.ts";
import { hostPort } from "../../lib/core/host_port.ts";
import type { Logger } from "../../lib/core/log.ts";
import { httpServer } from "../../lib/interfaces/http_server.ts";
import { cannotListen, ownAddress } from "../../lib/interfaces/own_address.ts";
import { ServerSwitch } from "../../lib/interfaces/server_switch.ts";
import { storage } from "../../lib/interfaces/storage.ts";
import { openFolder } from "../../lib/interfaces/storage_service/folder.ts";
import { storageService } from "../../lib/interfaces/storage_service/service.ts";
import { answer } from "./files.ts";

/** Serves the files of a folder, until it is stopped or the session ends. */
export default defineDriver({
  name: "http-server",
  summary: "Serves files of a folder of the exporter over HTTP, for devices that fetch them",
  implements: httpServer,
  provides: { storage },
  config: z.object({
    root_dir: z._default(z.string().check(z.minLength(1)), "/var/www").check(
      z.describe("The folder, made where it is missing"),
    ),
    host: z.nullish(z.string()).check(
      z.describe("Address to serve on; left out, the one that others reach this machine by"),
    ),
    port: z._default(z.int().check(z.minimum(0), z.maximum(65535)), 8080).check(
      z.describe("TCP port; 0 takes any that is free"),
    ),
    remove_created_on_close: z._default(z.boolean(), true).check(
      z.describe("Remove what was uploaded in a session at its end"),
    ),
    timeout: z._default(z.int(), 600).check(
      z.describe("Accepted for upstream's files, and without effect there as here"),
    ),
  }),
  async open({ config, log }) {
    const { root_dir: root, port } = config;
    // Makes the folder.
    const backend = await openFolder(root);
    const host = config.host || await ownAddress();
    const server = new ServerSwitch<HttpServer>();
    const boundPort = () => server.running?.port ?? 0;
    return {
      async start() {
        await server.start(async (running) => {
          await running?.[Symbol.asyncDispose]();
          return listen({ host, port, root, log });
        });
        log.info("serving", { url: `http://${hostPort(host, boundPort())}`, folder: root });
      },
      async stop() {
        if (!await server.stop()) log.warn("server does not run");
      },
      getUrl: () => `http://${hostPort(host, boundPort())}`,
      getHost: () => host,
      getPort: boundPort,
      [children]: {
        storage: storageService(backend, async (created) => {
          if (config.remove_created_on_close) await created.removeBelow(root, log);
        }),
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
});

interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

function listen(
  { host, port, root, log }: { host: string; port: number; root: string; log: Logger },
): HttpServer {
  const ending = new AbortController();
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      hostname: host,
      port,
      signal: ending.signal,
      onListen() {},
      onError(error) {
        log.error("file not served", { error });
        return new Response(null, { status: 500 });
      },
    }, async (request, { remoteAddr }) => {
      const response = await answer(request, root);
      const { pathname } = new URL(request.url);
      log.info("file asked for", { path: pathname, status: response.status, peer: remoteAddr.hostname });
      return response;
    });
  } catch (error) {
    throw cannotListen(host, port, error);
  }
  return {
    port: server.addr.port,
    async [Symbol.asyncDispose]() {
      // A device that reads slowly is not waited for.
      ending.abort();
      await server.finished;
    },
  };
}
