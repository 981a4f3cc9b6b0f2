/** Pages of docs/ whose commands are executed. @module */

/** The commands of one block, and the line at its end that starts an exporter, if it has one. */
export interface Block {
  readonly commands: string;
  readonly serving?: string;
}

/** The blocks of a page that a shell is meant to execute. */
export async function pageBlocks(name: string): Promise<Block[]> {
  const page = await Deno.readTextFile(new URL(`../../docs/${name}`, import.meta.url));
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => {
    const [, commands, serving] = /^([\s\S]*?)(jumpstarter exporter run .*\n)?$/.exec(block)!;
    return { commands, serving };
  });
}

/** A shell with a script, which ends with the first command that fails. */
export function sh(script: string, cwd: string, env: Record<string, string>): Deno.Command {
  return new Deno.Command("sh", { args: ["-ec", script], cwd, env, stdin: "null", stdout: "piped", stderr: "piped" });
}

/** An exporter that a page's line has started. */
export interface Served {
  /** Of its own authority, where it has one. */
  readonly fingerprint?: string;
  stop(): Promise<void>;
}

/** Starts the exporter of a line, and resolves once it serves. */
export async function serveLine(line: string, cwd: string, env: Record<string, string>): Promise<Served> {
  const child = sh(`exec ${line.trim()} --json`, cwd, env).spawn();
  const errors = new Response(child.stderr).text();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: said } = await output.read();
  if (!said) throw new Error(await errors);
  return {
    fingerprint: JSON.parse(said).fingerprint,
    async stop() {
      child.kill("SIGTERM");
      await child.status;
      await errors;
      while (!(await output.read()).done) { /* nothing more is expected */ }
    },
  };
}

/** A port that nobody uses now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
