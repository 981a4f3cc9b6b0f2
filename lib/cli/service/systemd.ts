/**
 * What is asked of systemd: its files, and its programs.
 *
 * @module
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { JumpstarterError } from "../../core/errors.ts";
import type { Scope } from "./unit.ts";

/** Where the unit files of this user, or of the machine, are. */
export function unitFolder(scope: Scope): string {
  if (scope === "system") return "/etc/systemd/system";
  return join(Deno.env.get("XDG_CONFIG_HOME") || join(homedir(), ".config"), "systemd", "user");
}

/** Where `systemd-sysusers` reads what users there are. */
export const sysusersFile = "/etc/sysusers.d/jumpstarter.conf";

/**
 * Runs a program of systemd.
 *
 * @throws {JumpstarterError} `failed_precondition` with what it said, or when it is not installed.
 */
export async function ask(program: string, ...args: string[]): Promise<void> {
  const line = [program, ...args].join(" ");
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { args, stdin: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw refused(`${program} is not installed, so this machine is not run by systemd`, "--print prints the unit only");
  }
  if (output.success) return;
  const said = new TextDecoder().decode(output.stderr).trim();
  throw refused(`${line} ended with ${output.code}${said && `: ${said}`}`);
}

/** `systemctl` of a scope. */
export function systemctl(scope: Scope, ...args: string[]): Promise<void> {
  return ask("systemctl", ...(scope === "user" ? ["--user"] : []), ...args);
}

/** The first part of a path that another user than its owner and group cannot read, or nothing. */
export function closedTo(path: string): string | undefined {
  const parts = path.split("/").filter(Boolean);
  const steps = parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
  return steps.find((step, index) => {
    const needed = index === steps.length - 1 ? 0o004 : 0o001;
    return ((Deno.statSync(step).mode ?? 0o777) & needed) === 0;
  });
}

function refused(message: string, hint?: string): JumpstarterError {
  return new JumpstarterError("failed_precondition", message, { phase: "config", hint });
}
