/**
 * The private authority of this user's exporters: made once, kept in a folder that nobody else can enter.
 *
 * @module
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { JumpstarterError, messageOf } from "../../core/errors.ts";
import { certificatesOf, fingerprintOf } from "./pem.ts";
import type { KeyedCertificate } from "./x509.ts";

/** An authority whose certificate clients pin. */
export interface Authority {
  /** Its certificate as PEM. */
  readonly certificate: string;
  /** The SHA-256 of its certificate, `9F:86:…`. */
  readonly fingerprint: string;
  /** A file that holds its certificate, for programs that want a file. */
  readonly file: string;
}

/**
 * The authority of a folder, which is made where there is none yet.
 *
 * @throws {JumpstarterError} `permission_denied` when others can read its key, `failed_precondition` when it cannot be
 * kept there.
 */
export async function openAuthority(folder: string): Promise<{ authority: Authority; keyed: KeyedCertificate }> {
  try {
    const keyed = await readOrMake(folder);
    const file = join(folder, "ca.pem");
    writeAtomically(file, keyed.certificate);
    const fingerprint = fingerprintOf(certificatesOf(keyed.certificate)[0]);
    return { authority: { certificate: keyed.certificate, fingerprint, file }, keyed };
  } catch (error) {
    if (error instanceof JumpstarterError) throw error;
    throw new JumpstarterError("failed_precondition", `Cannot keep an identity in ${folder}: ${messageOf(error)}`, {
      phase: "config",
      hint: "XDG_STATE_HOME names another place",
      cause: error,
    });
  }
}

async function readOrMake(folder: string): Promise<KeyedCertificate> {
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "ca-key.pem");
  const kept = read(file);
  if (kept) return kept;
  const { makeAuthority } = await import("./x509.ts");
  const { certificate, key } = await makeAuthority(hostname());
  const draft = writeDraft(file, key + certificate);
  try {
    // Two exporters may start at once for the first time: the first link stays, and the other one uses that.
    Deno.linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    Deno.removeSync(draft);
  }
  return read(file)!;
}

function read(file: string): KeyedCertificate | undefined {
  let text: string;
  try {
    const { mode } = Deno.statSync(file);
    if (Deno.build.os !== "windows" && ((mode ?? 0) & 0o077) !== 0) {
      throw new JumpstarterError("permission_denied", `Others can read the private key in ${file}`, {
        phase: "config",
        hint: `chmod 600 ${file}`,
      });
    }
    text = Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const at = text.indexOf("-----BEGIN CERTIFICATE-----");
  if (at > 0 && certificatesOf(text).length === 1) return { key: text.slice(0, at), certificate: text.slice(at) };
  throw new JumpstarterError("failed_precondition", `${file} does not hold an authority`, {
    phase: "config",
    hint: `rm ${file} makes a new one, which every client has to be told of`,
  });
}

/** Replaces a file of this user's alone, or leaves it as it was. */
function writeAtomically(file: string, text: string): void {
  Deno.renameSync(writeDraft(file, text), file);
}

function writeDraft(file: string, text: string): string {
  const draft = `${file}.${crypto.randomUUID()}`;
  Deno.writeTextFileSync(draft, text, { mode: 0o600, createNew: true });
  return draft;
}
