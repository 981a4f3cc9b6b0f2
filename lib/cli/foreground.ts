/** Other programs in the foreground: a shell, an editor. @module */
import type { Interruptions } from "./exit_code.ts";
import { noteLine } from "./output.ts";

/** How long a program may take to end when it is asked to, in milliseconds. */
const endMs = 2_000;

/**
 * Runs a program in the foreground, until the signal aborts. 127 when there is none of that name, 126 when it cannot be
 * run, as shells say.
 */
export async function runForeground(
  [program, ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  interruption: Interruptions,
  signal?: AbortSignal,
): Promise<number> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args, env, stdin: "inherit", stdout: "inherit", stderr: "inherit" }).spawn();
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    noteLine(`Error: ${program}: ${missing ? "There is no such command" : (error as Error).message}`);
    return missing ? 127 : 126;
  }
  const kill = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch { /* it has ended */ }
  };
  using _ = interruption.takeOver((signal) => {
    // A terminal sends Ctrl-C to the child as well; what was meant for this process alone is passed on.
    if (signal !== "SIGINT" || !Deno.stdin.isTerminal()) kill(signal);
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    kill("SIGTERM");
    timer = setTimeout(() => kill("SIGKILL"), endMs);
  };
  if (signal?.aborted) end();
  signal?.addEventListener("abort", end, { once: true });
  try {
    return (await child.status).code;
  } finally {
    signal?.removeEventListener("abort", end);
    clearTimeout(timer);
  }
}
