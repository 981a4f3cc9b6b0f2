/** Serial ports on a cable that socat makes: a pair of terminals, both of them somebody else's. @module */
import assert from "node:assert/strict";
import { type SerialClient, serve } from "../../mod.ts";
import serial from "../../drivers/serial/mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { libc } from "../../lib/hardware/libc.ts";
import { openSerialPort } from "../../lib/hardware/serial_port.ts";
import { talk } from "../bytes.ts";
import { folderOf } from "../folder.ts";

libc(); // Part of the process from then on, not of one test.

const isMissing = !(Deno.env.get("PATH") ?? "").split(":").some((folder) => {
  try {
    return Deno.statSync(`${folder}/socat`).isFile;
  } catch {
    return false;
  }
});
if (isMissing) {
  const why = "socat is not installed (Debian's socat): its terminals are not tested";
  if (Deno.env.has("CI")) throw new Error(why);
  console.error(why);
}

/** A cable between two names. Disposing pulls it. */
async function cable(near: string, far: string): Promise<AsyncDisposable> {
  const ends = [near, far].map((link) => `pty,raw,echo=0,link=${link}`);
  const child = new Deno.Command("socat", { args: ["-d", "-d", ...ends], stdin: "null", stderr: "piped" }).spawn();
  const said = talk({
    readable: child.stderr,
    writable: new WritableStream(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  await said.until("starting data transfer loop");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await said.rest();
    },
  };
}

Deno.test({
  name: "A console on socat's terminal talks to the other end, and again over a cable that was plugged in anew",
  ignore: isMissing,
  async fn() {
    using folder = await folderOf();
    const [near, far] = [`${folder.path}/near`, `${folder.path}/far`];
    await using port = await (async () => {
      await using _ = await cable(near, far);
      const port = await serve(serial, { url: near });
      await bothWays(port, far);
      return port;
    })();
    const lost = (async () => {
      for await (const { mark } of port.records({ since: "0", follow: true })) if (mark === "lost") return true;
    })();
    assert.ok(await withLimit(lost, 10_000, "The loss"));
    await using _ = await cable(near, far);
    await bothWays(port, far);
  },
});

/** Both ends hear each other. */
async function bothWays(port: SerialClient, far: string): Promise<void> {
  await using other = await openSerialPort(far, { baudRate: 115200 });
  await using connection = await port.connect();
  const [me, board] = [talk(connection), talk(other.bytes)];
  await me.send("root\r");
  await board.until("root\r");
  await board.send("# ");
  await me.until("# ");
}
