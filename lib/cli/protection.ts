/**
 * What protects an exporter's TCP port: TLS with an identity, a passphrase, or nothing, said aloud.
 *
 * @module
 */
import type { Command as Commander } from "commander";
import { hostname as machineName } from "node:os";
import { join } from "node:path";
import { isLoopback } from "../client/address.ts";
import { stateFolder } from "../config/places.ts";
import { JumpstarterError, usageError } from "../core/errors.ts";
import { hostPort } from "../core/host_port.ts";
import type { TcpAddress } from "../exporter/socket.ts";
import type { Identity } from "../wire/tls/identity.ts";
import { addPassphraseOptions, type PassphraseFlags, passphraseOf } from "./passphrase.ts";

/** The flags that protect a port. */
export interface ProtectionFlags extends PassphraseFlags {
  plaintext?: boolean;
  tlsCert?: string;
  tlsKey?: string;
  tlsSelfSigned?: boolean;
  tlsName?: string[];
}

/** Adds the options of a certificate from files, and of a passphrase; upstream has them as well. */
export function addProtectionOptions(command: Commander): Commander {
  command
    .option("--tls-cert <file>", "serve with TLS: this certificate, with those that lead to its authority, as PEM")
    .option("--tls-key <file>", "private key of that certificate, as PEM");
  return addPassphraseOptions(command);
}

/**
 * An address with what the flags protect it by. Other machines' addresses need TLS, or `--plaintext`.
 *
 * @throws {JumpstarterError} `failed_precondition` for an open door, `invalid_argument` for flags that do not go
 * together, and whatever is wrong with the files.
 */
export async function protect(at: { hostname: string; port: number }, flags: ProtectionFlags): Promise<TcpAddress> {
  const identity = await identityOf(flags);
  const passphrase = passphraseOf(flags);
  if (!identity && !isLoopback(at.hostname) && !flags.plaintext) {
    throw new JumpstarterError("failed_precondition", `Listening on ${at.hostname} opens the board to the network`, {
      phase: "usage",
      hint: "--tls-self-signed encrypts, --tls-cert and --tls-key as well; --plaintext, if everybody on that network " +
        `may use the board; --listen 127.0.0.1:${at.port} stays on this machine`,
    });
  }
  return { ...at, identity, passphrase };
}

/** What a user has to know of an address that is served without TLS. */
export function openDoorOf({ hostname, identity, passphrase }: TcpAddress): string | undefined {
  if (identity) return undefined;
  if (!isLoopback(hostname)) {
    return passphrase === undefined
      ? "Without TLS and passphrase: everybody on that network can use the board"
      : "Without TLS: everybody on the way can read the passphrase and what is sent";
  }
  return passphrase === undefined
    ? "Without TLS and passphrase: every user of this machine can use the board"
    : undefined;
}

async function identityOf(flags: ProtectionFlags): Promise<Identity | undefined> {
  const { plaintext, tlsCert, tlsKey, tlsSelfSigned, tlsName } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw usageError("Expected --tls-cert and --tls-key together");
  }
  if (tlsName && !tlsSelfSigned) throw usageError("--tls-name belongs to --tls-self-signed");
  const wishes = [plaintext && "--plaintext", tlsSelfSigned && "--tls-self-signed", tlsCert && "--tls-cert"];
  const given = wishes.filter(Boolean);
  if (given.length > 1) throw usageError(`${given.join(" and ")} contradict each other`);
  if (!tlsSelfSigned && tlsCert === undefined) return undefined;
  const { fromFiles, selfSigned } = await import("../wire/tls/identity.ts");
  if (tlsSelfSigned) return await selfSigned(join(stateFolder(), "tls"), { names: tlsName });
  return fromFiles(tlsCert!, tlsKey!);
}

/** What clients type to reach an exporter: this program's line, then Python's. */
export function clientLines(at: TcpAddress, port: number): string[] {
  const everywhere = at.hostname === "0.0.0.0" || at.hostname === "::";
  const address = hostPort(everywhere ? machineName() : at.hostname, port);
  const { identity, passphrase } = at;
  const secret = passphrase === undefined ? "" : " --passphrase-file FILE";
  if (!identity) {
    const ours = `jumpstarter client --host ${address}${isLoopback(at.hostname) ? "" : " --plaintext"}${secret}`;
    return [ours];
  }
  const { authority } = identity;
  const trust = authority ? ` --tls-fingerprint ${authority.fingerprint}` : " --tls-ca FILE";
  const ca = authority ? authority.file : "FILE";
  // Python's jmp takes it from there only.
  const python = passphrase === undefined ? "" : ' --passphrase "$(cat FILE)"';
  return [
    `jumpstarter client --host ${address}${trust}${secret}`,
    `GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=${ca} jmp shell --tls-grpc ${address}${python}`,
  ];
}
