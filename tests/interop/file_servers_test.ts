/** HTTP and TFTP servers with Python's Jumpstarter in both roles, and curl as the device. @module */
import assert from "node:assert/strict";
import { noise, sha256 } from "../hardware/media.ts";
import { run, startExporter, temporaryFolder } from "../system/program.ts";
import { peerTest, pythonPeer, runPython } from "./python.ts";
import { startPythonExporter } from "./python_exporter.ts";

const peer = await pythonPeer("0.9.0");

const image = noise(2_000_000 + 3);

/** Both servers, each with a folder of its own. */
function config(folder: string, tftpPort: number): string {
  return `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: servers }
export:
  web:
    type: jumpstarter_driver_http.driver.HttpServer
    config: { root_dir: ${folder}/www, host: 127.0.0.1, port: 0 }
  boot:
    type: jumpstarter_driver_tftp.driver.Tftp
    config: { root_dir: ${folder}/boot, host: 127.0.0.1, port: ${tftpPort} }
`;
}

peerTest(peer, "Python's client uploads to our servers, and a device fetches from them", async (peer) => {
  using folder = temporaryFolder();
  Deno.writeFileSync(`${folder.path}/image`, image);
  await using exporter = await startExporter(folder.file("exporter.yaml", config(folder.path, 0)));
  const printed = await runPython(peer, clientScript, { host: exporter.address, args: [`${folder.path}/image`] });
  const { url, tree, ...rest } = JSON.parse(printed.trim().split("\n").at(-1)!);
  assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/images\/os\.img$/);
  assert.deepEqual(tree, { boot: "TftpServerClient", storage: "OpendalClient", web: "HttpServerClient" });
  const digest = sha256(image);
  assert.deepEqual(rest, {
    fetched: [digest, digest],
    listed: ["images/", "images/os.img"],
    stopped: 0,
    host: "127.0.0.1",
  });
});

peerTest(peer, "Our client uploads to Python's servers, and a device fetches from them", async (peer) => {
  using folder = temporaryFolder();
  const file = `${folder.path}/image`;
  Deno.writeFileSync(file, image);
  await using exporter = await startPythonExporter(peer, config(folder.path, freePort()), "tcp");
  const client = async (...words: string[]) => {
    const { code, stdout, stderr } = await run(["client", "--host", exporter.host, ...words], { limitMs: 60_000 });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const url = await client("web", "start");
  assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(await client("web", "url"), url);
  await client("web", "storage", "put", file, "os.img");
  const address = await client("boot", "start");
  await client("boot", "storage", "put", file, "os.img");
  for (const from of [`${url}/os.img`, `tftp://${address}/os.img`]) {
    const { stdout } = await new Deno.Command("curl", {
      args: ["--silent", "--retry-connrefused", "--retry", "5", from],
    })
      .output();
    assert.equal(sha256(stdout), sha256(image), from);
  }
  await client("web", "stop");
  await client("boot", "stop");
});

/** A UDP port that nobody has now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

const clientScript = `
import hashlib, json, subprocess, sys
from pathlib import Path
from jumpstarter.utils.env import env

def digest(url):
    return hashlib.sha256(subprocess.run(["curl", "--silent", url], capture_output=True).stdout).hexdigest()

with env() as client:
    web, boot = client.web, client.boot
    web.start()
    boot.start()
    url = web.put_file("images/os.img", Path(sys.argv[1]))
    boot.storage.write_from_path("images/os.img", Path(sys.argv[1]))
    fetched = [digest(url), digest(f"tftp://{boot.get_host()}:{int(boot.get_port())}/images/os.img")]
    listed = [path for path in web.storage.scan("images/")]
    web.stop()
    boot.stop()
    print(json.dumps({
        "url": url,
        "tree": {"web": type(web).__name__, "boot": type(boot).__name__, "storage": type(web.storage).__name__},
        "fetched": fetched,
        "listed": listed,
        "stopped": web.get_port(),
        "host": boot.get_host(),
    }))
`;
