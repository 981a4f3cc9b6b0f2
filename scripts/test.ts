/**
 * Runs the tests: each folder in a process of its own, two at a time, since most of them wait for other programs.
 *
 *     deno task test                          all folders of tests/
 *     deno task test tests/wire tests/cli     those named, a file as well
 *     deno task test tests/wire --filter hpack     options are handed on to `deno test`
 *
 * A folder's output is shown when its tests have ended, and that of those that failed after all others, since it is the
 * end of an output that people and logs keep. Types are the gate's to check.
 *
 * @module
 */
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname!);
/** How many run at the same time. More would make tests wait that look at the clock. */
const processes = 2;
/** Folders that take longest, which begin first. */
const first = ["system", "interop", "drivers", "hardware"];

if (import.meta.main) {
  const handedOn = Deno.args.findIndex((word) => word.startsWith("-"));
  const [named, options] = handedOn < 0 ? [Deno.args, []] : [Deno.args.slice(0, handedOn), Deno.args.slice(handedOn)];
  const waiting = named.length > 0 ? [...named] : foldersOfTests();
  const started = performance.now();
  const failed: Uint8Array[] = [];
  await Promise.all(Array.from({ length: processes }, async () => {
    for (let path = waiting.shift(); path; path = waiting.shift()) {
      const { success, output } = await test(path, options);
      if (success) write(output);
      else failed.push(output);
    }
  }));
  failed.forEach(write);
  console.log(`${failed.length > 0 ? "FAILED" : "ok"} after ${seconds(started)} s`);
  Deno.exit(failed.length > 0 ? 1 : 0);
}

/** The folders of tests, those that take longest first. */
export function foldersOfTests(): string[] {
  const names = [...Deno.readDirSync(join(root, "tests"))].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name).filter((name) => hasTests(join(root, "tests", name)));
  const rank = (name: string) => first.includes(name) ? first.indexOf(name) : first.length;
  return names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)).map((name) => `tests/${name}`);
}

/** Runs the tests below a path. Resolves to whether they have passed, and to all that they printed. */
async function test(path: string, options: readonly string[]): Promise<{ success: boolean; output: Uint8Array }> {
  const started = performance.now();
  console.log(`== ${path}`);
  const args = ["test", "-A", "--no-check", path, ...options];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  const end = new TextEncoder().encode(`== ${path} ${success ? "done" : "FAILED"} after ${seconds(started)} s\n`);
  return { success, output: new Uint8Array(await new Blob([stderr, stdout, end]).arrayBuffer()) };
}

/** All of a block: a pipe takes as much as it has room for. */
function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(0);
}

function hasTests(folder: string): boolean {
  return [...Deno.readDirSync(folder)].some(({ name, isDirectory }) =>
    isDirectory ? hasTests(join(folder, name)) : name.endsWith("_test.ts")
  );
}
