/**
 * `jumpstarter demo`: an exporter with a simulated board on a real socket, and a tour of real commands against it.
 *
 * @module
 */
import { Command as Commander } from "commander";
import { JumpstarterError } from "../core/errors.ts";
import { aborted } from "../core/limit.ts";
import { privateFolder } from "../core/own_folder.ts";
import { exampleConfig } from "./example_config.ts";
import { noteLine, printLine, writeOut } from "./output.ts";
import { selfCommand } from "./self.ts";

/** The command. */
export function demoCommand(interrupted: AbortSignal): Commander {
  return new Commander("demo")
    .description("A tour on a simulated board: an exporter on a real socket, and real commands against it.")
    .option("--keep", "leave the exporter up afterwards, until interrupted")
    .action(async ({ keep }: { keep?: boolean }) => {
      using folder = privateFolder();
      const config = `${folder.path}/bench.yaml`;
      Deno.writeTextFileSync(config, exampleConfig);
      await using exporter = await startExporter(config);
      await tour(new Tour(exporter.address, interrupted));
      if (!keep) return;
      printLine(
        `\nThe exporter stays up until Ctrl-C. In another terminal:\n  ${displayed()} client --host ${exporter.address}`,
      );
      await aborted(interrupted);
    });
}

async function tour(tour: Tour): Promise<void> {
  await tour.run("The live tree: names, interfaces, commands", []);
  await tour.run("Power on", ["power", "on"]);
  await tour.run("What the board has said since then, and says, until Ctrl-C", ["console", "log", "--follow"], {
    untilSaid: "login:",
  });
  await tour.run("What it draws now", ["power", "read"]);
  await tour.run("The same for a script", ["power", "read", "--json"]);
  await tour.run("The board's web service on a port of this machine", ["net", "forward-tcp", "0"], {
    whileUp: fetchPage,
  });
  await tour.run("A mistake", ["powr", "on"], { fails: true });
  await tour.run("Power off", ["power", "off"]);
}

interface Step {
  /** Interrupts the command once it has printed this. */
  untilSaid?: string;
  /** Interrupts the command after doing something with the first line it printed. */
  whileUp?(line: string): Promise<void>;
  /** The command is meant to fail. */
  fails?: boolean;
}

class Tour {
  readonly #address: string;
  readonly #interrupted: AbortSignal;

  constructor(address: string, interrupted: AbortSignal) {
    this.#address = address;
    this.#interrupted = interrupted;
  }

  /** Runs one command, printed as a user would type it, and prints what it prints. */
  async run(title: string, words: string[], step: Step = {}): Promise<void> {
    this.#interrupted.throwIfAborted();
    const args = ["client", "--host", this.#address, ...words];
    printLine(`\n# ${title}\n$ ${displayed()} ${args.join(" ")}`);
    const child = spawnSelf(args);
    let said = "";
    let stopping: Promise<void> | undefined;
    const interrupt = () => child.kill("SIGINT");
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      writeOut(text.replaceAll("\r", ""));
      said += text;
      if (step.untilSaid && said.includes(step.untilSaid)) stopping ??= Promise.resolve(interrupt());
      if (step.whileUp && said.includes("\n")) stopping ??= step.whileUp(said.split("\n")[0]).finally(interrupt);
    }
    await stopping;
    if (stopping) printLine(said.endsWith("\n") ? "^C" : "\n^C");
    const { code } = await child.status;
    const expected = stopping ? code === 130 : step.fails ? code !== 0 : code === 0;
    if (!expected) throw new JumpstarterError("internal", `The command above ended with ${code}`);
    if (step.fails) printLine(`(exit code ${code})`);
  }
}

async function fetchPage(address: string): Promise<void> {
  printLine(`\n$ curl http://${address}/`);
  const answer = await fetch(`http://${address}/`);
  writeOut(await answer.text());
}

/** Starts the exporter on a free port as a process of its own, as on a bench. */
async function startExporter(config: string): Promise<{ address: string } & AsyncDisposable> {
  const args = ["exporter", "run", config, "--listen", "127.0.0.1:0", "--json", "--log-level", "error"];
  printLine(`$ ${displayed()} exporter run bench.yaml --listen 127.0.0.1:0`);
  const child = spawnSelf(args);
  let said = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })) {
    said += text;
    if (said.includes("\n")) break;
  }
  if (!said) throw new JumpstarterError("unavailable", "The exporter did not start");
  const { name, addresses } = JSON.parse(said) as { name: string; addresses: string[] };
  noteLine(`Serving ${name} on ${addresses[0]}`);
  return {
    address: addresses[0],
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

/** Starts this program again; what it prints is read, what it complains of is shown. */
function spawnSelf(args: string[]): Deno.ChildProcess {
  const [program, ...prefix] = selfCommand();
  const options = { stdin: "null", stdout: "piped", stderr: "inherit" } as const;
  return new Deno.Command(program, { args: [...prefix, ...args], ...options }).spawn();
}

/** How a user types the program's name. */
function displayed(): string {
  return Deno.build.standalone ? "jumpstarter" : "deno run -A cli.ts";
}
