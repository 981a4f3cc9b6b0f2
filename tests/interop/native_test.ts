/** Programs that know nothing of Jumpstarter, on an exporter that has every bundled interface. @module */
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { interfaceByName, interfaceNames } from "../../lib/interfaces/table.ts";
import { describe, fullName, type NativeService } from "../../lib/wire/native/description.ts";
import { fileProtoOf } from "../../lib/wire/native/descriptor.ts";
import { bufPath } from "../../scripts/buf.ts";
import { type Exporter, run, startExporter, temporaryFolder } from "../system/program.ts";
import { rawServer } from "../streams/http1/raw_server.ts";
import { goProgram } from "./go.ts";
import { peerTest, pythonPeer } from "./python.ts";

/** Every bundled interface at least once; of some there are several drivers. */
const config = `
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: { namespace: default, name: native }
export:
  board: { type: simulated-board }
  echo: { type: echo-network }
  psu: { type: mock-power }
  loop: { type: serial, config: { url: "loop://" } }
  flasher: { type: mock-flasher }
  mux: { type: mock-storage-mux }
  sd: { type: mock-storage-mux-flasher }
  store: { type: opendal, config: { scheme: memory } }
  boot: { type: tftp-server, config: { root_dir: FOLDER, host: 127.0.0.1, port: 0 } }
  web: { type: http-server, config: { root_dir: FOLDER, host: 127.0.0.1, port: 0 } }
  scripts: { type: shell, config: { methods: { hi: echo hi } } }
  shell:
    type: ssh
    config: { default_username: root, ssh_command: ssh -4 }
    children: { tcp: { ref: board.web } }
  screen:
    type: vnc
    children: { tcp: { ref: board.web } }
`;

const missingHandle = (where: string, got = "nothing") =>
  `INVALID_ARGUMENT: ${where}: Expected the handle of a resource, got ${got}`;

/** What a method with a request without content comes to, with the driver of that path. */
const expected: Record<string, Record<string, unknown>> = {
  "board": { Ticks: [] },
  "boot": {
    GetHost: [{ value: "127.0.0.1" }],
    // As JSON has an int64.
    GetPort: [{ value: "0" }],
    Start: [{}],
    Stop: [{}],
  },
  "echo": { Address: "UNIMPLEMENTED: This network driver does not support address", Connect: "said hi" },
  "flasher": {
    Dump: missingHandle("flasher.dump: target"),
    Flash: missingHandle("flasher.flash: source"),
    FlashProgress: missingHandle("flasher.flashProgress: source"),
  },
  "loop": {
    Claim: "UNIMPLEMENTED: This serial driver does not support claim",
    Close: "UNIMPLEMENTED: This serial driver does not support close",
    Connect: "said hi",
    Input: "UNIMPLEMENTED: This serial driver does not support input",
    Records: "UNIMPLEMENTED: This serial driver does not support records",
    Release: "UNIMPLEMENTED: This serial driver does not support release",
    SendBreak: "UNIMPLEMENTED: This serial driver does not support sendBreak",
    SetDtr: "UNIMPLEMENTED: This serial driver does not support setDtr",
    SetRts: "UNIMPLEMENTED: This serial driver does not support setRts",
    State: "UNIMPLEMENTED: This serial driver does not support state",
    Watch: "UNIMPLEMENTED: This serial driver does not support watch",
  },
  "mux": {
    Dut: [{}],
    Host: [{}],
    Off: [{}],
    Read: missingHandle("mux.read: dst", '""'),
    Write: missingHandle("mux.write: src", '""'),
    WriteProgress: missingHandle("mux.writeProgress: src", '""'),
  },
  "psu": {
    Off: [{}],
    On: [{}],
    Read: [{ voltage: 0, current: 0 }, { voltage: 5, current: 2 }],
    Rescue: "UNIMPLEMENTED: This power driver does not support rescue",
  },
  "sd": {
    Dut: [{}],
    FlashProgress: missingHandle("sd.flashProgress: source", '""'),
    Host: [{}],
    Off: [{}],
    Read: missingHandle("sd.read: dst", '""'),
    Write: missingHandle("sd.write: src", '""'),
  },
  "web": {
    GetHost: [{ value: "127.0.0.1" }],
    GetPort: [{ value: "0" }],
    GetUrl: [{ value: "http://127.0.0.1:0" }],
    Start: [{}],
    Stop: [{}],
  },
  "scripts": {
    CallMethod: "INVALID_ARGUMENT: scripts.callMethod: env: Expected a mapping, but it is missing",
    GetMethods: [{ value: ["hi"] }],
  },
  "screen": { GetDefaultEncrypt: [{ value: false }] },
  "shell": {
    GetDefaultUsername: [{ value: "root" }],
    GetSshCommand: [{ value: "ssh -4" }],
    GetSshIdentity: [{}],
  },
  "store": {
    Exists: [{ value: true }],
    GetCreatedResources: [{ value: [] }],
    List: [],
    Scan: [],
  },
};

