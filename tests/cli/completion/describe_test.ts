import assert from "node:assert/strict";
import type { Command as Commander } from "commander";
import { describeCommand } from "../../../lib/cli/completion/describe.ts";
import type { CommandDescription } from "../../../lib/cli/completion/description.ts";
import program from "../../../lib/cli/completion/program.json" with { type: "json" };
import { wholeProgram } from "../../../lib/cli/main.ts";
import { importsOf } from "../../house/sources.ts";

Deno.test("What completion knows of the program's commands is what the program has (deno task generate)", async () => {
  assert.deepEqual(program, JSON.parse(JSON.stringify(describeCommand(await wholeProgram()))));
});

Deno.test("Every option and every choice of every command can be completed", async () => {
  compare(await wholeProgram(), program as CommandDescription);
});

/** Holds a description to the command line itself, without the help that the description is read from. */
function compare(command: Commander, described: CommandDescription): void {
  assert.equal(described.name, command.name());
  const options = new Map(described.options.map((option) => [option.names[0], option]));
  for (const { long, short, argChoices, required } of command.options) {
    const option = options.get(long!);
    assert.ok(option, `${command.name()} ${long}`);
    assert.ok(!short || option.names.includes(short));
    assert.equal(option.value !== undefined, required, `${command.name()} ${long}`);
    if (argChoices) assert.deepEqual(option.value, argChoices);
  }
  assert.equal(described.args.length, command.registeredArguments.length);
  assert.equal(described.commands.length, command.commands.length);
  for (const child of command.commands) compare(child, described.commands.find(({ name }) => name === child.name())!);
}

Deno.test("The answer to a TAB loads no package, no wire and no driver", async () => {
  const seen = new Set(["lib/cli/completion/complete.ts"]);
  for (let fresh = [...seen]; fresh.length > 0;) {
    const targets = (await importsOf(fresh)).map(({ target }) => target);
    fresh = [...new Set(targets)].filter((target) => target.endsWith(".ts") && !seen.has(target));
    for (const target of targets) {
      assert.doesNotMatch(target, /^npm:|^lib\/(?:wire|contract|interfaces)\/|^node:(?!path$|os$)/);
      seen.add(target);
    }
  }
});
