/** The address under which others reach this machine, for servers that drivers start. @module */
import { lookup } from "node:dns/promises";
import { hostPort } from "../core/host_port.ts";
import { JumpstarterError } from "../core/errors.ts";

/**
 * The IPv4 address of this machine: that of its host name, or where that is a loopback one, that of the interface by
 * which it reaches the internet, or of any other, or `0.0.0.0`.
 */
export async function ownAddress(): Promise<string> {
  const named = await lookup(Deno.hostname(), 4).catch(() => undefined);
  if (named && !named.address.startsWith("127.")) return named.address;
  const outer = Deno.networkInterfaces().filter(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  );
  const defaultInterface = defaultRoute();
  return (outer.find(({ name }) => name === defaultInterface) ?? outer.at(0))?.address ?? "0.0.0.0";
}

/** The interface of Linux's default route: the one to 0.0.0.0 (proc(5), /proc/net/route). */
function defaultRoute(): string | undefined {
  try {
    const routes = Deno.readTextFileSync("/proc/net/route").split("\n").slice(1).map((line) => line.split("\t"));
    return routes.find(([, destination]) => destination === "00000000")?.[0];
  } catch {
    return undefined; // Other systems have no such file.
  }
}

/** The error for an address that a server cannot have. */
export function cannotListen(host: string, port: number, error: unknown): JumpstarterError {
  const { code, message } = error as { code?: string; message: string };
  const denied = error instanceof Deno.errors.PermissionDenied || code === "EACCES";
  const taken = error instanceof Deno.errors.AddrInUse || code === "EADDRINUSE";
  const why = taken ? "Somebody listens there already" : message;
  return new JumpstarterError("internal", `Cannot listen on ${hostPort(host, port)}: ${why}`, {
    phase: "driver",
    hint: denied ? "Ports below 1024 need root or CAP_NET_BIND_SERVICE; or set another port" : undefined,
    cause: error,
  });
}
