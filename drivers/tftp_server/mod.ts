/** A TFTP server for files of a folder. @module */
import * as z from "zod/mini";
import { children, defineDriver } from "../../lib/contract/driver.ts";
import { hostPort } from "../../lib/core/host_port.ts";
import { cannotListen, ownAddress } from "../../lib/interfaces/own_address.ts";
import { ServerSwitch } from "../../lib/interfaces/server_switch.ts";
import { storage } from "../../lib/interfaces/storage.ts";
import { openFolder } from "../../lib/interfaces/storage_service/folder.ts";
import { storageService } from "../../lib/interfaces/storage_service/service.ts";
import { tftp } from "../../lib/interfaces/tftp.ts";
import { startTftpServer, type TftpServer } from "./server.ts";

/** Serves the files of a folder, until it is stopped or the session ends. */
export default defineDriver({
  name: "tftp-server",
  summary: "Serves files of a folder of the exporter over TFTP, for devices that boot from it",
  implements: tftp,
  provides: { storage },
  config: z.object({
    root_dir: z._default(z.string().check(z.minLength(1)), "/var/lib/tftpboot").check(
      z.describe("The folder, made where it is missing"),
    ),
    host: z._default(z.string(), "").check(
      z.describe("Address to serve on; empty, the one that others reach this machine by"),
    ),
    port: z._default(z.int().check(z.minimum(0), z.maximum(65535)), 69).check(
      z.describe("UDP port; 0 takes any that is free"),
    ),
    remove_created_on_close: z._default(z.boolean(), true).check(
      z.describe("Remove what was uploaded in a session at its end"),
    ),
  }),
  async open({ config, log }) {
    const { root_dir: root, port } = config;
    // Makes the folder.
    const backend = await openFolder(root);
    const host = config.host || await ownAddress();
    const server = new ServerSwitch<TftpServer>();
    const listen = () =>
      startTftpServer({
        host,
        port,
        root,
        onTransfer({ name, bytes, failure }, { address: peer }) {
          if (failure === undefined) log.info("file sent", { name, bytes, peer });
          else log.warn("file not sent", { name, bytes, peer, reason: failure });
        },
      }).catch((error) => {
        throw cannotListen(host, port, error);
      });
    return {
      async start() {
        await server.start(async (running) => {
          if (running) log.warn("server runs already");
          const started = running ?? await listen();
          if (!running) log.info("serving", { address: hostPort(host, started.port), folder: root });
          return started;
        });
      },
      async stop() {
        if (!await server.stop()) log.warn("server does not run");
      },
      getHost: () => host,
      getPort: () => server.running?.port ?? port,
      [children]: {
        storage: storageService(backend, async (created) => {
          if (config.remove_created_on_close) await created.removeBelow(root, log);
        }),
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
});
