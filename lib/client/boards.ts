/** The boards of `boards.yaml`, ready to be connected to. @module */
import { requireBoard } from "../config/boards.ts";
import { inheritedPassphrase, type Target } from "./environment.ts";
import { readPassphrase } from "./security.ts";

/**
 * Where a named board is, and how to get there.
 *
 * @throws {JumpstarterError} `not_found` for an unknown name, and what is wrong with its files.
 */
export function boardTarget(name: string): Target {
  const { address, plaintext, ca, fingerprint, passphrase_file } = requireBoard(name);
  const passphrase = passphrase_file === undefined ? inheritedPassphrase(address) : readPassphrase(passphrase_file);
  return { host: address, security: { plaintext, tlsCa: ca, tlsFingerprint: fingerprint, passphrase } };
}
