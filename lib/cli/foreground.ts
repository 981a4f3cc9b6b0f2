/** Other programs in the foreground: a shell, an editor. @module */
import type { Interruptions } from "./exit_code.ts";
import { noteLine } from "./output.ts";

/** Runs a program in the foreground. 127 when there is none of that name, 126 when it cannot be run, as shells say. */
export async function runForeground(
  [program, ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  interruption: Interruptions,
): Promise<number> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args, env, stdin: "inherit", stdout: "inherit", stderr: "inherit" }).spawn();
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    noteLine(`Error: ${program}: ${missing ? "There is no such command" : (error as Error).message}`);
    return missing ? 127 : 126;
  }
  interruption.takeOver((signal) => {
    // A terminal sends Ctrl-C to the child as well; what was meant for this process alone is passed on.
    if (signal === "SIGINT" && Deno.stdin.isTerminal()) return;
    try {
      child.kill(signal);
    } catch { /* it has ended */ }
  });
  return (await child.status).code;
}
