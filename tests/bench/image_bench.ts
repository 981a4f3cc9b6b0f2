/**
 * Images into a file on a tmpfs, so that no disk is measured: ours, which reads them back, Python's, and the tools of the
 * system, which prove nothing. What the exporter and the client hold meanwhile is measured as well.
 *
 * @module
 */
import { join } from "node:path";
import { noise } from "../hardware/media.ts";
import type { PythonPeer } from "../interop/python.ts";
import { type Contender, ours, pythonOf, start, writeConfig } from "./contenders.ts";
import { clearPeakMemory, peakMemoryMiB, type Program, runToEnd, runWatched } from "./processes.ts";
import type { Bench, Requirement, Samples } from "./ratios.ts";

const MiB = 1024 * 1024;
const imageBytes = 512 * MiB;
/** Most memory that an exporter and a client may take, with a source of zstd and with any other. */
const mostMiB = { zst: 180, other: 150 };

/** How archives are made: as by default, except that it takes less time. The dictionary of xz is that of `xz -6`. */
const archives = {
  xz: ["xz", "-T2", "--lzma2=preset=0,dict=8MiB"],
  zst: ["zstd", "-q", "-T2"],
  gz: ["gzip", "-1"],
} as const;
type Archive = keyof typeof archives;
const sources = ["img", ...Object.keys(archives)] as ("img" | Archive)[];

/** A requirement on a rate. */
function rate(what: string, ours: string, other: string, ratio: number): Requirement {
  return { what, unit: "MB/s", ours, other, moreIsBetter: true, ratio };
}

const requirements: Requirement[] = [
  rate("verified, to Python's, which is not", "ours img", "python img", 2.5),
  rate("not verified, to Python's", "ours not verified", "python img", 3.5),
  rate("verified, to dd and openssl dgst", "ours img", "dd and openssl", 0.6),
  rate("an .xz, verified, to xz -T1 -dc and dd", "ours xz", "xz -T1 -dc", 1 / 1.3),
  rate("a .zst, verified, to zstd -dc", "ours zst", "zstd -dc", 1 / 2),
  rate("Python's client on ours, to its own", "mixed img", "python img", 1.3),
  ...sources.flatMap((source) =>
    ["exporter", "client"].map((side) => ({
      what: `most memory of the ${side}, .${source}`,
      unit: "MiB",
      ours: `${side} ${source}`,
      other: `allowed ${source}`,
      ratio: 1,
    }))
  ),
];

/** The bench of images. */
export const images: Bench = (peer) => {
  const folder = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "jumpstarter-bench-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const image = join(folder, "image");
  makeImage(image);
  return { requirements, round: (samples) => round(peer, folder, image, samples) };
};

async function round(peer: PythonPeer, folder: string, image: string, samples: Samples): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const config = writeConfig(folder, "images", ["flasher: { type: jumpstarter_driver_opendal.driver.MockFlasher }"]);
  const onTmpfs = ({ exporter, ...more }: Contender): Contender => ({
    ...more,
    exporter(config, port) {
      const { words, env } = exporter(config, port);
      return { words, env: { ...env, TMPDIR: folder } };
    },
  });
  const python = pythonOf(peer);
  const own = stack.use(await start(onTmpfs(ours), config));
  const theirs = stack.use(await start(onTmpfs(python), config));
  const target = join(folder, "target");
  const timed = async (name: string, program: Program) => {
    const { ms } = await runToEnd(program);
    samples.add(name, imageBytes / 1000 / ms);
  };
  const shell = (script: string): Program => ({ words: ["sh", "-c", script, "sh", image, target] });

  await timed("dd and openssl", shell('dd if="$1" of="$2" bs=1M status=none && openssl dgst -sha256 "$2"'));
  await timed("xz -T1 -dc", shell('xz -T1 -dc "$1.xz" | dd of="$2" bs=1M status=none'));
  await timed("zstd -dc", shell('zstd -q -dc "$1.zst" > "$2"'));
  Deno.removeSync(target);
  for (const source of sources) {
    const file = source === "img" ? image : `${image}.${source}`;
    clearPeakMemory(own.pid);
    const { ms, peakMiB } = await runWatched(ours.client(own.host, ["flasher", "flash", file]));
    samples.add(`ours ${source}`, imageBytes / 1000 / ms);
    samples.add(`client ${source}`, peakMiB);
    samples.add(`exporter ${source}`, peakMemoryMiB(own.pid));
    samples.add(`allowed ${source}`, source === "zst" ? mostMiB.zst : mostMiB.other);
  }
  await timed("ours not verified", ours.client(own.host, ["flasher", "flash", image, "--no-verify"]));
  await timed("mixed img", python.client(own.host, ["flasher", "flash", image]));
  await timed("python img", python.client(theirs.host, ["flasher", "flash", image]));
}

/** An image that compresses to about a half, as people's do, and archives of it. */
function makeImage(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  for (let at = 0; at < imageBytes; at += MiB) {
    const part = noise(MiB, at / MiB + 1);
    for (let byte = MiB / 2; byte < MiB; byte++) part[byte] = 97 + part[byte] % 16;
    file.writeSync(part);
  }
  for (const [ending, [program, ...args]] of Object.entries(archives)) {
    const words = [program, ...args].join(" ");
    const { success } = new Deno.Command("sh", { args: ["-c", `${words} -c "$1" > "$1.${ending}"`, "sh", path] })
      .outputSync();
    if (!success) throw new Error(`${words} has failed`);
  }
}
