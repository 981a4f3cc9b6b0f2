/** The executable: arguments in, exit code out. What answers a TAB is loaded alone, for it has to be quick. @module */

/** Runs the program, or answers the script of a shell's completion. */
async function run([first, ...words]: readonly string[]): Promise<number> {
  if (first === "__complete") {
    const { answer } = await import("./lib/cli/completion/complete.ts");
    Deno.stdout.writeSync(new TextEncoder().encode(answer(words)));
    return 0;
  }
  if (first === "__stay") {
    const { stay } = await import("./lib/cli/background.ts");
    return await stay(words);
  }
  const { main } = await import("./lib/cli/main.ts");
  return await main(Deno.args);
}

if (import.meta.main) Deno.exit(await run(Deno.args));
