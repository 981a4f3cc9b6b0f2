/**
 * Writes what the bundled drivers' definitions know into the documents: the head of each driver's README and the table in
 * the main one.
 *
 *     deno run -A scripts/driver_docs.ts            write them
 *     deno run -A scripts/driver_docs.ts --check    write nothing; fail where they are stale
 *
 * @module
 */
import { dirname, join } from "node:path";
import { bundledDrivers } from "../drivers/table.ts";
import { parameterOf } from "../lib/cli/parameter.ts";
import { keysOf } from "../lib/core/issues.ts";
import type { AnyDriver } from "../lib/contract/driver.ts";
import { type Method, wireNameOf } from "../lib/contract/method.ts";
import { pythonClientOf } from "../lib/contract/interface.ts";

const root = dirname(import.meta.dirname!);
const check = Deno.args.includes("--check");
const stale: string[] = [];

const rows: string[] = [];
for (const [name, { python, load }] of Object.entries(bundledDrivers)) {
  const driver = (await load()).default;
  const folder = join(root, "drivers", name.replaceAll("-", "_"));
  const example = await Deno.readTextFile(join(folder, "example.yaml"));
  await update(join(folder, "README.md"), "driver", head(driver, python, example), `# ${name}`);
  const link = `[${name}](drivers/${name.replaceAll("-", "_")}/README.md)`;
  rows.push(`| ${link} | ${driver.implements.name} | ${driver.summary} |`);
}
const table = ["| `type:` | interface | what it is |", "| --- | --- | --- |", ...rows].join("\n");
await update(join(root, "README.md"), "drivers", table);

if (stale.length > 0) {
  console.error(`Stale, run deno task generate: ${stale.join(", ")}`);
  Deno.exit(1);
}

function head(driver: AnyDriver, python: readonly string[], example: string): string {
  const { implements: definition, config, summary } = driver;
  const options = keysOf(config).map((key) => {
    const { kind, required, default: fallback, choices, description } = parameterOf(config.shape[key]);
    const type = choices
      ? choices.map((choice) => `\`${choice}\``).join(" or ")
      : { flag: "true or false" }[kind as "flag"] ?? kind;
    return `| \`${key}\` | ${type} | ${
      required ? "required" : fallback === undefined || fallback === null || fallback === "" ? "" : `\`${fallback}\``
    } | ${description} |`;
  });
  const provides = Object.entries((driver.provides ?? {}) as Record<string, { name: string }>);
  const methods = Object.entries(definition.methods as Record<string, Method>).map(([method, it]) =>
    `| \`${wireNameOf(method, it)}(${Object.keys(it.params).join(", ")})\` | ${it.kind} | ${it.summary}${
      it.optional ? " (optional)" : ""
    } |`
  );
  const sections = [
    `${summary}.`,
    `Interface: ${definition.name}. Python's client: \`${driver.pythonClient ?? pythonClientOf(definition)}\`.` +
    (python.length > 0 ? ` Stands for: ${python.map((path) => `\`${path}\``).join(", ")}.` : ""),
    "```yaml\n" + `export:\n${example.trimEnd().replace(/^/gm, "  ")}` + "\n```",
    options.length > 0 && ["| config | type | default | meaning |", "| --- | --- | --- | --- |", ...options].join("\n"),
    provides.length > 0 &&
    `It makes its children itself: ${provides.map(([name, it]) => `\`${name}\` (${it.name})`).join(", ")}.`,
    methods.length > 0 && ["| method | kind | what it does |", "| --- | --- | --- |", ...methods].join("\n"),
  ];
  return sections.filter(Boolean).join("\n\n");
}

/** Replaces what stands between the marks of a file; a file without them, or none at all, gets them. */
async function update(file: string, mark: string, text: string, title?: string): Promise<void> {
  const [begin, end] = [`<!-- ${mark}: begin (deno task generate) -->`, `<!-- ${mark}: end -->`];
  const before = await Deno.readTextFile(file).catch(() => `${title}\n\n${begin}\n${end}\n`);
  const [start, stop] = [before.indexOf(begin), before.indexOf(end)];
  if (start < 0 || stop < 0) throw new Error(`${file} has no marks "${mark}"`);
  const after = await format(`${before.slice(0, start)}${begin}\n\n${text}\n\n${before.slice(stop)}`);
  if (after === before && (await exists(file))) return;
  if (check) stale.push(file.slice(root.length + 1));
  else await Deno.writeTextFile(file, after);
}

async function exists(file: string): Promise<boolean> {
  return await Deno.stat(file).then(() => true, () => false);
}

/** As `deno fmt` has it, so that generated text and formatted text are one. */
async function format(markdown: string): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "--line-width", "120", "-"],
    stdin: "piped",
    stdout: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}
