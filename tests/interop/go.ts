/**
 * Programs written in Go as peers: built on first use, and kept in `$XDG_CACHE_HOME/jumpstarter-tests`.
 *
 *     const grpcurl = await goProgram("github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.3");
 *
 * @module
 */
import { basename, join } from "node:path";

/** The path of a Go program, or nothing where it cannot be had; the reason is then on stderr. */
export async function goProgram(module: string, version: string): Promise<string | undefined> {
  const cache = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? ".", ".cache");
  const folder = join(cache, "jumpstarter-tests", `${basename(module)}-${version}`);
  const program = join(folder, basename(module));
  await Deno.mkdir(folder, { recursive: true });
  using lock = await Deno.open(`${folder}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await Deno.stat(program).then(() => true, () => false)) return program;
  console.error(`Building ${basename(module)} ${version} …`);
  const why = await build(`${module}@${version}`, folder);
  if (why === undefined) return program;
  console.error(`${why}: tests with ${basename(module)} are skipped`);
  return undefined;
}

/** Builds into a folder. Resolves to what went wrong, if something did. */
async function build(module: string, folder: string): Promise<string | undefined> {
  // Where Go's own archive puts it, which is on few search paths.
  const PATH = `${Deno.env.get("PATH")}:/usr/local/go/bin`;
  // `env` looks the program up on the new path; Deno.Command would use its own.
  const command = new Deno.Command("env", { args: ["go", "install", module], env: { PATH, GOBIN: folder } });
  const { code, stderr } = await command.output();
  if (code === 0) return undefined;
  return code === 127 ? "Go is not installed" : `\`go install ${module}\` failed: ${new TextDecoder().decode(stderr)}`;
}
