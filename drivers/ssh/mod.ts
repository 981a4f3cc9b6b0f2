/** ssh to a device. @module */
import * as z from "zod/mini";
import { defineDriver } from "../../lib/contract/driver.ts";
import { JumpstarterError, messageOf } from "../../lib/core/errors.ts";
import { network } from "../../lib/interfaces/network.ts";
import { ssh } from "../../lib/interfaces/ssh.ts";

const defaultCommand = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR";

/** Tells clients how to log in at a device with their own ssh, whose connection goes through the child `tcp`. */
export default defineDriver({
  name: "ssh",
  summary: "Tells clients how to log in at a device with their own ssh, through the child `tcp`",
  implements: ssh,
  config: z.object({
    default_username: z._default(z.string(), "").check(
      z.describe("User to log in as where a client names none; empty: its own"),
    ),
    ssh_command: z._default(z.string(), defaultCommand).check(
      z.describe("The command that clients run, with its options"),
    ),
    ssh_identity: z._default(z.nullable(z.string()), null).check(
      z.describe("Private key, which every client is given"),
    ),
    ssh_identity_file: z._default(z.nullable(z.string()), null).check(
      z.describe("File with that key, on the exporter's machine"),
    ),
  }).check(z.refine(({ ssh_identity, ssh_identity_file }) => !ssh_identity || !ssh_identity_file, {
    error: "Cannot specify both ssh_identity and ssh_identity_file",
  })),
  children: { tcp: network },
  open({ config }) {
    let identity = config.ssh_identity;
    return {
      getDefaultUsername: () => config.default_username,
      getSshCommand: () => config.ssh_command,
      async getSshIdentity() {
        const { ssh_identity_file: file } = config;
        if (file) identity ??= await Deno.readTextFile(file).catch((error) => Promise.reject(unreadable(file, error)));
        return identity;
      },
    };
  },
});

function unreadable(file: string, cause: unknown): JumpstarterError {
  return new JumpstarterError(
    "failed_precondition",
    `Failed to read ssh_identity_file '${file}': ${messageOf(cause)}`,
    { cause },
  );
}
