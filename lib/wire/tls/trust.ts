/**
 * The client's side of TLS: whom to trust, and a connection that is trusted.
 *
 * @module
 */
import { connectFailure } from "../../core/connect_failure.ts";
import { isJumpstarterError, JumpstarterError } from "../../core/errors.ts";
import { hostPort } from "../../core/host_port.ts";
import { withLimit } from "../../core/limit.ts";
import type { Pipe } from "../../core/pipe.ts";
import { fetchAuthority } from "./authority_endpoint.ts";
import { certificatesOf, fingerprintOf, pemOf, pinnedName } from "./pem.ts";
import { connectUnverified, NotReached, type Unverified } from "./look.ts";
import { systemRoots } from "../../core/system_roots.ts";

/** Whom a client trusts. The PEM texts may hold several certificates. */
export type Trust =
  /** The public authorities and the system's; the certificate must be for the host's name. */
  | { readonly kind: "system" }
  /** These authorities as well; the certificate must be for the host's name. */
  | { readonly kind: "authorities"; readonly pem: string }
  /** This exporter's own authority and nobody else, by whatever name or address the exporter is reached. */
  | { readonly kind: "pinned"; readonly pem: string }
  /** Anybody. */
  | { readonly kind: "unverified" };

/** Where a TLS peer is. */
export interface Peer {
  readonly hostname: string;
  readonly port: number;
}

/** HTTP/2 and nothing else. */
const alpnProtocols = ["h2"];

/**
 * Makes a connection trusted that has just been opened, and which belongs to the result from now on. On failure it is
 * closed.
 *
 * @throws {JumpstarterError} `unavailable` in the phase `tls`, with what the peer's certificate says.
 */
export async function secure(connection: Deno.TcpConn, peer: Peer, trust: Trust, limitMs: number): Promise<Pipe> {
  if (trust.kind === "unverified") {
    connection.close();
    return await unverified(peer, limitMs);
  }
  const caCerts = rootsOf(trust);
  const hostname = trust.kind === "pinned" ? pinnedName(certificatesOf(trust.pem)[0]) : peer.hostname;
  const started = performance.now();
  let tls: Deno.TlsConn | undefined;
  const opening = (async () => {
    tls = await Deno.startTls(connection, { hostname, caCerts, alpnProtocols });
    return await tls.handshake();
  })();
  try {
    const { alpnProtocol } = await withLimit(opening, limitMs, `The TLS handshake with ${nameOf(peer)}`);
    if (alpnProtocol === "h2") return tls!;
    throw new JumpstarterError("unavailable", `${nameOf(peer)} speaks TLS, but not HTTP/2 within it`);
  } catch (error) {
    closeQuietly(tls ?? connection);
    if (isJumpstarterError(error, "deadline_exceeded")) throw unanswered(peer, limitMs, error);
    const { explain } = await import("./failure.ts");
    throw await explain(error, peer, trust, Math.max(1000, limitMs - (performance.now() - started)));
  }
}

/**
 * Asks an exporter for its authority, and returns it as PEM if it is the one with this fingerprint.
 *
 * @throws {JumpstarterError} `unavailable` in the phase `tls` when it is another one, or there is none; in the phase
 * `resolve` or `connect` when the exporter cannot be reached.
 */
export async function pinnedAuthority(peer: Peer, fingerprint: string, limitMs: number): Promise<string> {
  const pipe = await unverified(peer, limitMs);
  const shown = `It shows a certificate with the fingerprint ${fingerprintOf(pipe.certificate)}`;
  let pem: string;
  try {
    pem = await withLimit(fetchAuthority(pipe, nameOf(peer)), limitMs, `Asking ${nameOf(peer)} for its authority`);
  } catch (error) {
    pipe.close();
    throw new JumpstarterError("unavailable", `${nameOf(peer)} has no authority that could be pinned. ${shown}`, {
      phase: "tls",
      hint: "--tls-ca FILE, with the authority that issued its certificate",
      cause: error,
    });
  }
  const [der] = certificatesOf(pem);
  const actual = der && fingerprintOf(der);
  if (actual === fingerprint) return pemOf(der);
  throw new JumpstarterError(
    "unavailable",
    `${nameOf(peer)} is another exporter than the one that was pinned: Expected the fingerprint ${fingerprint}, ` +
      `got ${actual ?? "no authority"}`,
    { phase: "tls", hint: "Compare it with what the exporter prints when it starts; somebody may be in between" },
  );
}

/** Whether a peer speaks TLS at all. */
export async function speaksTls(peer: Peer, limitMs: number): Promise<boolean> {
  try {
    (await connectUnverified(peer.hostname, peer.port, AbortSignal.timeout(limitMs))).close();
    return true;
  } catch {
    return false;
  }
}

async function unverified(peer: Peer, limitMs: number): Promise<Unverified> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`Nothing came within ${limitMs} ms`)), limitMs);
  try {
    return await connectUnverified(peer.hostname, peer.port, limit.signal);
  } catch (error) {
    if (error instanceof NotReached) throw connectFailure(nameOf(peer), error.cause);
    throw limit.signal.aborted ? unanswered(peer, limitMs, error) : notTls(peer, error);
  } finally {
    clearTimeout(timer);
  }
}

/** The error for a peer that is there and says nothing, as one that is frozen does. */
function unanswered(peer: Peer, limitMs: number, cause: unknown): JumpstarterError {
  const message = `${nameOf(peer)} did not answer the TLS handshake within ${Math.round(limitMs / 100) / 10} s`;
  return new JumpstarterError("unavailable", message, { phase: "tls", cause });
}

/** The error for a peer that does not speak TLS. */
export function notTls(peer: Peer, cause: unknown): JumpstarterError {
  return new JumpstarterError("unavailable", `${nameOf(peer)} does not speak TLS`, {
    phase: "tls",
    hint: "--plaintext goes there without encryption, if you trust the network in between",
    cause,
  });
}

/** How messages name a peer. */
export function nameOf({ hostname, port }: Peer): string {
  return hostPort(hostname, port);
}

function rootsOf(trust: Trust): string[] {
  switch (trust.kind) {
    case "system":
      return systemRoots();
    case "authorities":
      return [trust.pem];
    default:
      return trust.kind === "pinned" ? [trust.pem] : [];
  }
}

function closeQuietly(connection: { close(): void }): void {
  try {
    connection.close();
  } catch { /* It went away by itself. */ }
}
