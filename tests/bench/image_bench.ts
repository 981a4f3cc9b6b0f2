/**
 * How fast an image is written and proven, beside `dd` followed by `openssl dgst -sha256`, which prove nothing:
 *
 *     deno run -A tests/bench/image_bench.ts [--size MIB] [--repeat N] [--folder FOLDER]
 *
 * The folder should be on a tmpfs, so that no disk is measured. It prints medians, their ratio, and the most memory that
 * this process took.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { writeImage } from "../../lib/hardware/image_writer.ts";
import { noise, run } from "../hardware/media.ts";

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "512" },
    repeat: { type: "string", default: "5" },
    folder: { type: "string", default: "/dev/shm" },
  },
});
const bytes = Number(values.size) * 1024 ** 2;
const folder = Deno.makeTempDirSync({ dir: values.folder, prefix: "jumpstarter-bench-" });
const [image, target] = [`${folder}/image`, `${folder}/target`];

const ways: Record<string, () => Promise<unknown>> = {
  "dd + openssl": async () => {
    await spawn("dd", `if=${image}`, `of=${target}`, "bs=1M", "status=none");
    await spawn("openssl", "dgst", "-sha256", target);
  },
  "writeImage, verified": () => write(true),
  "writeImage, not verified": () => write(false),
};

try {
  makeImage();
  const times = Object.fromEntries(Object.keys(ways).map((way) => [way, [] as number[]]));
  for (let round = 0; round < Number(values.repeat); round++) {
    for (const [way, go] of Object.entries(ways)) {
      const started = performance.now();
      await go();
      times[way].push(performance.now() - started);
      Deno.removeSync(target);
    }
  }
  const [reference] = Object.values(times).map(median);
  for (const [way, taken] of Object.entries(times)) {
    const ms = median(taken);
    const rate = bytes / 1024 ** 2 / (ms / 1000);
    console.log(
      `${way.padEnd(26)} ${ms.toFixed(0).padStart(6)} ms  ${rate.toFixed(0).padStart(6)} MiB/s  ${
        (reference / ms).toFixed(2)
      } of dd + openssl`,
    );
  }
  console.log(Deno.readTextFileSync("/proc/self/status").match(/VmHWM.*/)![0]);
} finally {
  Deno.removeSync(folder, { recursive: true });
}

async function write(verify: boolean): Promise<void> {
  using file = Deno.openSync(image);
  const source = {
    async next() {
      const buffer = new Uint8Array(256 * 1024);
      const count = await file.read(buffer);
      return count === null ? undefined : buffer.subarray(0, count);
    },
  };
  await writeImage(source, target, { create: true, verify, size: bytes });
}

/** Not all of the same, and no zeros: both would be faster than what people have. */
function makeImage(): void {
  using file = Deno.openSync(image, { write: true, create: true });
  for (let at = 0; at < bytes; at += 1024 ** 2) file.writeSync(noise(1024 ** 2, at / 1024 ** 2 + 1));
  run("sync", folder);
}

async function spawn(program: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (!success) throw new Error(`${program} has failed`);
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
