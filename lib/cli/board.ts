/**
 * `jumpstarter board`: names for exporters on other machines, with what it takes to trust them.
 *
 * @module
 */
import { Command as Commander } from "commander";
import { resolve } from "node:path";
import { parseAddress } from "../client/address.ts";
import { readPassphrase, type Security, trustAt, withAuthority } from "../client/security.ts";
import { type BoardEntry, boardsFile, checkBoardName, loadBoards, requireBoard, saveBoards } from "../config/boards.ts";
import { JumpstarterError } from "../core/errors.ts";
import { addTrustOptions } from "./client.ts";
import { noteLine, printLine } from "./output.ts";

const help = `
A board is an exporter's address, whom to trust there, and where its passphrase is kept. With --tls-fingerprint the
exporter is asked for its authority once, which is compared and kept. Names are kept in boards.yaml in your
configuration folder.

Examples:
  jumpstarter board add bench1 pi:7000 --tls-fingerprint 9F:86:… --passphrase-file p.txt
  jumpstarter board use bench1
  jumpstarter client power on`;

interface AddFlags {
  plaintext?: boolean;
  tlsCa?: string;
  tlsFingerprint?: string;
  passphraseFile?: string;
  json?: boolean;
}

/** The command with its parts. */
export function boardCommand(): Commander {
  const command = new Commander("board")
    .description("Name exporters, and choose the one that is meant when none is named.")
    .addHelpText("after", help);
  const add = command.command("add")
    .argument("<name>", "letters, digits, `.`, `_` and `-`")
    .argument("<address>", "HOST:PORT, ssh://[USER@]HOST[:PORT][/PATH-OF-CONFIG], or the path of a socket")
    .description("Give a board a name; one that is there is replaced.")
    .option("--plaintext", "go to another machine without TLS")
    .option("--passphrase-file <file>", "file with the exporter's passphrase, which stays where it is");
  addTrustOptions(add).option("--json", "print the board as JSON").action(addBoard);
  command.command("list")
    .description("Print the boards; a star marks the one that is meant when none is named.")
    .option("--json", "print JSON")
    .action(listBoards);
  command.command("use")
    .argument("<name>", "board that is meant when none is named")
    .description("Choose the board that is meant when none is named.")
    .option("--json", "print the board as JSON")
    .action((name: string, { json }: { json?: boolean }) => {
      const all = loadBoards();
      const entry = requireBoard(name, all);
      saveBoards({ ...all, current: name });
      report(name, entry, json, `Using board ${name} from now on`);
    });
  command.command("remove")
    .argument("<name>", "board to forget")
    .description("Forget a board.")
    .option("--json", "print the board as JSON")
    .action((name: string, { json }: { json?: boolean }) => {
      const { current, boards } = loadBoards();
      const entry = requireBoard(name, { boards });
      const { [name]: _, ...others } = boards;
      saveBoards({ current: current === name ? undefined : current, boards: others });
      report(name, entry, json, `Removed board ${name}`);
    });
  return command;
}

async function addBoard(name: string, address: string, flags: AddFlags): Promise<void> {
  checkBoardName(name);
  const where = parseAddress(address);
  const { plaintext, tlsCa, tlsFingerprint, passphraseFile } = flags;
  if (passphraseFile !== undefined) readPassphrase(passphraseFile);
  const wished: Security = { plaintext, tlsCa, tlsFingerprint };
  const trust = await trustAt(where, await withAuthority(where, wished, limitMs), limitMs);
  const pem = trust && "pem" in trust && (tlsCa ?? tlsFingerprint) !== undefined ? trust.pem : undefined;
  const entry: BoardEntry = {
    address,
    ...(plaintext && { plaintext }),
    ...(tlsFingerprint !== undefined && { fingerprint: await normal(tlsFingerprint) }),
    ...(pem !== undefined && { ca: pem }),
    ...(passphraseFile !== undefined && { passphrase_file: resolve(passphraseFile) }),
  };
  const { current, boards } = loadBoards();
  saveBoards({ current, boards: { ...boards, [name]: entry } });
  report(
    name,
    entry,
    flags.json,
    `Added board ${name} to ${boardsFile()}; jumpstarter board use ${name} makes it yours`,
  );
}

/** Limit for asking an exporter for its authority, in milliseconds. */
const limitMs = 10_000;

async function normal(fingerprint: string): Promise<string> {
  const { parseFingerprint } = await import("../wire/tls/pem.ts");
  return parseFingerprint(fingerprint);
}

function listBoards({ json }: { json?: boolean }): void {
  const { current, boards } = loadBoards();
  if (current !== undefined && !Object.hasOwn(boards, current)) {
    throw new JumpstarterError("not_found", `The board "${current}" is chosen, but there is none of that name`, {
      phase: "config",
      hint: "jumpstarter board use NAME chooses another one",
    });
  }
  const rows = Object.entries(boards).sort(([a], [b]) => a < b ? -1 : 1);
  if (json) return printLine(JSON.stringify(rows.map(([name, entry]) => boardJson(name, entry, name === current))));
  if (rows.length === 0) return noteLine("There are no boards yet; jumpstarter board add NAME HOST:PORT");
  const width = (values: string[]) => Math.max(...values.map((value) => value.length));
  const names = width(rows.map(([name]) => name));
  const addresses = width(rows.map(([, { address }]) => address));
  for (const [name, entry] of rows) {
    const mark = name === current ? "*" : " ";
    printLine(`${mark} ${name.padEnd(names)}  ${entry.address.padEnd(addresses)}  ${trustOf(entry)}`);
  }
}

/** Whom an entry trusts, in a word or two. */
function trustOf({ plaintext, ca, fingerprint }: BoardEntry): string {
  if (plaintext) return "plaintext";
  if (fingerprint !== undefined) return `pinned ${fingerprint.slice(0, 11)}…`;
  return ca === undefined ? "default" : "own authorities";
}

function report(name: string, entry: BoardEntry, json: boolean | undefined, text: string): void {
  if (json) printLine(JSON.stringify(boardJson(name, entry)));
  else noteLine(text);
}

function boardJson(name: string, { passphrase_file, ...entry }: BoardEntry, current?: boolean): unknown {
  return { name, ...entry, passphraseFile: passphrase_file, current };
}
