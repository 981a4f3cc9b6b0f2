/**
 * Plain or TLS, whom to trust, and the passphrase: what is asked for, turned into what is done.
 *
 * @module
 */
import { JumpstarterError, usageError, whyUnreadable } from "../core/errors.ts";
import type { Trust } from "../wire/tls/trust.ts";
import { type Address, isLocal } from "./address.ts";

/**
 * How a connection is protected. Without any of these a connection to this machine is plain, and any other one TLS with
 * the authorities that the system trusts.
 */
export interface Security {
  /** `true` goes without TLS to another machine as well, `false` takes TLS to this machine too. */
  plaintext?: boolean;
  /** TLS, but with whoever answers. */
  insecure?: boolean;
  /** A PEM file, or its text, with authorities to trust. Beside a fingerprint, the authority that it belongs to. */
  tlsCa?: string;
  /** The SHA-256 of the exporter's own authority, which alone is trusted then: `9F:86:…`, as the exporter prints it. */
  tlsFingerprint?: string;
  /** Sent with every call over TCP. */
  passphrase?: string;
}

/**
 * Whom to trust at an address, or `undefined` to go without TLS.
 *
 * @throws {JumpstarterError} `invalid_argument` for wishes that contradict each other, `not_found` for a file that
 * cannot be read; in the phase `tls` when the exporter with the fingerprint is another one.
 */
export async function trustAt(address: Address, security: Security, limitMs: number): Promise<Trust | undefined> {
  refuseContradictions(security);
  if ("ssh" in address && wantsTls(security)) {
    throw usageError("ssh:// is protected by ssh itself and goes without TLS");
  }
  if (isPlain(address, security) || !("hostname" in address)) return undefined;
  const { insecure, tlsCa, tlsFingerprint } = security;
  if (insecure) return { kind: "unverified" };
  const pem = tlsCa === undefined ? undefined : readAuthorities(tlsCa);
  if (tlsFingerprint !== undefined) return { kind: "pinned", pem: await pin(address, tlsFingerprint, pem, limitMs) };
  if (pem !== undefined) return { kind: "authorities", pem };
  // Where gRPC's other programs look as well.
  const roots = Deno.env.get("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH");
  return roots ? { kind: "authorities", pem: readAuthorities(roots) } : { kind: "system" };
}

/** Whether a connection goes without TLS. */
export function isPlain(address: Address, security: Security): boolean {
  if (!("hostname" in address) || security.plaintext) return true;
  return isLocal(address) && security.plaintext === undefined && !wantsTls(security);
}

/**
 * The same wishes with the exporter's authority itself beside its fingerprint, so that it need not be asked for again.
 *
 * @throws {JumpstarterError} in the phase `tls` when the exporter with the fingerprint is another one.
 */
export async function withAuthority<T extends Security>(address: Address, security: T, limitMs: number): Promise<T> {
  const trust = security.tlsFingerprint === undefined ? undefined : await trustAt(address, security, limitMs);
  return trust?.kind === "pinned" ? { ...security, tlsCa: trust.pem } : security;
}

/**
 * Reads a passphrase from a file: its text without the line's end.
 *
 * @throws {JumpstarterError} `not_found` or `invalid_argument`, naming the file and nothing of what it holds.
 */
export function readPassphrase(file: string): string {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    throw new JumpstarterError("not_found", `Cannot read the passphrase from ${file}: ${whyUnreadable(error)}`, {
      phase: "config",
    });
  }
  return checkPassphrase(text.replace(/\r?\n$/, ""), file);
}

/** Refuses a passphrase that a header cannot carry. `source` is where it came from. */
export function checkPassphrase(passphrase: string, source: string): string {
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(passphrase)) return passphrase;
  throw new JumpstarterError(
    "invalid_argument",
    `Expected one line of printable ASCII without spaces around it as passphrase, got something else from ${source}`,
    { phase: "config" },
  );
}

/** The authority with a fingerprint: the given one, else the one that the exporter shows. */
async function pin(
  address: { hostname: string; port: number },
  text: string,
  pem: string | undefined,
  limitMs: number,
): Promise<string> {
  // Most commands go without TLS, and should not have to load it.
  const { certificatesOf, fingerprintOf, parseFingerprint } = await import("../wire/tls/pem.ts");
  const fingerprint = parseFingerprint(text);
  if (pem === undefined) {
    const { pinnedAuthority } = await import("../wire/tls/trust.ts");
    return await pinnedAuthority(address, fingerprint, limitMs);
  }
  if (fingerprintOf(certificatesOf(pem)[0]) === fingerprint) return pem;
  throw usageError("The authority of --tls-ca is another one than --tls-fingerprint names");
}

/** Whether anything is said that only TLS can mean. */
export function wantsTls({ insecure, tlsCa, tlsFingerprint }: Security): boolean {
  return insecure === true || tlsCa !== undefined || tlsFingerprint !== undefined;
}

function refuseContradictions({ plaintext, insecure, tlsCa, tlsFingerprint }: Security): void {
  const verified = [tlsCa !== undefined && "--tls-ca", tlsFingerprint !== undefined && "--tls-fingerprint"];
  const given = [plaintext && "--plaintext", insecure && "--insecure", ...verified].filter(Boolean);
  if ((plaintext || insecure) && given.length > 1) throw usageError(`${given.join(" and ")} contradict each other`);
}

function readAuthorities(fileOrText: string): string {
  let text = fileOrText;
  if (!fileOrText.includes("-----BEGIN")) {
    try {
      text = Deno.readTextFileSync(fileOrText);
    } catch (error) {
      throw new JumpstarterError("not_found", `Cannot read the authorities of ${fileOrText}: ${whyUnreadable(error)}`, {
        phase: "config",
      });
    }
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new JumpstarterError("invalid_argument", `${fileOrText.split("\n", 1)[0]} holds no certificate in PEM`, {
    phase: "config",
  });
}
