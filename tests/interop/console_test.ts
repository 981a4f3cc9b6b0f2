/** Our console at Python's exporter, in a real terminal. */
import { linkNamesOf } from "../system/names.ts";
import { isolated, temporaryFolder } from "../system/program.ts";
import { isInstalled, openTerminal } from "../system/terminal.ts";
import { peerTest, pythonPeer } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const peer = await pythonPeer("0.9.0");
const hasTerminals = await isInstalled("script") && await isInstalled("bash");

const config = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: python }
endpoint: ""
token: ""
export:
  serial: { type: jumpstarter_driver_pyserial.driver.PySerial, config: { url: "loop://" } }
  power: { type: jumpstarter_driver_power.driver.MockPower }
`;

const name = "Our console at Python's exporter is live only, says so, types, and works the switch beside it";
const terminalTest: typeof peerTest = hasTerminals
  ? peerTest
  : () => Deno.test({ name: `${name} (skipped: no script, or no bash)`, ignore: true, fn() {} });
terminalTest(peer, name, async (peer) => {
  await using exporter = await startPythonExporter(peer, config, "tcp");
  using folder = temporaryFolder();
  const env = {
    ...isolated(),
    JUMPSTARTER_HOST: exporter.host,
    PATH: `${linkNamesOf(folder.path)}:${Deno.env.get("PATH")}`,
  };
  await using terminal = openTerminal("bash --norc --noprofile", env, folder.path);
  await terminal.run("stty -a >before");
  const line = `serial start-console; echo "code"":$?"; stty -a >after; cmp before after && echo "as it"" was"\n`;
  await terminal.type(`j ${line}`, "This exporter keeps no history");
  await terminal.type("said to a loop", "said to a loop");
  await terminal.type("\x1d1", "-- power: on now");
  await terminal.type("\x1ds", "File to write: ");
  await terminal.type("log\r", "This exporter keeps no history of its console");
  await terminal.type("\x1db", "This console cannot send a break");
  await terminal.type("\x1dt", "cannot keep others from it");
  await terminal.type("\x02\x02\x02", "code:0\nas it was");
});
