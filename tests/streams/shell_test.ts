import assert from "node:assert/strict";
import { simulatedBoard } from "../../drivers/simulated_board/mod.ts";
import { byteStreamOfPipe, makeByteStream } from "../../lib/core/byte_stream.ts";
import { memoryPipe, writeAll } from "../../lib/core/pipe.ts";
import { ManualClock } from "../../lib/testing/clock.ts";
import { Expect, serve } from "../../mod.ts";

/** A board that boots at once, with a conversation on its console. */
async function board() {
  await using stack = new AsyncDisposableStack();
  const clock = { pause: (_: number, signal: AbortSignal) => Promise.resolve(signal.throwIfAborted()) };
  const served = stack.use(await serve(simulatedBoard(clock), {}));
  const session = stack.use(await served.console.open({ timeoutMs: 5_000 }));
  const owned = stack.move();
  return { power: served.power, session, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

Deno.test("A shell's command gives its output and its exit code", async () => {
  await using it = await board();
  await it.power.on();
  await it.session.expect(/login: $/);
  await it.session.sendLine("root");
  await it.session.expect(/# $/);
  const shell = it.session.shell({ prompt: /# $/ });
  assert.deepEqual(await shell.run("uname -r"), { stdout: "1.0-sim", exitCode: 0 });
  assert.deepEqual(await shell.run("hostname; echo two   words"), { stdout: "simboard\ntwo   words", exitCode: 0 });
  assert.deepEqual(await shell.run("false"), { stdout: "", exitCode: 1 });
  assert.deepEqual(await shell.run("nonsense"), { stdout: "nonsense: not found", exitCode: 127 });
});

Deno.test("A real shell understands what is typed, whatever its command says", async () => {
  const child = new Deno.Command("sh", {
    args: ["-i"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    env: { PS1: "" },
  })
    .spawn();
  await using talk = new Expect(makeByteStream(child.stdout, child.stdin), { timeoutMs: 10_000 });
  const shell = talk.shell({ prompt: "" });
  assert.deepEqual(await shell.run("printf 'a\\nb'"), { stdout: "a\nb", exitCode: 0 });
  assert.deepEqual(await shell.run("(exit 42)"), { stdout: "", exitCode: 42 });
  assert.deepEqual(await shell.run("echo '$?' \"-end:0:\""), { stdout: "$? -end:0:", exitCode: 0 });
  await talk.sendLine("exit");
  await child.status;
});

Deno.test("A loader is stopped at its prompt, and its commands have exit codes", async () => {
  const clock = new ManualClock();
  await using served = await serve(simulatedBoard(clock), {});
  await using session = await served.console.open({ timeoutMs: 5_000 });
  const loader = session.uboot({ prompt: "simboot> " });
  const entering = loader.enter();
  await served.power.on();
  await clock.advance(50);
  await entering;
  assert.deepEqual(await loader.run("printenv"), { stdout: "bootdelay=1\nbootcmd=boot", exitCode: 0 });
  assert.deepEqual(await loader.run("nonsense"), { stdout: "nonsense: not found", exitCode: 127 });
  await session.send("\n");
  await loader.enter();
});

Deno.test("A loader that does not tell exit codes is not believed to succeed", async () => {
  const [near, far] = memoryPipe();
  await using talk = new Expect(byteStreamOfPipe(near), { timeoutMs: 5_000 });
  const answering = talk.uboot().run("version");
  await writeAll(far, new TextEncoder().encode("version\r\nU-Boot\r\n=> echo $?\r\n$?\r\n=> "));
  await assert.rejects(answering, { code: "failed_precondition", message: 'Expected an exit code, got "$?"' });
});
