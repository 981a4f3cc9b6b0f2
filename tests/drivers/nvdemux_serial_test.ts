import assert from "node:assert/strict";
import { connect, serial, type SerialClient, serve } from "../../mod.ts";
import nvdemux from "../../drivers/nvdemux_serial/mod.ts";
import { LogHub } from "../../lib/core/log.ts";
import { pause, withLimit } from "../../lib/core/limit.ts";
import { libc } from "../../lib/hardware/libc.ts";
import { openPseudoTerminal, type PseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { talk } from "../bytes.ts";
import { folderOf } from "../folder.ts";
import { startExporter, temporaryFolder } from "../system/program.ts";

libc(); // Part of the process from then on, not of one test.

/** A stand-in for NVIDIA's program: it prints what a file says, and runs until it is told to end. */
const program = `#!/bin/sh
cd "$(dirname "$0")"
echo $$ "$@" >> started
cat terminals
if [ -e complaint ]; then cat complaint >&2; exit 1; fi
if [ -e child ]; then rm child; sleep 3 & exit 0; fi
exec sleep 600
`;

/** The program, the port and the consoles of a board. */
async function board(targets: Record<string, PseudoTerminal>) {
  const folder = await folderOf({ "demuxer": program, "usb-NVIDIA_1-if01": "" });
  const path = (name: string) => `${folder.path}/${name}`;
  Deno.chmodSync(path("demuxer"), 0o755);
  const name = (them: Record<string, PseudoTerminal>) =>
    Deno.writeTextFileSync(
      path("terminals"),
      Object.entries(them).map(([target, { path }]) => `${path}\t${target}\n`).join(""),
    );
  name(targets);
  return {
    path,
    name,
    config: { demuxer_path: path("demuxer"), device: path("usb-NVIDIA_*-if01"), poll_interval: 0.01, timeout: 20 },
    started: () => Deno.readTextFileSync(path("started")).trim().split("\n").map((line) => line.split(" ")),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

async function bothWays(client: SerialClient, terminal: PseudoTerminal, text: string): Promise<void> {
  await using connection = await client.connect();
  const me = talk(connection);
  await me.send(text);
  const buffer = new Uint8Array(text.length);
  for (let count = 0; count < buffer.length;) {
    count += (await withLimit(terminal.read(buffer.subarray(count)), 10_000, `Hearing ${text}`))!;
  }
  assert.equal(new TextDecoder().decode(buffer), text);
  await terminal.write(new TextEncoder().encode(`heard ${text}`));
  await me.until(`heard ${text}`);
}

/** A dead process whose parent has not asked for it yet is dead. */
function isAlive(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

Deno.test("Consoles of one port share one process, which ends with the last of them", async () => {
  using ccplex = openPseudoTerminal();
  using bpmp = openPseudoTerminal();
  using it = await board({ "CCPLEX: 0": ccplex, "BPMP: 1": bpmp });
  {
    await using one = await serve(nvdemux, it.config);
    await using other = await serve(nvdemux, { ...it.config, target: "BPMP: 1", chip: "T264" });
    await bothWays(one, ccplex, "to the CCPLEX");
    await bothWays(other, bpmp, "to the BPMP");
    assert.deepEqual(it.started().map(([, ...words]) => words), [["-m", "T264", "-d", it.path("usb-NVIDIA_1-if01")]]);
  }
  const [[pid]] = it.started();
  assert.ok(!isAlive(pid));
});

Deno.test("An exporter that is killed takes the process with it", async () => {
  using ccplex = openPseudoTerminal();
  using it = await board({ "CCPLEX: 0": ccplex });
  using folder = temporaryFolder();
  const driver = { type: "jumpstarter_driver_pyserial.nvdemux.driver.NVDemuxSerial", config: it.config };
  const config = folder.file(
    "bench.yaml",
    JSON.stringify({ metadata: { name: "jetson" }, export: { console: driver } }),
  );
  await using exporter = await startExporter(config);
  await using there = await connect({ host: exporter.address }, { console: serial });
  await bothWays(there.console, ccplex, "to the CCPLEX");
  const [[pid]] = it.started();
  exporter.kill("SIGKILL");
  await withLimit(gone(pid), 10_000, "The end of the process");
});

/** Resolves once there is no such process; the kernel tells nobody but its parent. */
async function gone(pid: string): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

Deno.test("A port that went and came back is split anew, and the console goes on", async () => {
  using before = openPseudoTerminal();
  using after = openPseudoTerminal();
  using it = await board({ "CCPLEX: 0": before });
  await using console = await serve(nvdemux, it.config);
  await bothWays(console, before, "before");
  const lost = (async () => {
    for await (const { mark } of console.records({ since: "0", follow: true })) if (mark === "lost") return true;
  })();
  it.name({ "CCPLEX: 0": after });
  Deno.kill(Number(it.started()[0][0]), "SIGTERM");
  before.close();
  assert.ok(await withLimit(lost, 10_000, "The loss"));
  await bothWays(console, after, "after");
});

Deno.test("A program that ends is started again, though a child of it holds its output", async () => {
  using ccplex = openPseudoTerminal();
  using it = await board({ "CCPLEX: 0": ccplex });
  Deno.writeTextFileSync(it.path("child"), "");
  await using one = await serve(nvdemux, it.config);
  const again = async () => {
    while (it.started().length < 2) await pause(10);
  };
  await bothWays(one, ccplex, "once");
  await withLimit(again(), 2_000, "The second start");
});

Deno.test("Whoever waits for a console that does not come is told why", async () => {
  using ccplex = openPseudoTerminal();
  using it = await board({ "CCPLEX: 0": ccplex });
  const hasty = { ...it.config, open: "demand", timeout: 0.1, poll_interval: 600 } as const;
  {
    await using present = await serve(nvdemux, { ...it.config, poll_interval: 600 });
    await bothWays(present, ccplex, "known");
    await using absent = await serve(nvdemux, { ...hasty, target: "RCE: 2" });
    await assert.rejects(absent.connect(), {
      code: "deadline_exceeded",
      message: 'The demultiplexer has no console "RCE: 2" after 0.1 s: it has "CCPLEX: 0"',
    });
  }
  {
    await using console = await serve(nvdemux, { ...hasty, device: it.path("usb-NVIDIA_2-if01") });
    const message = new RegExp(`there is no port ${it.path("usb-NVIDIA_2-if01")}$`);
    await assert.rejects(console.connect(), { message });
  }
  Deno.writeTextFileSync(it.path("terminals"), "");
  Deno.writeTextFileSync(it.path("complaint"), "ERROR: unable to obtain file lock\n");
  const hub = new LogHub();
  await using console = await serve(nvdemux, hasty, { hub });
  await withLimit(logged(hub, "demultiplexer ended"), 20_000, "The end of the process");
  await assert.rejects(console.connect(), { message: /it ended with 1: ERROR: unable to obtain file lock$/ });
});

async function logged(hub: LogHub, message: string): Promise<void> {
  for await (const record of hub.subscribe(new AbortController().signal)) if (record.message === message) return;
}

Deno.test("Drivers of one port that disagree, or want the same console, are refused", async () => {
  using ccplex = openPseudoTerminal();
  using it = await board({ "CCPLEX: 0": ccplex });
  await using _ = await serve(nvdemux, it.config);
  await assert.rejects(serve(nvdemux, it.config), {
    code: "invalid_argument",
    message: /Another driver has the console "CCPLEX: 0" of .* already$/,
  });
  await assert.rejects(serve(nvdemux, { ...it.config, target: "BPMP: 1", chip: "T234" }), {
    code: "invalid_argument",
    message: /have to agree on the chip, got T264 and T234$/,
  });
});
