import { dirname, join } from "node:path";

/** A temporary folder with these files, by path. It is removed when disposed. */
export async function folderOf(files: Readonly<Record<string, string>> = {}): Promise<{ path: string } & Disposable> {
  const path = await Deno.makeTempDir({ prefix: "jumpstarter-test-" });
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(path, name)), { recursive: true });
    await Deno.writeTextFile(join(path, name), text);
  }
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
