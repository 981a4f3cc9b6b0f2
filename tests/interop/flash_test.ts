/** Flashing with progress and resume, where the other side is Python's and knows of neither. @module */
import assert from "node:assert/strict";
import { connect, flasher } from "../../mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { noise, sha256 } from "../hardware/media.ts";
import { slowLink } from "../slow_link.ts";
import { run, start, startExporter, temporaryFolder } from "../system/program.ts";
import { clientEnv, peerTest, pythonPeer, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const opendal = "jumpstarter_driver_opendal.driver";
const config = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: flash }
export:
  flasher: { type: ${opendal}.MockFlasher }
  sd: { type: ${opendal}.MockStorageMuxFlasher }
  mux: { type: ${opendal}.MockStorageMux }
`;

const peer = await pythonPeer("0.9.0");

peerTest(
  peer,
  "On Python's exporter our commands flash in its way, and say clearly what it cannot do",
  async (peer) => {
    using folder = temporaryFolder();
    const file = `${folder.path}/os.img`;
    const image = noise(1_000_000);
    await Deno.writeFile(file, image);
    await using exporter = await startPythonExporter(peer, config, "tcp");
    const client = (...words: string[]) => run(["client", "--host", exporter.host, ...words]);
    const flashes = [["flasher", "flash"], ["sd", "flash"], ["mux", "write-local-file"]];
    for (const words of flashes) {
      for (const more of [[], ["--no-verify"]]) {
        const { code, stdout, stderr } = await client(...words, file, ...more);
        assert.equal(code, 0, stderr);
        const expected = `Sent ${image.length} bytes, SHA-256 ${
          sha256(image)
        }; the exporter does not tell what it wrote\n`;
        assert.equal(stdout, expected);
      }
      const bmap = folder.file("os.bmap", "<bmap/>");
      for (
        const [what, ...options] of [
          ["resume a flash", "--resume"],
          ["compare before it writes", "--skip-if-same"],
          ["use a bmap", "--bmap", bmap],
        ]
      ) {
        const { code, stderr } = await client(...words, file, ...options);
        assert.equal(code, 1);
        const hint = `Try: Flash without ${options[0]}`;
        const message = `This exporter cannot ${what}: It runs another or an older program`;
        assert.equal(stderr, `Error (driver): ${message}\n  ${hint}\n`);
      }
    }
  },
);

peerTest(peer, "Python's client flashes a disk of our exporter and dumps it", async (peer) => {
  using folder = temporaryFolder();
  const { path } = folder;
  const image = noise(9_000_000);
  await Deno.writeFile(`${path}/os.img`, image);
  const disk = `{ type: disk-flasher, config: { storage_device: ${path}/disk } }`;
  const yaml = folder.file("exporter.yaml", `metadata: { name: disk }\nexport:\n  disk: ${disk}\n`);
  await using exporter = await startExporter(yaml, [], { env: { XDG_STATE_HOME: path } });
  const script = `
import sys
from jumpstarter.utils.env import env
with env() as client:
    client.disk.flash(sys.argv[1])
    client.disk.dump(sys.argv[2])
`;
  await runPython(peer, script, { host: exporter.address, args: [`${path}/os.img`, `${path}/dumped`] });
  assert.deepEqual(await Deno.readFile(`${path}/disk`), image);
  assert.deepEqual(await Deno.readFile(`${path}/dumped`), image);
  // What it wrote is known as the last write, and is no image of ours.
  await using board = await connect({ host: exporter.address }, { disk: flasher });
  const { unfinished, offset, refusal } = await board.disk.flashPlan({ sourceId: "image" });
  assert.deepEqual([unfinished, offset], [false, 0]);
  assert.match(refusal!, /The last write to it was finished$/);
});

peerTest(
  peer,
  "A Python client that is killed in the middle of a mux flash leaves the storage at the device",
  async (peer) => {
    using folder = temporaryFolder();
    const { path } = folder;
    await Deno.writeFile(`${path}/os.img`, noise(60_000_000));
    await using exporter = await startExporter(folder.file("exporter.yaml", config), [], { env: { TMPDIR: path } });
    const port = Number(exporter.address.split(":").at(-1));
    await using link = slowLink(port, { delayMs: 0, bytesPerSecond: 10_000_000 });
    const script = `
import sys
from jumpstarter.utils.env import env
with env() as client:
    client.sd.flash(sys.argv[1])
`;
    const written = withLimit(grown(path, "/storage"), 20_000, "The first bytes on the storage");
    await using flashing = start(["-c", script, `${path}/os.img`], {
      words: [peer.python],
      env: clientEnv(`127.0.0.1:${link.port}`),
      limitMs: 60_000,
    });
    await written;
    assert.doesNotMatch(await exporter.noted("storage at host"), /storage at device/);
    flashing.kill("SIGKILL");
    await flashing.ended;
    await exporter.noted("storage at device");
  },
);

/** Resolves once a file below a folder has anything in it. */
async function grown(folder: string, ending: string): Promise<void> {
  using watcher = Deno.watchFs(folder);
  for await (const { paths } of watcher) {
    const sizes = paths.filter((path) => path.endsWith(ending)).map((path) => Deno.statSync(path).size);
    if (sizes.some((size) => size > 0)) return;
  }
}
