/** The flags that name an exporter's passphrase, the same for exporters and clients. @module */
import type { Command as Commander } from "commander";
import { checkPassphrase, readPassphrase } from "../client/security.ts";
import { usageError } from "../core/errors.ts";
import { noteLine } from "./output.ts";

/** The flags that name a passphrase. */
export interface PassphraseFlags {
  passphrase?: string;
  passphraseFile?: string;
}

/** Adds the options that name a passphrase, the same for exporters and clients. */
export function addPassphraseOptions(command: Commander): Commander {
  return command
    .option("--passphrase-file <file>", "file with the exporter's passphrase (else JMP_GRPC_PASSPHRASE)")
    .option("--passphrase <text>", "the passphrase itself, which every user of this machine can see here");
}

/**
 * The passphrase that flags or the environment name, if any.
 *
 * @throws {JumpstarterError} `invalid_argument` for one that cannot be used, `not_found` for a file that is not there.
 */
export function passphraseOf(flags: PassphraseFlags, fromEnvironment = true): string | undefined {
  if (flags.passphrase !== undefined && flags.passphraseFile !== undefined) {
    throw usageError("Expected one of --passphrase-file and --passphrase");
  }
  if (flags.passphraseFile !== undefined) return readPassphrase(flags.passphraseFile);
  if (flags.passphrase !== undefined) {
    noteLine("Every user of this machine can see --passphrase; --passphrase-file keeps it from them");
    return checkPassphrase(flags.passphrase, "--passphrase");
  }
  const inherited = fromEnvironment ? Deno.env.get("JMP_GRPC_PASSPHRASE") : undefined;
  return inherited ? checkPassphrase(inherited, "JMP_GRPC_PASSPHRASE") : undefined;
}
