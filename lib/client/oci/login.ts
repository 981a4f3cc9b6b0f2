/** Names and passwords for registries, where the programs for containers keep them. @module */
import { homedir } from "node:os";
import { join } from "node:path";
import * as z from "zod/mini";
import { JumpstarterError, whyUnreadable } from "../../core/errors.ts";
import type { OciReference } from "./reference.ts";

/** Who somebody is to a registry. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** What is read of `config.json` of docker, and of `auth.json` of podman and skopeo. */
const AuthFile = z.object({ auths: z.optional(z.record(z.string(), z.object({ auth: z.optional(z.string()) }))) });

/**
 * The login for a registry: of `OCI_USERNAME` and `OCI_PASSWORD`, or of the first file that has one.
 *
 * @throws {JumpstarterError} `failed_precondition` for a file that cannot be read.
 */
export function findLogin(reference: OciReference): Login | undefined {
  const user = Deno.env.get("OCI_USERNAME");
  if (user) return { user, password: Deno.env.get("OCI_PASSWORD") ?? "" };
  for (const file of authFiles()) {
    const login = loginIn(file, reference);
    if (login) return login;
  }
  return undefined;
}

function authFiles(): string[] {
  const named = Deno.env.get("REGISTRY_AUTH_FILE");
  if (named) return [named];
  const runtime = Deno.env.get("XDG_RUNTIME_DIR");
  const docker = Deno.env.get("DOCKER_CONFIG") || join(homedir(), ".docker");
  return [...runtime ? [join(runtime, "containers", "auth.json")] : [], join(docker, "config.json")];
}

function loginIn(file: string, reference: OciReference): Login | undefined {
  const failure = (why: string, cause: unknown) =>
    new JumpstarterError("failed_precondition", `${file}: ${why}`, { phase: "config", cause });
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw failure(`Logins for registries cannot be read: ${whyUnreadable(cause)}`, cause);
  }
  let auths: Record<string, { auth?: string }>;
  try {
    auths = AuthFile.parse(JSON.parse(text)).auths ?? {};
  } catch (cause) {
    // A parser would quote what stands in the file.
    throw failure("Expected JSON with logins for registries under `auths`", cause);
  }
  const places = placesOf(reference);
  const found = Object.entries(auths)
    .map(([key, { auth }]) => ({ rank: places.indexOf(plainKey(key)), auth }))
    .filter(({ rank, auth }) => rank >= 0 && auth)
    .sort((a, b) => a.rank - b.rank)[0];
  return found && decoded(found.auth!);
}

/** The keys that may stand for a registry, the closest one first. */
function placesOf({ registry, name }: OciReference): string[] {
  const hosts = registry === "registry-1.docker.io" ? ["docker.io", "index.docker.io", registry] : [registry];
  const words = name.split("/");
  const folders = words.map((_, count) => words.slice(0, words.length - count).join("/"));
  return [...folders.flatMap((folder) => hosts.map((host) => `${host}/${folder}`)), ...hosts];
}

/** A key without what docker writes around the host: `https://index.docker.io/v1/`. */
function plainKey(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "").toLowerCase();
}

function decoded(auth: string): Login | undefined {
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(auth));
    const [, user, password] = /^([^:]+):(.*)$/s.exec(text) ?? [];
    return user === undefined ? undefined : { user, password: password.replace(/\0+$/, "") };
  } catch {
    return undefined;
  }
}
