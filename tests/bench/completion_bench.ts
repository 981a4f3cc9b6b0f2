/**
 * Measures how long a TAB takes to be answered by the executable, of a board with many drivers:
 *
 *     deno run -A tests/bench/completion_bench.ts [EXECUTABLE [RUNS]]
 *
 * The start of a process is part of it; that of `/bin/true` stands beside it, interleaved, because shared machines swing.
 *
 * @module
 */
import { BoardCache } from "../../lib/cli/completion/board_cache.ts";
import type { CommandDescription } from "../../lib/cli/completion/description.ts";

const executable = Deno.args[0] ?? "build/jumpstarter";
const runs = Number(Deno.args[1] ?? 100);

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
  return Array.from({ length: drivers }, (_, index) => of(`driver-${index}`, { commands }));
}

function timeOf(program: string, args: string[]): number {
  const started = performance.now();
  const { success } = new Deno.Command(program, { args, env, stdout: "null", stderr: "inherit" }).outputSync();
  if (!success) throw new Error(`${program} failed`);
  return performance.now() - started;
}

const folder = await Deno.makeTempDir();
const env = { XDG_CACHE_HOME: folder };
try {
  for (const drivers of [10, 100]) {
    new BoardCache(`${folder}/jumpstarter/boards`).remember(`pi:${drivers}`, "", board(drivers));
  }
  const cases: Record<string, [string, string[]]> = {
    "/bin/true": ["/bin/true", []],
    "version": [executable, ["version"]],
    "TAB: a command": [executable, ["__complete", "zsh", "jumpstarter", "=exp"]],
    "TAB: one of 10 drivers": [executable, ["__complete", "zsh", "j", "--host", "pi:10", "=driver-5"]],
    "TAB: one of 100 drivers": [executable, ["__complete", "zsh", "j", "--host", "pi:100", "=driver-50"]],
  };
  const times = new Map(Object.keys(cases).map((name) => [name, [] as number[]]));
  for (let run = -5; run < runs; run++) {
    for (const [name, [program, args]] of Object.entries(cases)) {
      const time = timeOf(program, args);
      if (run >= 0) times.get(name)!.push(time);
    }
  }
  for (const [name, all] of times) {
    all.sort((a, b) => a - b);
    const at = (share: number) => all[Math.floor(share * all.length)].toFixed(1).padStart(6);
    console.log(`${name.padEnd(26)} p50 ${at(0.5)} ms   p95 ${at(0.95)} ms   least ${at(0)} ms`);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
