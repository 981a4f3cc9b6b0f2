/**
 * A shell in a pseudo-terminal, as a user has it. `script` of util-linux makes the terminal.
 *
 * @module
 */

/** A shell that reads keys. Disposing ends it. */
export interface Terminal extends AsyncDisposable {
  /** Everything that has been on the screen, without colours and movements. */
  readonly screen: string;
  /** Presses keys and waits until the screen shows a text after what it showed before. */
  type(keys: string, until: string): Promise<void>;
  /** Types a command and its Enter, and resolves once it has ended. */
  run(command: string): Promise<void>;
  /**
   * Types the beginning of a command, presses TAB, and resolves to the words of the line as the shell itself reads them
   * then. The command is not run.
   */
  complete(beginning: string): Promise<string[]>;
}

/** The shells without the user's own settings, and how each reads the script that completes. */
export const shells: Record<string, { words: string; load: string }> = {
  bash: { words: "bash --norc --noprofile -i", load: "source <(jumpstarter completion bash)" },
  zsh: { words: "zsh -f -i", load: "source <(jumpstarter completion zsh)" },
  fish: { words: "fish --no-config -i", load: "jumpstarter completion fish | source" },
};

/** Whether a program is installed. */
export async function isInstalled(program: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", { args: ["-c", `command -v "$0"`, program], stdout: "null" })
    .output();
  return success;
}

/** How long a shell may take to show what is waited for, in milliseconds. */
const limitMs = 20_000;

const ctrlA = "\x01";
const ctrlE = "\x05";

/** Starts a shell by its words. */
export function openTerminal(words: string, env: Record<string, string>, cwd: string): Terminal {
  const child = new Deno.Command("script", {
    args: ["--quiet", "--flush", "--return", "--command", `stty cols 200 rows 50; exec ${words}`, "/dev/null"],
    env: { TERM: "xterm", ...env },
    cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const keyboard = child.stdin.getWriter();
  let screen = "";
  let changed = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      screen += text;
      changed.resolve();
      changed = Promise.withResolvers();
    }
  })();
  let count = 0;
  const shown = () => plain(screen);
  const terminal: Terminal = {
    get screen() {
      return shown();
    },
    async type(keys, until) {
      const from = shown().length;
      await keyboard.write(new TextEncoder().encode(keys));
      const limit = AbortSignal.timeout(limitMs);
      const late = new Promise<void>((resolve) => limit.addEventListener("abort", () => resolve()));
      while (!shown().slice(from).includes(until)) {
        if (limit.aborted) throw new Error(`The terminal does not show ${JSON.stringify(until)}:\n${shown()}`);
        await Promise.race([changed.promise, late]);
      }
    },
    // What is typed has quotes in it, so that only the command's output contains the mark.
    run: (command) => terminal.type(`${command}; echo "end""${++count}:"\n`, `end${count}:`),
    async complete(beginning) {
      const from = shown().length;
      const mark = `word${++count}`;
      const typed = `${beginning}\t${ctrlA}printf "${mark}""<%s>\\n" ${ctrlE} ; echo "end""${mark}:"\n`;
      await terminal.type(typed, `end${mark}:`);
      return [...shown().slice(from).matchAll(new RegExp(`${mark}<(.*)>`, "g"))].map(([, word]) => word);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await keyboard.abort().catch(() => {});
      await Promise.all([reading, child.status]);
    },
  };
  return terminal;
}

/** What a terminal shows, without the sequences that colour it or move the cursor. */
function plain(screen: string): string {
  // deno-lint-ignore no-control-regex
  return screen.replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|[=>])|[\r\x0f]/g, "");
}
