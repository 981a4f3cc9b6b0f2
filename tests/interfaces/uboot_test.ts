/** A real U-Boot in QEMU, at the other end of a serial driver. @module */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import serialDriver from "../../drivers/serial/mod.ts";
import { serial, serve } from "../../mod.ts";
import { deadPort } from "../bytes.ts";
import { isInstalled } from "../system/terminal.ts";
import { temporaryFolder } from "../system/program.ts";
import { parsed, run } from "./io.ts";

const firmware = "/usr/lib/u-boot/qemu_arm/u-boot.bin";
const missing = [
  ...(await isInstalled("qemu-system-arm") ? [] : ["qemu-system-arm"]),
  ...(await Deno.stat(firmware).then(() => [], () => ["u-boot-qemu"])),
];

/** Where the machine has memory that is nobody's. */
const address = "0x42000000";

Deno.test({
  name: `U-Boot is stopped, asked, and given a file by YMODEM${
    missing[0] ? ` (skipped: no ${missing.join(", ")})` : ""
  }`,
  ignore: missing.length > 0,
  async fn() {
    using folder = temporaryFolder();
    const port = deadPort();
    await using console = await serve(serialDriver, { url: `socket://127.0.0.1:${port}`, check_present: false });
    // It waits for the driver, so that nothing is said before somebody listens.
    const serialPort = `tcp:127.0.0.1:${port},server=on,wait=on`;
    const args = ["-M", "virt", "-nodefaults", "-display", "none", "-bios", firmware, "-serial", serialPort];
    await using machine = new Deno.Command("qemu-system-arm", { args, stdout: "null", stderr: "null" }).spawn();
    await using session = await console.open({ since: "0", timeoutMs: 60_000 });
    const loader = session.uboot({ timeoutMs: 60_000 });
    await loader.enter();
    const { stdout, exitCode } = await loader.run("version");
    assert.match(stdout, /^U-Boot 20\d\d\.\d\d/);
    assert.equal(exitCode, 0);
    assert.deepEqual(await loader.run("false"), { stdout: "", exitCode: 1 });
    assert.equal((await loader.run("nonsense")).exitCode, 1);

    const content = Uint8Array.from({ length: 20_000 }, (_, at) => at * 31 >> 3);
    Deno.writeFileSync(`${folder.path}/kernel.img`, content);
    await session.sendLine(`loady ${address}`);
    await session.expect("Ready for binary (ymodem) download");
    const sendFile = serial.commands!(console)["send-file"];
    await run(sendFile, parsed(sendFile, { files: [`${folder.path}/kernel.img`], protocol: "ymodem" })).done;
    await session.expect(`## Total Size      = 0x${content.length.toString(16).padStart(8, "0")} = 20000 Bytes`);
    await session.expect("=> ");
    const sum = await loader.run(`crc32 ${address} ${content.length.toString(16)}`);
    assert.match(sum.stdout, new RegExp(`==> ${crc32(content).toString(16).padStart(8, "0")}$`));
    machine.kill("SIGKILL");
  },
});