const services = new Map<string, NativeService>();
for (const name of interfaceNames) {
  const native = describe((await interfaceByName(name))!);
  services.set(fullName(native), native);
}

interface Node {
  path: string;
  uuid: string;
  interface: string;
  children: Node[];
}

/** An exporter of the config, with the uuids of its drivers by path. */
async function nativeExporter(): Promise<
  { exporter: Exporter; uuids: Map<string, string>; interfaces: Set<string> } & AsyncDisposable
> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const exporter = stack.use(
    await startExporter(folder.file("native.yaml", config.replaceAll("FOLDER", `${folder.path}/served`))),
  );
  const tree = JSON.parse((await run(["client", "--host", exporter.address, "--json"])).stdout) as Node;
  const uuids = new Map<string, string>();
  const interfaces = new Set<string>();
  const walk = (node: Node) => {
    uuids.set(node.path, node.uuid);
    interfaces.add(node.interface);
    node.children.forEach(walk);
  };
  walk(tree);
  const owned = stack.move();
  return { exporter, uuids, interfaces, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The service that a driver offers. */
function serviceOf(path: string): string {
  const names: Record<string, string> = {
    "board": "simulated_board.v1.SimulatedBoardInterface",
    "boot": "tftp.v1.Tftp",
    "web": "http_server.v1.HttpServer",
    "echo": "network.v1.NetworkInterface",
    "loop": "py_serial.v1.PySerial",
    "psu": "power.v1.PowerInterface",
    "flasher": "flasher.v1.FlasherInterface",
    "mux": "storage_mux.v1.StorageMuxInterface",
    "sd": "storage_mux_flasher.v1.StorageMuxFlasherInterface",
    "scripts": "shell.v1.Shell",
    "screen": "vnc.v1.Vnc",
    "shell": "ssh_wrapper.v1.SSHWrapper",
    "store": "opendal.v1.Opendal",
  };
  return `jumpstarter.interfaces.${names[path]}`;
}

Deno.test("The config of these tests has every bundled interface", async () => {
  await using native = await nativeExporter();
  assert.deepEqual([...native.interfaces].sort(), [...interfaceNames].sort());
});

/** What a program printed, or why it failed. */
async function output(program: string, args: string[], stdin?: Uint8Array): Promise<string> {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(stdin ?? new Uint8Array());
  await writer.close();
  const { stdout, stderr } = await child.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

const python = await pythonPeer("0.9.0");

peerTest(python, "Python's reflection client lists and calls every bundled interface", async (peer) => {
  await using native = await nativeExporter();
  const drivers: Record<string, string[]> = { "jumpstarter.interfaces.composite.v1.CompositeInterface": [] };
  for (const path of Object.keys(expected)) drivers[serviceOf(path)] = [native.uuids.get(path)!];
  const script = join(import.meta.dirname!, "native_peer.py");
  const printed = await output(peer.python, [script, native.exporter.address, JSON.stringify(drivers)]);
  const { services: listed, outcome } = JSON.parse(printed);
  for (const name of services.keys()) assert.ok(listed.includes(name), `${name} is not listed`);
  for (const [path, methods] of Object.entries(expected)) {
    for (const [method, wanted] of Object.entries(methods)) {
      assert.deepEqual(outcome[serviceOf(path)][method], wanted, `${path} ${method}`);
    }
  }
});

const grpcurl = await goProgram("github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.3");

Deno.test({
  name: "grpcurl lists, describes and calls every bundled interface",
  ignore: !grpcurl,
  async fn() {
    await using native = await nativeExporter();
    const { address } = native.exporter;
    const ask = (...args: string[]) => output(grpcurl!, ["-plaintext", "-max-time", "10", ...args]);
    const listed = (await ask(address, "list")).split("\n");
    for (const [name, { methods }] of services) {
      assert.ok(listed.includes(name), `${name} is not listed`);
      const described = await ask(address, "describe", name);
      for (const method of methods) assert.ok(described.includes(`rpc ${method.name} (`), described);
    }
    for (const [path, methods] of Object.entries(expected)) {
      const header = ["-H", `x-jumpstarter-driver-uuid: ${native.uuids.get(path)}`];
      for (const [method, outcome] of Object.entries(methods)) {
        if (outcome === "said hi") continue; // It would wait for more.
        const said = await ask("-emit-defaults", ...header, "-d", "{}", address, `${serviceOf(path)}/${method}`);
        if (typeof outcome === "string") assert.ok(said.includes(outcome.split(": ")[1]), said);
        else {
          const values = said.split(/(?<=^})\n/m).filter((text) => text.trim() !== "").map((text) => JSON.parse(text));
          assert.deepEqual(values, outcome, `${path} ${method}: ${said}`);
        }
      }
    }
  },
});

Deno.test({
  name: "grpcurl watches the flash of a URL, and asks whether it was finished",
  ignore: !grpcurl,
  async fn() {
    await using native = await nativeExporter();
    const image = "image".repeat(1000);
    await using server = rawServer(() => `HTTP/1.1 200 OK\r\ncontent-length: ${image.length}\r\n\r\n${image}`);
    const call = async (method: string, request: unknown) => {
      const path = `${serviceOf("flasher")}/${method}`;
      const said = await output(grpcurl!, [
        "-plaintext",
        ...["-d", JSON.stringify(request)],
        native.exporter.address,
        path,
      ]);
      return said.split(/(?<=^})\n/m).filter((text) => text.trim() !== "").map((text) => JSON.parse(text));
    };
    const source = { kind: "presigned_request", method: "GET", url: server.url, headers: {} };
    const events = await call("FlashProgress", { source, options: { source_id: "image", verify: false } });
    const sha256 = createHash("sha256").update(image).digest("hex");
    const bytes = String(image.length);
    assert.deepEqual(events.at(-1), {
      stage: "done",
      bytes,
      total: bytes,
      last: true,
      result: { bytes, sha256, verified: "none", written: bytes },
    });
    const stages = new Set(events.map(({ stage }) => stage));
    assert.deepEqual([...stages], ["transfer", "write", "sync", "done"]);
    const [{ refusal }] = await call("FlashPlan", { source_id: "image" });
    assert.match(refusal, /The last write to it was finished$/);
  },
});

