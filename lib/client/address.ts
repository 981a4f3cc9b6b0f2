/** Where an exporter is. @module */
import { JumpstarterError } from "../core/errors.ts";
import { hostPort, withoutBrackets } from "../core/host_port.ts";

/** A TCP address, the path of a unix socket, or an exporter that the system's ssh leads to. */
export type Address =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string }
  | { readonly ssh: SshTarget };

/** An exporter behind ssh: no port of it is open. */
export interface SshTarget {
  /** A host name, an address, or an alias of ssh's own configuration. */
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
  /** The exporter's file there, absolute or below the user's folder; left out, the one called `default`. */
  readonly config?: string;
}

/**
 * Reads an address as every Jumpstarter program does: what ends in `:` and a number from 1 to 65535 is a TCP address,
 * anything else a path. IPv6 addresses may stand in brackets. Beyond that, `ssh://` goes through ssh.
 *
 * @throws {JumpstarterError} `invalid_argument` for text that is none of these.
 */
export function parseAddress(text: string): Address {
  if (text.startsWith("ssh://")) return { ssh: parseSsh(text) };
  const scheme = /^[a-z][a-z+]*:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) throw notAnAddress(text, `--host ${text.slice(scheme.length).replace(/\/.*/, "")}`);
  const [, host, digits] = /^(.*):(\d+)$/.exec(text) ?? [];
  const port = Number(digits);
  if (host && port >= 1 && port <= 65535) return { hostname: withoutBrackets(host), port };
  if (text.includes("/")) return { path: text };
  throw notAnAddress(text, text && !text.includes(":") ? `--host ${text}:7000` : undefined);
}

function notAnAddress(text: string, hint: string | undefined): JumpstarterError {
  return new JumpstarterError(
    "invalid_argument",
    `Expected HOST:PORT or the path of a socket, got ${JSON.stringify(text)}`,
    { phase: "usage", hint },
  );
}

/** The address as it is written. */
export function renderAddress(address: Address): string {
  if ("ssh" in address) return renderSsh(address.ssh);
  return "path" in address ? address.path : hostPort(address.hostname, address.port);
}

/** Whether nobody but this machine can be at the other end. */
export function isLocal(address: Address): boolean {
  return "path" in address || "hostname" in address && isLoopback(address.hostname);
}

/** Whether only this machine can be reached by a host name. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|::1)$/i.test(hostname);
}

function parseSsh(text: string): SshTarget {
  // Names that ssh, its configuration and the commands named there take as names: nothing that begins like an option,
  // and nothing that a shell reads otherwise than as itself (CVE-2017-1000117, CVE-2023-51385).
  const sshName = /^[\p{L}\p{N}_][\p{L}\p{N}_.@+-]*$/u;
  const sshHost = /^(?:[\p{L}\p{N}_][\p{L}\p{N}_.-]*|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])$/u;
  const [, user, host, digits, path = "/"] =
    /^ssh:\/\/(?:([^/]*)@)?(\[[^\]/]*\]|[^:/@[\]]*)(?::(\d+))?(\/.*)?$/s.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const config = decoded(path);
  const fits = host && sshHost.test(host) && (user === undefined || sshName.test(user)) &&
    (port === undefined || port >= 1 && port <= 65535) && config !== undefined && /^\/$|[^/]$/.test(config) &&
    !/\p{Cc}/u.test(config);
  if (!fits) {
    throw new JumpstarterError(
      "invalid_argument",
      `Expected ssh://[USER@]HOST[:PORT][/PATH-OF-CONFIG], got ${JSON.stringify(text)}`,
      { phase: "usage", hint: "ssh asks for passwords itself; ssh://HOST/~/FILE is below the user's folder there" },
    );
  }
  return {
    host: withoutBrackets(host),
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port }),
    ...(config !== "/" && { config: config.replace(/^\/~\//, "") }),
  };
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function renderSsh({ host, user, port, config }: SshTarget): string {
  const at = port === undefined ? host.includes(":") ? `[${host}]` : host : hostPort(host, port);
  const path = config === undefined ? "" : encodeURI(config.startsWith("/") ? config : `/~/${config}`);
  return `ssh://${user === undefined ? "" : `${user}@`}${at}${path.replaceAll("?", "%3F").replaceAll("#", "%23")}`;
}
