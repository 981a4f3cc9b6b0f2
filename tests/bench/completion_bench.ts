/**
 * Measures how long a TAB takes to be answered by the executable, of a board with many drivers:
 *
 *     deno run -A tests/bench/completion_bench.ts [EXECUTABLE [RUNS]]
 *
 * First the process that answers, its start included; that of `/bin/true` stands beside it, because shared machines
 * swing. Then all of it, in each shell that is installed, in a pseudo-terminal: from the key being pressed to the rest
 * of the word being on the screen. All are interleaved.
 *
 * @module
 */
import { resolve } from "node:path";
import { BoardCache } from "../../lib/cli/completion/board_cache.ts";
import type { CommandDescription } from "../../lib/cli/completion/description.ts";
import { isInstalled, openTerminal, shells } from "../system/terminal.ts";

const executable = resolve(Deno.args[0] ?? "build/jumpstarter");
const runs = Number(Deno.args[1] ?? 100);
/** What every driver's name ends in: long enough to be recognized on a screen. */
const ending = "on-the-bench";
const killLine = "\x15";

/** What is measured, and what happens before and after it. */
interface Case {
  before?(): Promise<void>;
  measured(): void | Promise<void>;
  after?(): Promise<void>;
}

/** A board of that many drivers, each with ten commands of three options. */
function board(drivers: number): CommandDescription[] {
  const of = (name: string, more: Partial<CommandDescription>): CommandDescription => ({
    name,
    summary: `What ${name} is for, in a few words`,
    options: [],
    args: [],
    commands: [],
    ...more,
  });
  const options = ["--json", "--timeout", "--count"].map((name) => ({ names: [name], summary: `About ${name}` }));
  const commands = Array.from({ length: 10 }, (_, index) => of(`command-${index}`, { options }));
  return Array.from({ length: drivers }, (_, index) => of(`driver-${index}-${ending}`, { commands }));
}

function processCase(program: string, ...args: string[]): Case {
  return {
    measured() {
      const { success } = new Deno.Command(program, { args, env, stdout: "null", stderr: "inherit" }).outputSync();
      if (!success) throw new Error(`${program} failed`);
    },
  };
}

const folder = await Deno.makeTempDir();
const bin = `${folder}/bin`;
const env = { HOME: folder, XDG_CACHE_HOME: folder, HISTFILE: "", EDITOR: "", PATH: `${bin}:${Deno.env.get("PATH")}` };
await using opened = new AsyncDisposableStack();
opened.defer(() => Deno.remove(folder, { recursive: true }));
Deno.mkdirSync(bin);
Deno.symlinkSync(executable, `${bin}/jumpstarter`);
for (const drivers of [10, 100]) {
  new BoardCache(`${folder}/jumpstarter/boards`).remember(`pi:${drivers}`, "", board(drivers));
}

const cases: Record<string, Case> = {
  "/bin/true": processCase("/bin/true"),
  "version": processCase(executable, "version"),
  "answer: a command": processCase(executable, "__complete", "zsh", "jumpstarter", "=exp"),
  "answer: one of 10 drivers": processCase(executable, "__complete", "zsh", "j", "--host", "pi:10", "=driver-5"),
  "answer: one of 100 drivers": processCase(executable, "__complete", "zsh", "j", "--host", "pi:100", "=driver-50"),
};
for (const [shell, { words, load }] of Object.entries(shells)) {
  if (!await isInstalled(shell) || !await isInstalled("script")) {
    console.error(`${shell} or script is not installed: TAB in ${shell} is not measured`);
    continue;
  }
  const terminal = opened.use(openTerminal(words, env, folder));
  await terminal.run(load);
  // fish would show the rest of the word before the key is pressed.
  if (shell === "fish") await terminal.run("set -g fish_autosuggestion_enabled 0");
  for (const drivers of [10, 100]) {
    const beginning = `driver-${drivers / 2}`;
    cases[`${shell}: one of ${drivers} drivers`] = {
      before: () => terminal.type(`j --host pi:${drivers} ${beginning}`, beginning),
      measured: () => terminal.type("\t", ending),
      after: () => terminal.type(killLine, ""),
    };
  }
}

const times = new Map(Object.keys(cases).map((name) => [name, [] as number[]]));
for (let run = -5; run < runs; run++) {
  for (const [name, { before, measured, after }] of Object.entries(cases)) {
    await before?.();
    const started = performance.now();
    await measured();
    const time = performance.now() - started;
    await after?.();
    if (run >= 0) times.get(name)!.push(time);
  }
}
for (const [name, all] of times) {
  all.sort((a, b) => a - b);
  const at = (share: number) => all[Math.floor(share * all.length)].toFixed(1).padStart(6);
  console.log(`${name.padEnd(26)} p50 ${at(0.5)} ms   p95 ${at(0.95)} ms   least ${at(0)} ms`);
}
