/**
 * Speed and memory as ratios to Python's own programs, measured in the same run:
 *
 *     deno task bench [calls] [streams] [images] [--repeat N]
 *
 * Set JUMPSTARTER_BIN to measure the executable; left out, the checkout is measured. The library and the yardsticks run
 * under the Deno that the executable was made with, where JUMPSTARTER_DENORT_DIR holds it. Figures are medians of the
 * rounds, in which the contenders take turns. Ends with 1 when a ratio is lower than it has to be.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { pythonPeer } from "../interop/python.ts";
import { isExecutable, programWords } from "../system/program.ts";
import { calls } from "./call_bench.ts";
import { ourLibrary } from "./contenders.ts";
import { images } from "./image_bench.ts";
import { report, Samples } from "./ratios.ts";
import { streams } from "./stream_bench.ts";

const benches = { calls, streams, images };

const { values, positionals } = parseArgs({
  options: { repeat: { type: "string", default: "3" } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !Object.hasOwn(benches, name));
if (unknown) {
  console.error(`Unknown bench "${unknown}"; expected ${Object.keys(benches).join(" or ")}`);
  Deno.exit(2);
}
const chosen = Object.entries(benches).filter(([name]) => positionals.length === 0 || positionals.includes(name));
const peer = await pythonPeer("0.9.0");
if (!peer) Deno.exit(1);

if (!isExecutable) console.log("JUMPSTARTER_BIN is not set: this measures the checkout, not the executable");
const { deno, library } = ourLibrary();
const { stdout } = new Deno.Command(deno, { args: ["--version"] }).outputSync();
console.log(`Program: ${programWords.join(" ")}`);
console.log(`Library: ${library} on ${new TextDecoder().decode(stdout).split("\n")[0]}`);

for (const [name, bench] of chosen) {
  const scratch = Deno.makeTempDirSync({ prefix: "jumpstarter-bench-" });
  try {
    const { requirements, round } = bench(peer, scratch);
    // What is read for the first time comes from the disk: the first round does not count.
    await round(new Samples());
    const samples = new Samples();
    for (let left = Number(values.repeat); left > 0; left--) await round(samples);
    console.log(`\n${name}`);
    if (!report(requirements, samples)) Deno.exitCode = 1;
  } finally {
    Deno.removeSync(scratch, { recursive: true });
  }
}
