/** Python's storage client on our exporter and on its own: the same calls, the same outcome. @module */
import assert from "node:assert/strict";
import { hasS3, startS3 } from "../s3_server.ts";
import { startExporter, temporaryFolder } from "../system/program.ts";
import { type RawRequest, rawServer } from "../streams/http1/raw_server.ts";
import { peerTest, pythonPeer, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const config = (root: string, endpoint: string) => `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: storage }
export:
  fs:
    type: jumpstarter_driver_opendal.driver.Opendal
    config: { scheme: fs, kwargs: { root: ${root} }, remove_created_on_close: true }
  memory: { type: jumpstarter_driver_opendal.driver.Opendal, config: { scheme: memory, kwargs: {} } }
  web: { type: jumpstarter_driver_opendal.driver.Opendal, config: { scheme: http, kwargs: { endpoint: "${endpoint}" } } }
`;

/** Serves one file. */
function answer({ line, path }: RawRequest): string {
  if (!path.startsWith("/f.txt")) return "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
  const head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
  return line.startsWith("HEAD") ? head : `${head}0123456789`;
}

/** Where the two differ on purpose. */
const differences: Record<string, string> = {
  // A closed file is empty to Python's exporter.
  'read closed: ""': 'read closed: "ExceptionGroup"',
};

const peer = await pythonPeer("0.9.0");

peerTest(peer, "Python's storage client sees the same on our exporter as on its own, call by call", async (peer) => {
  await using server = rawServer(answer);
  using ours = temporaryFolder();
  using theirs = temporaryFolder();
  const script = await Deno.readTextFile(new URL("./storage.py", import.meta.url));
  const outcome = async (host: string): Promise<[string, unknown][]> => {
    const printed = await runPython(peer, script, { host, args: [server.url, "fs", "memory"], limitMs: 120_000 });
    return JSON.parse(printed.trim().split("\n").at(-1)!);
  };
  const read = async (root: string) => (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name).sort();
  let expected: [string, unknown][];
  {
    await using exporter = await startPythonExporter(peer, config(theirs.path, server.url), "tcp");
    expected = await outcome(exporter.host);
  }
  let seen: [string, unknown][];
  {
    await using exporter = await startExporter(ours.file("exporter.yaml", config(`${ours.path}/root`, server.url)));
    seen = await outcome(exporter.address);
    exporter.kill("SIGTERM");
    await exporter.ended;
  }
  const told = (all: [string, unknown][]) => all.map(([name, result]) => `${name}: ${JSON.stringify(result)}`);
  assert.deepEqual(told(seen), told(expected).map((line) => differences[line] ?? line));
  // What was made is removed; the folders that were made on the way were nobody's wish.
  assert.deepEqual(await read(`${ours.path}/root`), await read(theirs.path));
});

peerTest(hasS3 ? peer : undefined, "Python's storage client sees the same in a bucket, call by call", async (peer) => {
  await using server = await startS3();
  using folder = temporaryFolder();
  const { endpoint, bucket, region, keys } = server;
  const bench = (root: string) => {
    const kwargs = JSON.stringify({ endpoint, bucket, region, root, ...keys });
    return `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: storage }
export:
  s3: { type: jumpstarter_driver_opendal.driver.Opendal, config: { scheme: s3, kwargs: ${kwargs} } }
`;
  };
  const script = await Deno.readTextFile(new URL("./storage.py", import.meta.url));
  const outcome = async (host: string): Promise<string[]> => {
    const printed = await runPython(peer, script, { host, args: ["", "s3"], limitMs: 120_000 });
    const seen: [string, unknown][] = JSON.parse(printed.trim().split("\n").at(-1)!);
    return seen.map(([name, result]) => {
      // Signatures are of their time.
      const request = name.startsWith("presign") ? result as { url: string; method: string } : undefined;
      const shown = request ? [new URL(request.url).pathname.replace(/ours|theirs/, ""), request.method] : result;
      return `${name}: ${JSON.stringify(shown)}`;
    });
  };
  let expected: string[];
  {
    await using exporter = await startPythonExporter(peer, bench("/theirs"), "tcp");
    expected = await outcome(exporter.host);
  }
  await using exporter = await startExporter(folder.file("exporter.yaml", bench("/ours")));
  assert.deepEqual(await outcome(exporter.address), expected.map((line) => differences[line] ?? line));
});
