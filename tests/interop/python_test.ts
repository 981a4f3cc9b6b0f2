import assert from "node:assert/strict";
import { peerTest, pythonPeer, type PythonVersion, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const config = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: bench }
export:
  power: { type: jumpstarter_driver_power.driver.MockPower }
`;

const client = `
from jumpstarter.utils.env import env

with env() as client:
    client.power.on()
    print([(reading.voltage, reading.current) for reading in client.power.read()])
`;

const pairs: [PythonVersion, PythonVersion, "tcp" | "unix"][] = [
  ["0.9.0", "0.9.0", "tcp"],
  ["0.9.0", "0.9.0", "unix"],
  ["0.7.4", "0.7.4", "unix"],
  ["0.9.0", "0.7.4", "unix"],
  ["0.7.4", "0.9.0", "unix"],
];

for (const [clientVersion, exporterVersion, transport] of pairs) {
  const clientPeer = await pythonPeer(clientVersion);
  const exporterPeer = await pythonPeer(exporterVersion);
  const name = `Python's ${clientVersion} client drives Python's ${exporterVersion} exporter over ${transport}`;
  peerTest(clientPeer && exporterPeer, name, async (exporterPeer) => {
    await using exporter = await startPythonExporter(exporterPeer, config, transport);
    const printed = await runPython(clientPeer!, client, { host: exporter.host });
    assert.equal(printed, "[(0.0, 0.0), (5.0, 2.0)]\n");
  });
}

const peer = await pythonPeer("0.9.0");

peerTest(peer, "startPythonExporter() fails with what the exporter wrote when its config is wrong", async (peer) => {
  for (const transport of ["tcp", "unix"] as const) {
    await assert.rejects(startPythonExporter(peer, "kind: Nothing", transport), /metadata/);
  }
});

peerTest(peer, "runPython() fails with what the script wrote when it ends with another code than 0", async (peer) => {
  await assert.rejects(runPython(peer, "raise SystemExit('no such thing')"), /ended with 1:\nno such thing/);
});

peerTest(peer, "runPython() kills a script that exceeds its limit", async (peer) => {
  await assert.rejects(
    runPython(peer, "import threading; threading.Event().wait()", { limitMs: 500 }),
    /The Python script took longer than 500 ms/,
  );
});
