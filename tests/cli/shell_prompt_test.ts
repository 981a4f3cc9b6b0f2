import assert from "node:assert/strict";
import { interactiveShell } from "../../lib/cli/shell.ts";
import { isInstalled } from "../system/terminal.ts";

const names = [
  "x$(touch PWNED)",
  "x`touch PWNED`",
  '"; touch PWNED; echo "',
  "x\\$(touch PWNED)",
  "%F{red}x",
  "x\ntouch PWNED",
];

for (const shell of ["bash", "zsh", "fish"]) {
  const missing = !await isInstalled(shell);
  if (missing) console.error(`${shell} is not installed: its prompt is not tested`);
  Deno.test({
    name: `The name of a board is only shown in the prompt of ${shell}`,
    ignore: missing,
    async fn() {
      const folder = await Deno.makeTempDir();
      const before = Deno.env.get("SHELL");
      Deno.env.set("SHELL", shell);
      try {
        for (const name of names) {
          const { words: [program, ...args], env } = interactiveShell(name);
          const child = new Deno.Command(program, { args: [...args, "-i"], env, cwd: folder, stdin: "piped" });
          const running = child.spawn();
          const writer = running.stdin.getWriter();
          await writer.write(new TextEncoder().encode("true\nexit\n"));
          await writer.close();
          await running.status;
          assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), [], name);
        }
      } finally {
        if (before === undefined) Deno.env.delete("SHELL");
        else Deno.env.set("SHELL", before);
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
