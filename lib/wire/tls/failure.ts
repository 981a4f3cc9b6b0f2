/**
 * Why a TLS handshake failed, from what the peer's certificate says. Nothing is decided by the text of an error.
 *
 * @module
 */
import { isJumpstarterError, JumpstarterError, messageOf } from "../../core/errors.ts";
import { connectUnverified, NotReached } from "./look.ts";
import { certificatesOf, fingerprintOf, pinnedName } from "./pem.ts";
import { nameOf, notTls, type Peer, type Trust } from "./trust.ts";
import { type CertificateFacts, factsOf } from "./x509.ts";

/** The error that tells people what is wrong with a peer, and what to do. */
export async function explain(error: unknown, peer: Peer, trust: Trust, limitMs: number): Promise<JumpstarterError> {
  if (isJumpstarterError(error)) return new JumpstarterError(error.code, error.message, { phase: "tls" });
  let der: Uint8Array<ArrayBuffer>;
  const limit = AbortSignal.timeout(limitMs);
  try {
    const look = await connectUnverified(peer.hostname, peer.port, limit);
    look.close();
    der = look.certificate;
  } catch (cause) {
    if (!(cause instanceof NotReached) && !limit.aborted) return notTls(peer, cause);
    return failure(`The TLS handshake with ${nameOf(peer)} failed: ${messageOf(error)}`, undefined, error);
  }
  let facts: CertificateFacts;
  try {
    facts = factsOf(der);
  } catch (cause) {
    return failure(`${nameOf(peer)} shows a certificate that cannot be read`, undefined, cause);
  }
  const expected = trust.kind === "pinned" ? pinnedName(certificatesOf(trust.pem)[0]) : peer.hostname;
  const { what, hint } = judge(facts, peer, trust, expected);
  return failure(
    `${what} (subject ${facts.subject}; issuer ${facts.issuer}; valid ${day(facts.notBefore)} to ` +
      `${day(facts.notAfter)}; for ${facts.names.join(", ") || "no name"}; expected name ${expected}; ` +
      `fingerprint ${fingerprintOf(der)}): ${messageOf(error)}`,
    hint,
    error,
  );
}

const insecureHint = "--insecure goes on without checking, which protects from nobody in between";

function judge(facts: CertificateFacts, peer: Peer, trust: Trust, expected: string): { what: string; hint: string } {
  const name = nameOf(peer);
  const now = Date.now();
  if (now > facts.notAfter.getTime()) {
    return { what: `The certificate of ${name} has expired`, hint: `Renew it on the exporter. ${insecureHint}` };
  }
  if (now < facts.notBefore.getTime()) {
    return {
      what: `The certificate of ${name} is not valid yet`,
      hint: "Compare the clocks of both machines",
    };
  }
  if (trust.kind === "pinned") {
    return {
      what: `The certificate of ${name} does not come from the authority that was pinned`,
      hint: "Compare the fingerprint with what the exporter prints when it starts; somebody may be in between",
    };
  }
  if (!facts.names.some((pattern) => matches(pattern, expected))) {
    return {
      what: `The certificate of ${name} is for another name`,
      hint: `Use a name that it is for, or start the exporter with --tls-self-signed --tls-name ${expected}`,
    };
  }
  if (facts.selfSigned && trust.kind === "authorities") {
    return {
      what: `The certificate of ${name} is not accepted as its own authority`,
      hint: 'Make it with basicConstraints "CA:FALSE", or sign it by an authority of its own. ' + insecureHint,
    };
  }
  return {
    what: `The certificate of ${name} comes from an unknown authority`,
    hint: `--tls-ca FILE with that authority, or --tls-fingerprint SHA256 as the exporter prints it. ${insecureHint}`,
  };
}

/** Whether a name of a certificate covers a host; `*` stands for one label. */
function matches(pattern: string, host: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), host.toLowerCase()];
  return wanted === given ||
    (wanted.startsWith("*.") && given.includes(".") && wanted.slice(1) === given.slice(given.indexOf(".")));
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function failure(message: string, hint: string | undefined, cause: unknown): JumpstarterError {
  return new JumpstarterError("unavailable", message, { phase: "tls", hint, cause });
}
