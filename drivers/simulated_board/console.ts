/**
 * What the board says on its console: a small loader with a countdown, a kernel, a login and a shell. A pure machine:
 * lines in, text out, and what happens next.
 *
 * @module
 */

/** What the console is doing. */
export type Stage = "loader" | "booting" | "login" | "shell";

/** The answer to one line. */
export interface Answer {
  text: string;
  stage: Stage;
  /** `boot` goes on with the kernel, `reset` starts over, `halt` goes silent. */
  then?: "boot" | "reset" | "halt";
}

/** Said at power-on, before the countdown. */
export const banner = "\r\nSIMBOOT 1.0\r\nCPU:   simulated, 2 cores at 1000 MHz\r\nDRAM:  64 MiB\r\n";

/** Said by the kernel on its way to the login. */
export const kernel = [
  "Starting kernel ...\r\n",
  "[    0.000000] Booting SimOS 1.0 on a simulated CPU\r\n",
  "[    0.100000] eth0: link is up\r\n",
  "[    0.200000] Run /sbin/init as init process\r\n",
];

/** What waits for input at each stage. */
export const prompts: Record<Stage, string> = {
  loader: "simboot> ",
  booting: "",
  login: "\r\nSimOS 1.0 simboard ttyS0\r\n\r\nsimboard login: ",
  shell: "simboard# ",
};

/** What a command says and does; a status of its own where it fails. */
type Reply = Partial<Answer> & { status?: number };

const loaderCommands: Record<string, (args: string) => Reply> = {
  help: () => ({
    text:
      "boot      start the kernel\r\nhelp      this list\r\nprintenv  print the variables\r\nreset     start over\r\n",
  }),
  printenv: () => ({ text: "bootdelay=1\r\nbootcmd=boot\r\n" }),
  echo: (args) => ({ text: `${args}\r\n` }),
  boot: () => ({ stage: "booting", then: "boot" }),
  reset: () => ({ stage: "booting", then: "reset" }),
};

const shellCommands: Record<string, (args: string) => Reply> = {
  echo: (args) => ({ text: `${args}\r\n` }),
  uname: (args) => ({ text: args.includes("-r") ? "1.0-sim\r\n" : "SimOS\r\n" }),
  hostname: () => ({ text: "simboard\r\n" }),
  true: () => ({}),
  false: () => ({ status: 1 }),
  exit: () => ({ stage: "login" }),
  reboot: () => ({ text: "Restarting\r\n", stage: "booting", then: "reset" }),
  poweroff: () => ({ text: "Power down\r\n", stage: "booting", then: "halt" }),
};

/** The two prompts at which commands are understood. */
export class Interpreter {
  /** What `$?` says. */
  #status = 0;

  /** Answers one line that was typed at a stage. */
  answer(stage: Stage, line: string): Answer {
    if (stage === "booting") return { text: "", stage };
    if (stage === "login") {
      return line === "root" ? { text: "", stage: "shell" } : { text: line ? "Login incorrect\r\n" : "", stage };
    }
    let all: Answer = { text: "", stage };
    for (const command of splitOutsideQuotes(line, ";")) {
      const { text, ...rest } = this.#run(stage, command.trim());
      all = { ...all, ...rest, text: all.text + text };
      if (all.then) break;
    }
    return all;
  }

  #run(stage: "loader" | "shell", command: string): Answer {
    const words = splitOutsideQuotes(command.replaceAll("$?", `${this.#status}`), " ");
    const [name, ...args] = words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
    if (name === "") return { text: "", stage };
    const commands = stage === "loader" ? loaderCommands : shellCommands;
    const known = Object.hasOwn(commands, name);
    const { status = 0, ...reply } = known ? commands[name](args.join(" ")) : missing(name);
    this.#status = status;
    return { text: "", stage, ...reply };
  }
}

function missing(name: string): Reply {
  return { text: `${name}: not found\r\n`, status: 127 };
}

/** The parts of a line between separators that are not quoted. */
function splitOutsideQuotes(line: string, separator: string): string[] {
  const parts = [""];
  let quote = "";
  for (const letter of line) {
    if (letter === separator && !quote) {
      parts.push("");
      continue;
    }
    if (quote ? letter === quote : letter === "'" || letter === '"') quote = quote ? "" : letter;
    parts[parts.length - 1] += letter;
  }
  return parts;
}
