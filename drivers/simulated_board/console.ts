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

const loaderCommands: Record<string, (args: string) => Partial<Answer>> = {
  help: () => ({
    text:
      "boot      start the kernel\r\nhelp      this list\r\nprintenv  print the variables\r\nreset     start over\r\n",
  }),
  printenv: () => ({ text: "bootdelay=1\r\nbootcmd=boot\r\n" }),
  boot: () => ({ stage: "booting", then: "boot" }),
  reset: () => ({ stage: "booting", then: "reset" }),
};

const shellCommands: Record<string, (args: string) => Partial<Answer>> = {
  echo: (args) => ({ text: `${args}\r\n` }),
  uname: (args) => ({ text: args.includes("-r") ? "1.0-sim\r\n" : "SimOS\r\n" }),
  hostname: () => ({ text: "simboard\r\n" }),
  true: () => ({}),
  exit: () => ({ stage: "login" }),
  reboot: () => ({ text: "Restarting\r\n", stage: "booting", then: "reset" }),
  poweroff: () => ({ text: "Power down\r\n", stage: "booting", then: "halt" }),
};

/** Answers one line that was typed at a stage. */
export function answer(stage: Stage, line: string): Answer {
  if (stage === "booting") return { text: "", stage };
  if (stage === "login") {
    return line === "root" ? { text: "", stage: "shell" } : { text: line ? "Login incorrect\r\n" : "", stage };
  }
  const [name, ...rest] = line.split(" ");
  if (name === "") return { text: "", stage };
  const commands = stage === "loader" ? loaderCommands : shellCommands;
  if (!Object.hasOwn(commands, name)) return { text: `${name}: not found\r\n`, stage };
  return { text: "", stage, ...commands[name](rest.join(" ")) };
}
