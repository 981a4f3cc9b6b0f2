/** The console in real terminals. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withLimit } from "../../lib/core/limit.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { openPseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { connect, serial } from "../../mod.ts";
import { booted } from "./booted.ts";
import { linkNamesOf } from "./names.ts";
import {
  benchConfig,
  type Exporter,
  isolated,
  programWords,
  run,
  start,
  startExporter,
  temporaryFolder,
} from "./program.ts";
import { isInstalled, openTerminal, type Terminal } from "./terminal.ts";

const missing = (await Promise.all(["script", "bash", "stty"].map(async (it) => await isInstalled(it) ? [] : [it])))
  .flat();

function terminalTest(name: string, test: (bench: Bench) => Promise<void>): void {
  Deno.test({
    name: missing.length === 0 ? name : `${name} (skipped: ${missing.join(", ")} not installed)`,
    ignore: missing.length > 0,
    async fn() {
      await using bench = await startBench();
      await test(bench);
    },
  });
}

interface Bench extends AsyncDisposable {
  readonly exporter: Exporter;
  readonly folder: string;
  /** A shell in a terminal of its own, in which `console` sits at the board's console. */
  terminal(): Promise<Terminal>;
  client(...words: string[]): Promise<string>;
}

/** An exporter with the simulated board, which has been switched on and waits for a login. */
async function startBench(): Promise<Bench> {
  await using stack = new AsyncDisposableStack();
  const config = stack.use(await benchConfig());
  const names = linkNamesOf(config.folder);
  const exporter = stack.use(await startExporter(config.path));
  const client = async (...words: string[]) => {
    const { code, stdout, stderr } = await run(["client", "--host", exporter.address, ...words]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  await client("power", "on");
  await booted(exporter.address);
  const owned = stack.move();
  return {
    exporter,
    folder: config.folder,
    client,
    async terminal() {
      const env = { ...isolated(), JUMPSTARTER_HOST: exporter.address, PATH: `${names}:${Deno.env.get("PATH")}` };
      const terminal = owned.use(openTerminal("bash --norc --noprofile", env, config.folder));
      await terminal.run(`console() { sh -c 'echo $$ >pid; exec jumpstarter client console console "$@"' sh "$@"; }`);
      return terminal;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Sits down at the console and sees what was said before. Its end is told as `code:` and the exit code. */
async function sitDown(terminal: Terminal, options = ""): Promise<void> {
  const from = terminal.screen.length;
  await terminal.type(`console ${options}; echo "code"":$?"\n`, "simboard login:");
  const shown = terminal.screen.slice(from);
  assert.match(shown, /console of bench.*: .*Ctrl-. q leaves[^]*SIMBOOT 1\.0[^]*Starting kernel/);
}

/** Waits for a text that comes because of what is done meanwhile. */
async function sees(terminal: Terminal, text: string, because: () => unknown): Promise<void> {
  const seen = terminal.type("", text);
  await because();
  await seen;
}

const escape = "\x1d";

terminalTest("A console shows the past, types, and gives the terminal back whatever ends it", async (bench) => {
  const terminal = await bench.terminal();
  await terminal.run("stty intr ^X; stty -a >before");
  const isAsBefore = () => terminal.type('stty -a >after; cmp before after && echo "as it"" was"\n', "as it was");
  const pid = () => Number(Deno.readTextFileSync(`${bench.folder}/pid`));
  const kill = (signal: Deno.Signal) => Deno.kill(pid(), signal);
  await sitDown(terminal);
  // What the device says is shown as it is, line feeds included.
  const line = await Deno.realPath(`/proc/${pid()}/fd/0`);
  const { stdout } = await new Deno.Command("stty", { args: ["-a", "-F", line] }).output();
  assert.match(new TextDecoder().decode(stdout), /\s-opost /);
  await terminal.type("root\r", "simboard# ");
  await terminal.type("echo typd\x7fed here\r", "\ntyped here");
  await terminal.type(`${escape}q`, "Left console of bench\ncode:0");
  await isAsBefore();
  await sitDown(terminal);
  await terminal.type("\x02\x02\x02", "code:0");
  await isAsBefore();
  for (const [signal, code] of [["SIGTERM", 143], ["SIGHUP", 129], ["SIGINT", 130]] as const) {
    await sitDown(terminal);
    await sees(terminal, `code:${code}`, () => kill(signal));
    await isAsBefore();
  }
  await sitDown(terminal);
  await sees(terminal, "code:3", () => bench.exporter.kill("SIGKILL"));
  assert.match(terminal.screen.slice(-200), /Error \(connect\): .*\ncode:3/);
  await isAsBefore();
});

terminalTest("The menu switches the power, saves the log, sends files and explains itself", async (bench) => {
  const terminal = await bench.terminal();
  await sitDown(terminal, "--escape ^A");
  await terminal.type("\x01?", "Ctrl-A  the key itself");
  await terminal.type("\x01z", "nothing behind this key");
  await terminal.type("\x010", "power: off now");
  await terminal.type("\x011", "Hit any key");
  await terminal.type(" ", "simboot> ");
  await terminal.type("\x01c", "-- power on");
  await terminal.type("", "simboard login:");
  await terminal.type("root\r", "simboard# ");
  await terminal.type("\x01b", "This console cannot send a break");
  await terminal.type("\x01s", "File to write: ");
  await terminal.type("said.log\r", "bytes written to said.log");
  assert.match(Deno.readTextFileSync(`${bench.folder}/said.log`), /simboot> .*simboard# $/s);
  await terminal.type("\x01s", "File to write: ");
  await terminal.type("said.log\r", "Cannot write said.log: It exists already");
  Deno.writeTextFileSync(`${bench.folder}/script`, "echo from a file\r");
  await terminal.type("\x01f", "File to send: ");
  await terminal.type("script\r", "Protocol: ");
  await terminal.type("raw\r", "-- Sent");
  await terminal.type("echo done\r", "\ndone");
  assert.match(terminal.screen, /\nfrom a file/);
  await terminal.type("\x01f", "File to send: ");
  await terminal.type("script\r", "Protocol: ");
  await terminal.type("\r", "Ctrl-C cancels");
  await terminal.type("\x03", "The transfer was cancelled");
  await terminal.type("\x01f", "File to send: ");
  // Ctrl-C gives a question up.
  await terminal.type("nowhere\x03\x01q", "code:0");
});

terminalTest("Two people watch, a script takes over and gives back, and one hands over to the other", async (bench) => {
  const [alice, bob] = [await bench.terminal(), await bench.terminal()];
  await sitDown(alice);
  await sitDown(bob, "--watch");
  await sees(bob, "simboard# ", () => alice.type("root\r", "simboard# "));
  await bob.type("x", "You look on: what you type is not sent");
  await bob.type(`${escape}0`, "Who looks on cannot power off");
  {
    await using board = await connect(bench.exporter.address, { console: serial });
    await using script = await board.console.open({ claim: "the nightly run" });
    const { stdout } = await script.shell({ prompt: "simboard# " }).run("hostname");
    assert.equal(stdout, "simboard");
    await alice.type("y", "by the nightly run; what you type is not sent");
    await alice.type(`${escape}t`, "The console is held by the nightly run");
  }
  await alice.type("echo mine again\r", "\nmine again");
  await alice.type(`${escape}t`, "You hold the console as ");
  await bob.type(`${escape}q`, "code:0");
  await sitDown(bob);
  await bob.type("z", "The console is held by ");
  await alice.type(`${escape}o`, "Others may type");
  await bob.type("echo now bob\r", "\nnow bob");
  await alice.type("w", "(Ctrl-] t takes over): what you type is not sent");
  await bob.type(`${escape}q`, "code:0");
  await alice.type(`${escape}q`, "code:0");
});

Deno.test("A script that uses a console ends when it is done, though it does not close its connection", async () => {
  await using bench = await startBench();
  const script = `${bench.folder}/script.ts`;
  Deno.writeTextFileSync(
    script,
    `import { connect, serial } from "jumpstarter";
    const { console } = await connect("${bench.exporter.address}", { console: serial });
    await using session = await console.open({ since: "boot" });
    await session.expect(/login: $/, { timeoutMs: 30_000 });
    await session.send("root\\n", { charsPerSecond: 20 });
    const { stdout, exitCode } = await session.shell({ prompt: /# $/ }).run("uname -r");
    globalThis.console.log(stdout, exitCode);`,
  );
  const manifest = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const words = [Deno.execPath(), "run", "-A", "--no-check", "--config", manifest] as const;
  const { code, stdout, stderr } = await run([script], { words });
  assert.deepEqual([code, stdout], [0, "1.0-sim 0\n"], stderr);
});

Deno.test("Without a terminal a console is refused, and pipe is named", async () => {
  await using bench = await startBench();
  const { code, stderr } = await run(["client", "--host", bench.exporter.address, "console", "start-console"]);
  assert.equal(code, 2);
  assert.equal(
    stderr,
    "Error: A console needs a terminal as standard input, and no --json\n" +
      "  Try: pipe sends what is piped in and prints what the console says\n",
  );
});

Deno.test("Ctrl-C ends every command of a console and of a network, whatever it waits for", async () => {
  await using bench = await startBench();
  const commands: [words: string[], says: "said" | "noted", text: string][] = [
    [["console", "log", "--follow"], "said", "login:"],
    [["console", "pipe"], "noted", "Ctrl+C to exit"],
    [["console", "send", "", "--expect", "never said"], "noted", "Waiting for never said"],
    [["console", "send-file", "--protocol", "xmodem", "bench.yaml"], "noted", "Waiting for the receiver"],
    [["console", "pty"], "said", "/dev/pts/"],
    [["net", "forward-tcp", "0"], "said", "127.0.0.1:"],
    [["net", "forward-unix", "net.sock"], "said", "net.sock"],
  ];
  for (const [words, says, text] of commands) {
    const options = { cwd: bench.folder, limitMs: 60_000 };
    await using running = start(["client", "--host", bench.exporter.address, ...words], options);
    await running[says](text);
    running.kill("SIGINT");
    const { code } = await withLimit(running.ended, 10_000, words.join(" "));
    assert.equal(code, 130, words.join(" "));
  }
});

Deno.test("A console on a terminal that takes no more output ends at SIGTERM all the same", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  let sent = 0;
  let wanted = { bytes: Infinity, tell: () => {} };
  const more = (bytes: number) => new Promise<void>((tell) => wanted = { bytes: sent + bytes, tell });
  const serving = (async () => {
    using line = await listener.accept();
    const bytes = new TextEncoder().encode("The board never stops\r\n".repeat(1000));
    try {
      for (;; sent += bytes.length) {
        await writeAll(line, bytes);
        if (sent > wanted.bytes) wanted.tell();
      }
    } catch { /* the exporter is gone */ }
  })();
  {
    using folder = temporaryFolder();
    const yaml =
      `metadata: {name: bench}\nexport: {console: {type: serial, config: {url: "socket://127.0.0.1:${port}"}}}\n`;
    await using exporter = await startExporter(folder.file("flood.yaml", yaml), ["--log-level", "error"]);
    using screen = openPseudoTerminal();
    const words = [...programWords, "client", "--host", exporter.address, "console", "console"];
    const child = new Deno.Command("sh", {
      args: ["-c", 'tty=$0; exec "$@" <"$tty" >"$tty" 2>"$tty"', screen.path, ...words],
      env: isolated(),
    }).spawn();
    await screen.read(new Uint8Array(64));
    // From here on nobody reads what it shows; a terminal holds a few KiB.
    await more(8_000_000);
    child.kill("SIGTERM");
    assert.equal((await withLimit(child.status, 10_000, "The console's end")).code, 143);
  }
  await serving;
});
