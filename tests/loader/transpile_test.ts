import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { transpiled } from "../../lib/loader/transpile.ts";
import { folderOf } from "../folder.ts";

async function load(path: string): Promise<Record<string, unknown>> {
  return await import(await transpiled(pathToFileURL(path)));
}

Deno.test("Types are stripped from a module and from all that it imports by a relative path", async () => {
  using folder = await folderOf({
    "main.ts": `
      import type { Gone } from "./no_such_file.ts";
      import { type Also, double } from "./parts/double.ts";
      export * from "./parts/constants.ts";
      export { name as renamed } from "./plain.js";
      const start: number = 20 as number;
      export const result: Gone | number = double(start) satisfies number;
      export const also: Also = { value: 1 };
    `,
    "parts/double.ts": `
      import { factor } from "../factor.mts";
      export interface Also { value: number }
      export function double<T extends number>(value: T): number { return value * factor; }
    `,
    "parts/constants.ts": "export const volts: number = 5;\n",
    "factor.mts": "export const factor: number = 2;\n",
    "plain.js": "export const name = 'plain';\n",
  });
  const { result, volts, renamed, also } = await load(`${folder.path}/main.ts`);
  assert.deepEqual([result, volts, renamed, also], [40, 5, "plain", { value: 1 }]);
});

Deno.test("A dynamic import of a relative path is followed, one of a computed path is left alone", async () => {
  using folder = await folderOf({
    "main.ts": `
      export const late = async (): Promise<number> => (await import("./late.ts")).value;
      export const computed = (name: string) => import(name);
    `,
    "late.ts": "export const value: number = 7;\n",
  });
  const { late, computed } = await load(`${folder.path}/main.ts`) as {
    late(): Promise<number>;
    computed(name: string): Promise<{ basename: unknown }>;
  };
  assert.equal(await late(), 7);
  assert.equal(typeof (await computed("node:path")).basename, "function");
});

Deno.test("A module sees its own place, not that of the cache", async () => {
  using folder = await folderOf({
    "main.ts": `
      export const { url, filename, dirname }: ImportMeta = import.meta;
      export const data: string = Deno.readTextFileSync(new URL("./data.txt", import.meta.url));
      export const beside: string = import.meta.resolve("./data.txt");
    `,
    "data.txt": "volts",
  });
  const path = await Deno.realPath(folder.path);
  const seen = await load(`${path}/main.ts`);
  assert.deepEqual({ ...seen }, {
    url: pathToFileURL(`${path}/main.ts`).href,
    filename: `${path}/main.ts`,
    dirname: path,
    data: "volts",
    beside: pathToFileURL(`${path}/data.txt`).href,
  });
});

Deno.test("Modules may import each other in a circle", async () => {
  using folder = await folderOf({
    "a.ts": 'import { b } from "./b.ts";\nexport const a = (): number => b() + 1;\nexport const one: number = 1;\n',
    "b.ts": 'import { one } from "./a.ts";\nexport const b = (): number => one;\n',
  });
  const { a } = await load(`${folder.path}/a.ts`) as { a(): number };
  assert.equal(a(), 2);
});

Deno.test("A module that has changed is transpiled again, and its importer sees it", async () => {
  using folder = await folderOf({
    "main.ts": 'export { volts } from "./volts.ts";\n',
    "volts.ts": "export const volts: number = 5;\n",
  });
  const main = pathToFileURL(`${folder.path}/main.ts`);
  const text = async () => Deno.readTextFileSync(new URL(await transpiled(main)));
  const before = await text();
  await Deno.writeTextFile(`${folder.path}/volts.ts`, "export const volts: number = 12;\n");
  assert.notEqual(await text(), before);
});

Deno.test("What stripping cannot do is refused with the reason", async () => {
  using folder = await folderOf({
    "enum.ts": "enum State { on, off }\nexport default State;\n",
    "parameter.ts": "export class Relay { constructor(private line: number) {} }\n",
    "importer.ts": 'import "./enum.ts";\n',
  });
  const hint = "Types are stripped, not compiled: enums, namespaces and parameter properties are not available";
  for (
    const [file, culprit] of [["enum.ts", "enum.ts"], ["parameter.ts", "parameter.ts"], ["importer.ts", "enum.ts"]]
  ) {
    await assert.rejects(transpiled(pathToFileURL(`${folder.path}/${file}`)), {
      code: "invalid_argument",
      message: new RegExp(`^${folder.path}/${culprit}:1:\\d+: .*not supported`),
      hint,
    });
  }
});

Deno.test("An import of a file that is not there is refused with the importer", async () => {
  using folder = await folderOf({ "main.ts": 'import "./part.ts";\n', "part.ts": 'import "./missing.ts";\n' });
  await assert.rejects(transpiled(pathToFileURL(`${folder.path}/main.ts`)), {
    code: "invalid_argument",
    message: new RegExp(`^${folder.path}/part.ts imports ${folder.path}/missing.ts: No such file`),
  });
});

Deno.test("A module that fails names itself in its stack", async () => {
  using folder = await folderOf({ "main.ts": "type Volts = number;\nthrow new Error('No relay');\n" });
  const error = await load(`${folder.path}/main.ts`).catch((error) => error);
  assert.match(error.stack, /\/main\.ts\.[0-9a-f]+\.mjs:2:7/);
});

Deno.test("A syntax error is refused with its place, and no hint about types", async () => {
  using folder = await folderOf({ "broken.ts": "export default {\n  name: 5 5,\n};\n" });
  await assert.rejects(transpiled(pathToFileURL(`${folder.path}/broken.ts`)), {
    code: "invalid_argument",
    message: new RegExp(`^${folder.path}/broken.ts:2:11: `),
    hint: undefined,
  });
});
