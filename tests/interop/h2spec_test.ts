/** The conformance tests of HTTP/2, RFC 7540 and RFC 7541, against a whole exporter. @module */
import assert from "node:assert/strict";
import { startExporter, temporaryFolder } from "../system/program.ts";
import { goProgram } from "./go.ts";

const h2spec = await goProgram("github.com/summerwind/h2spec/cmd/h2spec", "v2.2.1+incompatible");

/**
 * The one case that cannot pass: it sends a HEADERS frame of 16 385 bytes and takes that for more than the limit, whatever
 * SETTINGS_MAX_FRAME_SIZE the exporter has announced.
 */
const assumesSmallFrames = "Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE";

const config = "metadata: {name: h2spec}\nexport: {power: {type: mock-power}}\n";

const variants: [over: string, exporterWords: string[], h2specWords: string[]][] = [
  ["TCP", [], []],
  ["TLS", ["--tls-self-signed"], ["-t", "-k"]],
];
for (const [over, exporterWords, h2specWords] of variants) {
  Deno.test({
    name: `h2spec, strict, finds one failure over ${over}: the case that assumes frames of 16 KiB`,
    ignore: !h2spec,
    async fn() {
      using folder = temporaryFolder();
      const env = { XDG_STATE_HOME: folder.path };
      await using exporter = await startExporter(folder.file("h2spec.yaml", config), exporterWords, { env });
      const [host, port] = exporter.address.split(":");
      const args = ["--strict", "--host", host, "--port", port, "--timeout", "5", ...h2specWords];
      const said = new TextDecoder().decode((await new Deno.Command(h2spec!, { args }).output()).stdout);
      const [, failures] = said.split("Failures:");
      const failed = [...(failures ?? said).matchAll(/× \d+: (.*)/g)].map(([, title]) => title);
      assert.deepEqual(failed, [assumesSmallFrames], said);
      assert.match(said, /^146 tests, 145 passed, 0 skipped, 1 failed$/m);
    },
  });
}
