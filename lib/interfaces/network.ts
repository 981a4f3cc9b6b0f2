/** Networks of a device: a byte stream to one of its ports, and forwards of it. @module */
import * as z from "zod/mini";
import { type Command, command, type CommandIo } from "../contract/command.ts";
import { type Client, defineInterface } from "../contract/interface.ts";
import { byteStream, unary } from "../contract/method.ts";
import { isJumpstarterError, JumpstarterError } from "../core/errors.ts";
import { withoutBrackets } from "../core/host_port.ts";
import { aborted } from "../core/limit.ts";
import { privateFolder } from "../core/own_folder.ts";
import { answers } from "../core/unix_socket.ts";
import { type Forward, forwardTcp, forwardUnix } from "../streams/forward.ts";
import type { Novnc } from "../streams/novnc/mod.ts";

/** The label that says which bus a D-Bus network leads to, `system` or `session`. Python reads it as well. */
export const dbusKindLabel = "jumpstarter.dev/dbusnetwork/kind";

const port = z.int().check(z.minimum(0), z.maximum(65535));

/** Connects to one port of a device. */
export const network = defineInterface({
  name: "network",
  summary: "Connects to one port of a device",
  pythonClients: [
    "jumpstarter_driver_network.client.NetworkClient",
    "jumpstarter_driver_network.client.DbusNetworkClient",
  ],
  methods: {
    connect: byteStream("Open a connection to the device"),
    address: unary("Where the exporter connects to, as a URL", { result: z.string(), optional: true }),
  },
  extend: (calls) => ({
    /**
     * Listens on a local TCP port and joins each of its connections to one of the device. The address defaults to
     * loopback and the port to any free one. Disposing ends the forward and its connections.
     */
    forwardTcp(
      at: { hostname?: string; port?: number } = {},
      onFailure?: (message: string) => void,
    ): Forward {
      const { hostname = "127.0.0.1", port = 0 } = at;
      return forwardTcp({ hostname, port }, { open: (signal) => calls.connect({ signal }), onFailure });
    },
    /** The same for a local unix socket at `path`, which must not exist yet. */
    forwardUnix(at: { path: string }, onFailure?: (message: string) => void): Forward {
      return forwardUnix(at, { open: (signal) => calls.connect({ signal }), onFailure });
    },
    /** Serves a page of this machine that shows the screen of the VNC server that the device is. */
    async novnc(onFailure?: (message: string) => void): Promise<Novnc> {
      const { serveNovnc } = await import("../streams/novnc/mod.ts");
      return serveNovnc({ open: (signal) => calls.connect({ signal }), onFailure });
    },
  }),
  commands: (client) => ({
    ...forwardCommands(client),
    address: command("Print where the exporter connects to", async ({ host, port }, { signal, print }) => {
      const url = await client.address({ signal }).catch((error) => {
        throw isJumpstarterError(error, "not_found", "unimplemented")
          ? new JumpstarterError("unimplemented", "This driver has no address to connect to directly", {
            hint: "Use forward-tcp",
            cause: error,
          })
          : error;
      });
      const { address, ...parts } = partsOf(url);
      print({ address: url, ...parts }, host === port ? address : host ? parts.host : parts.port);
    }, {
      options: {
        host: z._default(z.boolean(), false).check(z.describe("Only the host")),
        port: z._default(z.boolean(), false).check(z.describe("Only the port")),
      },
    }),
    novnc: command(
      "Show the device's screen in a browser, where it is a VNC server, until interrupted",
      async (_, io) => {
        await using screen = await client.novnc(tellOf(io));
        io.print({ url: screen.url }, screen.url);
        await aborted(io.signal);
      },
      { staying: true },
    ),
    dbus: command("Run a program whose D-Bus is the device's", async ({ args }, io) => {
      const kind = io.labels[dbusKindLabel];
      if (kind !== "system" && kind !== "session") {
        throw new JumpstarterError("failed_precondition", "This network is no D-Bus", { phase: "usage" });
      }
      using folder = privateFolder();
      await using forward = client.forwardUnix({ path: `${folder.path}/bus` }, tellOf(io));
      return await io.foreground(args, {
        [`DBUS_${kind.toUpperCase()}_BUS_ADDRESS`]: `unix:path=${forward.address}`,
      });
    }, {
      args: { args: z.array(z.string()).check(z.minLength(1), z.describe("The program and its arguments")) },
      passThrough: true,
    }),
  }),
});

export type NetworkClient = Client<typeof network>;

/** What forwards to a device. */
interface Forwarding {
  forwardTcp(at: { hostname?: string; port?: number }, onFailure?: (message: string) => void): Forward;
  forwardUnix(at: { path: string }, onFailure?: (message: string) => void): Forward;
}

/** Commands that forward until they are interrupted. */
export function forwardCommands(client: Forwarding): Record<string, Command> {
  return {
    "forward-tcp": command("Forward a local TCP port until interrupted", async ({ address, port }, io) => {
      await using forward = client.forwardTcp({ hostname: address, port }, tellOf(io));
      io.print({ address: forward.address }, forward.address);
      await aborted(io.signal);
    }, {
      args: { port: port.check(z.describe("Local port; 0 picks a free one")) },
      options: { address: z._default(z.string(), "127.0.0.1").check(z.describe("Local address to listen on")) },
      staying: true,
    }),
    "forward-unix": command("Forward a local unix socket until interrupted", async ({ path }, io) => {
      // What a run that was killed has left makes room.
      if (path !== undefined) await answers(path);
      using folder = path === undefined ? privateFolder() : undefined;
      await using forward = client.forwardUnix({ path: path ?? `${folder!.path}/socket` }, tellOf(io));
      io.print({ path: forward.address }, forward.address);
      await aborted(io.signal);
    }, {
      args: { path: z.optional(z.string()).check(z.describe("Path of the socket; left out, a private one is made")) },
      staying: true,
    }),
  };
}

/** Says at which driver a connection failed: the reason may be a word of the system's and no more. */
function tellOf({ place, note }: CommandIo): (why: string) => void {
  return (why) => note(`${place}: ${why}`);
}

/** `tcp://[::1]:22` and `ws://device/console` as host and port. */
function partsOf(url: string): { address: string; host: string; port: string } {
  const [, scheme, host, port] = /^([a-z]+):\/\/(\[[^\]]*\]|[^:/?#]*)(?::(\d+))?/i.exec(url) ?? [];
  const usual = { ws: "80", wss: "443" }[scheme as "ws"] ?? "";
  return { address: port ? `${host}:${port}` : host ?? url, host: withoutBrackets(host ?? url), port: port ?? usual };
}