for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
  Deno.test(`curl ${version} calls every bundled interface in JSON`, async () => {
    await using native = await nativeExporter();
    for (const [path, methods] of Object.entries(expected)) {
      for (const [method, outcome] of Object.entries(methods)) {
        const kind = services.get(serviceOf(path))!.methods.find(({ name }) => name === method)!.kind;
        const isUnary = kind === "unary";
        const said = await output("curl", [
          "--silent",
          "--show-error",
          version,
          "--max-time",
          kind === "byteStream" ? "1" : "10",
          ...isUnary ? [] : ["--no-buffer"],
          ...["--header", `content-type: application/${isUnary ? "" : "connect+"}json`],
          ...["--header", `x-jumpstarter-driver-uuid: ${native.uuids.get(path)}`],
          ...["--data-binary", "@-"],
          `http://${native.exporter.address}/${serviceOf(path)}/${method}`,
        ], isUnary ? new TextEncoder().encode("{}") : envelope(kind === "byteStream" ? '{"payload":"aGk="}' : "{}"));
        const title = `${path} ${method}: ${said}`;
        if (kind === "byteStream") {
          const answer = outcome === "said hi" ? '{"payload":"aGk="}' : String(outcome).split(": ")[1];
          const wanted = version === "--http1.1" ? "A byte stream needs HTTP/2" : answer;
          assert.ok(said.includes(wanted), title);
        } else if (typeof outcome === "string") assert.ok(said.includes(outcome.split(": ")[1]), title);
        else if (isUnary) assert.deepEqual([JSON.parse(said)], outcome, title);
        else assert.deepEqual(messagesOf(said).slice(0, -1), outcome, title);
      }
    }
  });
}

/** A message as Connect's streams carry it. */
function envelope(json: string): Uint8Array {
  return new Uint8Array([0, 0, 0, 0, json.length, ...new TextEncoder().encode(json)]);
}

/** The messages of a stream of Connect's, the last of which is its end. */
function messagesOf(text: string): unknown[] {
  // deno-lint-ignore no-control-regex
  return text.split(/[\x00-\x02]\0\0\0[\s\S]/).filter((part) => part !== "").map((part) => JSON.parse(part));
}

Deno.test("buf compiles every interface's .proto file to the descriptors that are served", async () => {
  const PATH = await bufPath();
  const { success, stdout, stderr } = await new Deno.Command("env", {
    args: ["buf", "build", "proto", "--as-file-descriptor-set", "--exclude-source-info", "--output", "-"],
    cwd: join(import.meta.dirname!, "../.."),
    env: { PATH },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const compiled = new Map(fromBinary(FileDescriptorSetSchema, stdout).file.map((file) => [file.name, file]));
  for (const native of services.values()) {
    const served = fileProtoOf(native);
    assert.deepEqual(compiled.get(served.name), served);
  }
});
