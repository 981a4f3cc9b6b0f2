/**
 * The board that the environment names, and what it says of the way there.
 *
 * @module
 */
import { checkPassphrase, type Security } from "./security.ts";

/** Where a board is, and how to get there. */
export interface Target {
  readonly host: string;
  readonly security: Security;
}

/** The board of `JUMPSTARTER_HOST`, with what a shell of ours or of Python's says of it. */
export function environmentTarget(host: string): Target {
  const { env } = Deno;
  const insecure = ["JMP_GRPC_INSECURE", "JUMPSTARTER_GRPC_INSECURE"].some((name) => env.get(name) === "1");
  const tls = env.get("JUMPSTARTER_TLS");
  const security: Security = {
    // For a host from the environment upstream's variable means: no TLS.
    plaintext: insecure ? true : tls === "1" ? false : undefined,
    insecure: tls === "insecure" || undefined,
    tlsCa: env.get("JUMPSTARTER_TLS_CA") || undefined,
    tlsFingerprint: env.get("JUMPSTARTER_TLS_FINGERPRINT") || undefined,
    passphrase: inheritedPassphrase(host),
  };
  return { host, security };
}

/** What tells a child's programs how to reach the board of `JUMPSTARTER_HOST`: {@linkcode environmentTarget} reads it. */
export function securityEnvironment(security: Security, caFile: string | undefined): Record<string, string> {
  return {
    JUMPSTARTER_TLS: security.insecure ? "insecure" : security.plaintext === false ? "1" : "",
    JUMPSTARTER_TLS_CA: caFile ?? "",
    JUMPSTARTER_TLS_FINGERPRINT: security.tlsFingerprint ?? "",
    JMP_GRPC_PASSPHRASE: security.passphrase ?? "",
    ...(caFile !== undefined && { GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: caFile }),
  };
}

/** The exporter's file of the board that the environment names, where a shell of ours has been started by it. */
export function inheritedFile(): string | undefined {
  return Deno.env.get("JUMPSTARTER_EXPORTER_FILE") || undefined;
}

/**
 * The passphrase of the environment. Where the environment names a board, it is that board's, and no other one gets to
 * see it.
 */
export function inheritedPassphrase(host: string): string | undefined {
  const passphrase = Deno.env.get("JMP_GRPC_PASSPHRASE");
  const owner = Deno.env.get("JUMPSTARTER_HOST");
  if (!passphrase || (owner && owner !== host)) return undefined;
  return checkPassphrase(passphrase, "JMP_GRPC_PASSPHRASE");
}
