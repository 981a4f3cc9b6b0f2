import assert from "node:assert/strict";
import { candidatesFor } from "../../../lib/cli/completion/candidates.ts";
import type { CommandDescription } from "../../../lib/cli/completion/description.ts";

function command(name: string, more: Partial<CommandDescription> = {}): CommandDescription {
  return { name, summary: `About ${name}`, options: [], args: [], commands: [], ...more };
}

const json = { names: ["--json"], summary: "print JSON" };
const target = { names: ["--target", "-t"], summary: "where to", value: ["emmc", "sd", "ssd"] };
const flash = command("flash", { options: [json, target], args: [{ value: "file" }, { value: ["fast", "safe"] }] });
const power = command("power", { commands: [command("on"), command("off"), command("call", { lesser: true })] });
const board = command("board", { commands: [power, flash, command("do.t"), command("-dash")] });
const shell = command("shell", { options: [json], args: [{ value: "program", variadic: true }] });
const root = command("root", {
  options: [json, { names: ["--file"], summary: "", value: "file" }],
  commands: [board, shell, command("plain")],
});

function offered(line: string): string {
  const words = line.split(" ");
  const { files, words: found } = candidatesFor(root, words.slice(0, -1), words.at(-1)!, ({ commands }) => commands);
  return [...found.map(({ word }) => word), ...(files ? ["(files)"] : [])].join(" ");
}

const cases: Record<string, string> = {
  "": "board shell plain",
  "b": "board",
  "board ": "power flash",
  "board.": "board.power board.flash",
  "board.p": "board.power",
  "board.power o": "on off",
  "board power c": "call",
  "none ": "",
  "none.": "",
  "plain ": "",
  "--": "--json --file",
  "--json --": "--file",
  "--file ": "(files)",
  "--file=x": "(files)",
  "board flash --target s": "sd ssd",
  "board flash -t ": "emmc sd ssd",
  "board flash -tsd --": "--json",
  "board flash --target=s": "--target=sd --target=ssd",
  "board flash --target sd --": "--json",
  "board flash ": "(files)",
  "board flash image ": "fast safe",
  "board flash --json image sa": "safe",
  "board flash image fast ": "--json --target",
  "board flash -- --": "(files)",
  "board flash -": "--json --target",
  "board flash --nothing=": "",
  "shell --j": "--json",
  "shell ls ": "(files)",
  "shell ls --": "(files)",
  "shell -- --": "(files)",
};

for (const [line, expected] of Object.entries(cases)) {
  Deno.test(`After "${line}" fit: ${expected || "nothing"}`, () => assert.equal(offered(line), expected));
}

Deno.test("The commands of a board are asked for with the options that stand before it", () => {
  const client = command("client", { options: [{ names: ["--host"], summary: "", value: "text" }] });
  const boards: Record<string, CommandDescription[]> = { "pi:1": [power], "pi:2": [flash] };
  const grow = (of: CommandDescription, given: Record<string, string>) =>
    of === client ? boards[given["--host"]] ?? [] : of.commands;
  const words = (...before: string[]) => candidatesFor(client, before, "", grow).words.map(({ word }) => word);
  assert.deepEqual(words("--host", "pi:1"), ["power"]);
  assert.deepEqual(words("--host=pi:2"), ["flash"]);
  assert.deepEqual(words("--host", "pi:1", "power"), ["on", "off"]);
  assert.deepEqual(words("--host", "pi:3"), []);
});
