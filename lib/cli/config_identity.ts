/** What a new client and a new exporter have to say: who they are, and where the controller is. @module */
import type { Command as Commander } from "commander";
import { JumpstarterError, usageError } from "../core/errors.ts";
import type { Questions } from "./prompt.ts";

/** The values of a new file that have no default. */
export interface Identity {
  namespace: string;
  name: string;
  endpoint: string;
  token: string;
}

/** Flags that both kinds of files share. */
export interface CreateFlags extends Partial<Identity> {
  insecureTls?: boolean;
  nointeractive?: boolean;
}

/** Adds the flags for what a new file says. */
export function addIdentityOptions(command: Commander): Commander {
  return command
    .option("--namespace <namespace>", "namespace in the lab")
    .option("--name <name>", "name in the lab")
    .option("-e, --endpoint <address>", "address of the controller as host:port")
    .option(
      "-t, --token <token>",
      "token from the controller; others on this machine can see it here, so rather be asked",
    )
    .option("-k, --insecure-tls", "do not check the controller's certificate")
    .option("--nointeractive", "ask nothing");
}

/**
 * Asks for what the flags do not say.
 *
 * @throws {JumpstarterError} `invalid_argument` with the flags that are missing where nothing may be asked, or where
 * the input ends; `canceled` when the user does not want to go without certificates.
 */
export async function completeIdentity(flags: CreateFlags, questions: Questions): Promise<Identity> {
  const asked: Record<keyof Identity, string> = {
    namespace: "Namespace in the lab",
    name: "Name in the lab",
    endpoint: "Address of the controller (host:port)",
    token: "Token from the controller (hidden)",
  };
  const identity: Partial<Identity> = {};
  for (const key of Object.keys(asked) as (keyof Identity)[]) {
    identity[key] = flags[key] ??
      (flags.nointeractive ? undefined : await questions.ask(asked[key], { hidden: key === "token" }));
  }
  const missing = Object.keys(asked).filter((key) => identity[key as keyof Identity] === undefined);
  if (missing.length > 0) {
    const names = missing.map((key) => `--${key}`).join(", ");
    throw usageError(`Expected ${names}, or an answer`);
  }
  const question = "The controller's certificate will not be checked. Continue?";
  if (flags.insecureTls && !flags.nointeractive && !await questions.confirm(question)) {
    throw new JumpstarterError("canceled", "Nothing was written", { phase: "usage" });
  }
  return identity as Identity;
}
