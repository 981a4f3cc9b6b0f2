/** A D-Bus of the exporter's host. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { byteStreamOfPipe } from "../../lib/core/byte_stream.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { hostPort } from "../../lib/core/host_port.ts";
import { dbusKindLabel, network } from "../../lib/interfaces/network.ts";
import { deviceFailure } from "../../lib/interfaces/network_address.ts";

/** Connects to the system's or the session's D-Bus of the exporter's host. */
export default defineDriver({
  name: "dbus-network",
  summary: "Connects to the system's or the session's D-Bus of the exporter's host",
  implements: network,
  pythonClient: "jumpstarter_driver_network.client.DbusNetworkClient",
  labels: ({ kind }) => ({ [dbusKindLabel]: kind }),
  config: z.object({ kind: z.enum(["system", "session"]).check(z.describe("Which bus")) }),
  open({ config: { kind } }) {
    const at = parseBusAddress(addressOf(kind));
    const target = "path" in at ? at.path : hostPort(at.hostname, at.port);
    return {
      connect: async () =>
        byteStreamOfPipe(
          await ("path" in at ? Deno.connect({ transport: "unix", path: at.path }) : Deno.connect(at)).catch(
            (error) => {
              throw deviceFailure(target, error);
            },
          ),
        ),
    };
  },
});

function addressOf(kind: "system" | "session"): string {
  const { env } = Deno;
  if (kind === "system") return env.get("DBUS_SYSTEM_BUS_ADDRESS") || "unix:path=/run/dbus/system_bus_socket";
  return env.get("DBUS_SESSION_BUS_ADDRESS") || `unix:path=/run/user/${Deno.uid()}/bus`;
}

type BusAddress = { path: string } | { hostname: string; port: number };

/** The first of a list of addresses that can be connected to (D-Bus specification, "Server Addresses"). */
function parseBusAddress(text: string): BusAddress {
  for (const one of text.split(";")) {
    const [, scheme, rest] = /^(\w+):(.*)$/.exec(one) ?? [];
    const values = new Map(
      (rest ?? "").split(",").map((pair) => {
        const equals = pair.indexOf("=");
        return [pair.slice(0, equals), unescaped(pair.slice(equals + 1))];
      }),
    );
    const [path, hostname, port] = [values.get("path"), values.get("host"), Number(values.get("port"))];
    if (scheme === "unix" && path) return { path };
    if (scheme === "tcp" && hostname && port >= 1 && port <= 65535) return { hostname, port };
  }
  throw new JumpstarterError(
    "invalid_argument",
    `Expected unix:path=PATH or tcp:host=HOST,port=PORT as the address of the bus, got ${JSON.stringify(text)}`,
    { phase: "config" },
  );
}

function unescaped(value: string): string {
  return value.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}
