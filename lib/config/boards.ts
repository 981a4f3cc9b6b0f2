/**
 * Boards by name: `boards.yaml` in the config folder. It is this program's own; upstream's files stay as they are.
 *
 * @module
 */
import { join } from "node:path";
import { stringify } from "yaml";
import * as z from "zod/mini";
import { JumpstarterError } from "../core/errors.ts";
import { didYouMean } from "../core/nearest.ts";
import { replaceFile } from "./atomic_file.ts";
import { checkYaml } from "./coerce.ts";
import { readYaml } from "./document.ts";
import { configFolder } from "./places.ts";
import { throwProblems } from "./problem.ts";

const board = z.strictObject({
  address: z.string().check(z.describe("HOST:PORT, or the path of a socket")),
  plaintext: z.optional(z.boolean()).check(z.describe("Go without TLS to another machine as well")),
  ca: z.optional(z.string()).check(
    z.describe("Authorities to trust, as PEM; beside a fingerprint, the one that it belongs to"),
  ),
  fingerprint: z.optional(z.string()).check(
    z.describe("SHA-256 of the exporter's own authority, which alone is trusted then"),
  ),
  passphrase_file: z.optional(z.string()).check(z.describe("File with the exporter's passphrase")),
});

/** How a board is reached. */
export type BoardEntry = z.infer<typeof board>;

const schema = z.strictObject({
  current: z.nullish(z.string()).check(z.describe("The board that is meant when none is named")),
  boards: z._default(z.record(z.string(), board), {}),
});

/** All boards of this user. */
export interface Boards {
  current?: string;
  boards: Record<string, BoardEntry>;
}

/** The file. */
export function boardsFile(): string {
  return join(configFolder(), "boards.yaml");
}

/** Reads the boards; without a file there are none. @throws {JumpstarterError} with everything that is wrong with it. */
export function loadBoards(): Boards {
  const file = boardsFile();
  try {
    Deno.statSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { boards: {} };
    // Reading it fails as well, and says so.
  }
  const yaml = readYaml(file);
  throwProblems(yaml.problems);
  const { value, problems } = checkYaml(yaml, schema, yaml.value ?? {}, []);
  throwProblems(problems);
  const { current, boards } = value!;
  return { current: current ?? undefined, boards };
}

/** Writes the boards, in one step and for this user only. */
export function saveBoards({ current, boards }: Boards): void {
  const text = stringify({ ...(current !== undefined && { current }), boards }, { lineWidth: 0 });
  replaceFile(boardsFile(), text);
}

/** A board by its name. @throws {JumpstarterError} `not_found` with the names that there are. */
export function requireBoard(name: string, { boards }: Boards = loadBoards()): BoardEntry {
  if (Object.hasOwn(boards, name)) return boards[name];
  const names = Object.keys(boards);
  throw new JumpstarterError("not_found", `There is no board "${name}"${didYouMean(name, names)}`, {
    phase: "usage",
    hint: names.length === 0 ? `jumpstarter board add ${name} HOST:PORT` : "jumpstarter board list",
  });
}

/** Refuses a name that would have to be quoted somewhere. */
export function checkBoardName(name: string): void {
  if (/^[A-Za-z0-9][\w.-]*$/.test(name)) return;
  throw new JumpstarterError(
    "invalid_argument",
    `Expected letters, digits, ".", "_" and "-" as a board's name, got ${JSON.stringify(name)}`,
    { phase: "usage" },
  );
}
