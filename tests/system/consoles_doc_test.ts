/** The commands of docs/consoles.md, executed in a terminal as they stand there. @module */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { linkNamesOf } from "./names.ts";
import { booted } from "./booted.ts";
import { freePort, pageBlocks } from "./page.ts";
import { benchConfig, isolated } from "./program.ts";
import { isInstalled, openTerminal, type Terminal } from "./terminal.ts";

const missing = await isInstalled("script") && await isInstalled("bash") ? "" : " (skipped: no script, or no bash)";

/** What the script of the page says at its end. */
const script = /```ts\n([\s\S]*?)```/.exec(
  await Deno.readTextFile(new URL("../../docs/consoles.md", import.meta.url)),
)!;

Deno.test({
  name: `the commands of docs/consoles.md run in their order, and none fails${missing}`,
  ignore: missing !== "",
  async fn() {
    using config = await benchConfig();
    const address = `127.0.0.1:${freePort()}`;
    const env = { ...isolated(), PATH: `${linkNamesOf(config.folder)}:${Deno.env.get("PATH")}` };
    await using terminal = openTerminal("bash --norc --noprofile", env, config.folder);
    const lines = (await pageBlocks("consoles.md"))
      .flatMap(({ commands, serving = "" }) => `${commands}${serving}`.trim().split("\n"))
      .map((line) => line.replaceAll("127.0.0.1:7000", address));
    assert.ok(lines.length > 12);
    for (const line of lines) {
      await enter(line, terminal);
      // Who types by hand does not meet the loader's countdown.
      if (line.endsWith("power on")) await booted(address);
    }
    const source = script[1].replaceAll("127.0.0.1:7000", address).replace("./mod.ts", "jumpstarter");
    Deno.writeTextFileSync(`${config.folder}/boot_test.ts`, source);
    const manifest = fileURLToPath(new URL("../../deno.json", import.meta.url));
    const deno = `${Deno.execPath()} run -A --no-check --config ${manifest}`;
    await terminal.type(`${deno} boot_test.ts\n`, "1.0-sim 0\n");
    await terminal.run("kill $(jobs -p); wait");
  },
});

/** Enters a line and sees that it does what its kind does. */
async function enter(line: string, terminal: Terminal): Promise<void> {
  const end = `; echo "code"":$?"\n`;
  if (line.includes("exporter run")) return await terminal.type(`${line}\n`, "Serving ");
  if (line.includes("console pty")) return await terminal.type(`${line}\n`, "./ttyBoard\n");
  if (!line.includes("console console")) return await terminal.type(`${line}${end}`, "code:0");
  await terminal.type(`${line}${end}`, " q leaves");
  await terminal.type(line.includes("^A") ? "\x01q" : "\x1dq", "code:0");
}
