/**
 * Who an exporter is on TLS connections: a certificate and its key, from files or from its own authority.
 *
 * @module
 */
import { hostname } from "node:os";
import { JumpstarterError, whyUnreadable } from "../../core/errors.ts";
import { type Authority, openAuthority } from "./authority.ts";
import { listenTls } from "./listen.ts";
import { certificatesOf, pinnedName } from "./pem.ts";
import type { KeyedCertificate } from "./x509.ts";

/** A certificate that is shown to clients, and that may change while it is in use. */
export interface Identity {
  /** The certificate, and those that lead to its authority, with the private key; all PEM. */
  readonly current: KeyedCertificate;
  /** The authority that clients pin, where it is the exporter's own. */
  readonly authority?: Authority;
  /** Looks whether it is time for another certificate. `true` when {@linkcode current} is another one now. */
  renew(): Promise<boolean>;
}

/** Days that a certificate is valid; it is renewed when a third of them is left. */
const leafDays = 90;
const dayMs = 24 * 60 * 60 * 1000;

/** How a certificate of one's own is made. */
export interface SelfSignedOptions {
  /** Names by which clients reach the exporter, beside those that this machine knows of itself. */
  names?: readonly string[];
  /** The time. @default {the system's} */
  now?: () => Date;
}

/** An identity that needs nobody else: an authority that is kept in `folder`, and certificates that it issues. */
export async function selfSigned(folder: string, options: SelfSignedOptions = {}): Promise<Identity> {
  const { names = [], now = () => new Date() } = options;
  const { authority, keyed } = await openAuthority(folder);
  const { issue } = await import("./x509.ts");
  const [der] = certificatesOf(authority.certificate);
  let issuedAt: Date;
  let current: KeyedCertificate;
  const make = async () => {
    issuedAt = now();
    const leaf = await issue(keyed, [...new Set([...ownNames(), ...names, pinnedName(der)])], issuedAt, leafDays);
    current = { key: leaf.key, certificate: leaf.certificate + authority.certificate };
  };
  await make();
  return {
    get current() {
      return current;
    },
    authority,
    async renew() {
      const ageMs = now().getTime() - issuedAt.getTime();
      // A clock that was wrong at the start, and is set back now, makes the age negative.
      if (ageMs > -dayMs / 2 && ageMs < leafDays * dayMs * 2 / 3) return false;
      await make();
      return true;
    },
  };
}

/**
 * An identity from files, which are read again when they change.
 *
 * @throws {JumpstarterError} `not_found` or `invalid_argument`, naming the file.
 */
export function fromFiles(certificateFile: string, keyFile: string): Identity {
  const load = (): KeyedCertificate => {
    const keyed = { certificate: readPem(certificateFile, "CERTIFICATE"), key: readPem(keyFile, "PRIVATE KEY") };
    // Somebody may be writing them at this moment: what does not go together is never used.
    listenTls({ hostname: "127.0.0.1", port: 0 }, keyed).close();
    return keyed;
  };
  let current = load();
  return {
    get current() {
      return current;
    },
    async renew() {
      const certificate = await Deno.readTextFile(certificateFile);
      if (certificate === current.certificate && await Deno.readTextFile(keyFile) === current.key) return false;
      current = load();
      return true;
    },
  };
}

/**
 * Reads a PEM file of a kind.
 *
 * @throws {JumpstarterError} `not_found` or `invalid_argument`, naming the file.
 */
export function readPem(file: string, kind: "CERTIFICATE" | "PRIVATE KEY"): string {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    throw new JumpstarterError("not_found", `Cannot read ${file}: ${whyUnreadable(error)}`, {
      phase: "config",
      cause: error,
    });
  }
  if (new RegExp(`-----BEGIN (?:[A-Z]+ )?${kind}-----`).test(text)) return text;
  throw new JumpstarterError("invalid_argument", `${file} holds no PEM of a ${kind.toLowerCase()}`, {
    phase: "config",
  });
}

/** The names and addresses of this machine that a client may use. */
function ownNames(): string[] {
  const host = hostname();
  const names = [host, host.includes(".") ? host : `${host}.local`, "localhost"];
  const addresses = Deno.networkInterfaces().map(({ address }) => address.replace(/%.*$/, ""));
  return [...names.filter((name) => /^[A-Za-z0-9.-]+$/.test(name)), ...addresses, "127.0.0.1", "::1"];
}
