/**
 * Certificates as text, and their fingerprints.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { JumpstarterError } from "../../core/errors.ts";

/** The certificates of a PEM text as DER, in their order. */
export function certificatesOf(pem: string): Uint8Array<ArrayBuffer>[] {
  const blocks = pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g);
  return [...blocks].map(([, base64]) => new Uint8Array(Buffer.from(base64, "base64")));
}

/** A certificate as PEM. */
export function pemOf(der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** The SHA-256 of a certificate as people compare it: `9F:86:…`, 32 bytes. */
export function fingerprintOf(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex").toUpperCase().match(/../g)!.join(":");
}

/**
 * A fingerprint as {@linkcode fingerprintOf} writes it, from what a person wrote: in either case, with colons or
 * without.
 *
 * @throws {JumpstarterError} `invalid_argument` for anything but 64 hexadecimal digits.
 */
export function parseFingerprint(text: string): string {
  const digits = text.replace(/^sha-?256[:=]/i, "").replace(/[:\s]/g, "").toUpperCase();
  if (/^[0-9A-F]{64}$/.test(digits)) return digits.match(/../g)!.join(":");
  throw new JumpstarterError(
    "invalid_argument",
    `Expected the SHA-256 of a certificate as 64 hexadecimal digits, got ${JSON.stringify(text)}`,
    { phase: "usage", hint: "The exporter prints it when it starts with --tls-self-signed" },
  );
}

/**
 * The name by which an exporter of a private authority is known to those who pinned the authority, whatever address they
 * reach it by. Deno trusts the public authorities beside any that is given to it, and those never vouch for a name below
 * `.invalid` (RFC 6761): asking for this name is what confines trust to the pinned one.
 */
export function pinnedName(authority: Uint8Array): string {
  return `${fingerprintOf(authority).replaceAll(":", "").slice(0, 32).toLowerCase()}.jumpstarter.invalid`;
}
