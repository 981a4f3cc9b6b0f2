/** The escape menu of a console: what its user can do beside typing. @module */
import type { CommandIo } from "../../contract/command.ts";
import { writeAll } from "../../core/pipe.ts";
import { messageOf, usageError } from "../../core/errors.ts";
import { power, type PowerClient } from "../power.ts";
import type { SerialCalls } from "../serial.ts";
import { isMissing, recordsOf } from "../serial_session.ts";
import { type Protocol, protocols } from "../serial_send_file.ts";
import type { Screen } from "./screen.ts";

/** What the menu acts on. */
export interface Seat {
  readonly calls: SerialCalls;
  readonly io: CommandIo;
  readonly screen: Screen;
  /** Who looks on only may change nothing. */
  readonly watches: boolean;
  /** Why nothing of this one's may reach the device now. */
  readonly silence?: string;
  /** The name of the power switch that is meant where there are several. */
  readonly switchName?: string;
  /** The name of the escape key. */
  readonly escape: string;
  /** Asks for a line, while the device's words wait. */
  ask(question: string): Promise<string | undefined>;
  /** The escape key itself, for the device. */
  typeEscape(): Promise<void>;
  sendFile(path: string, protocol: Protocol): Promise<void>;
  /** Lets others type; nothing that is typed here goes to the device until it is taken back. */
  handOver(): Promise<void>;
  /** Holds the console, so that nobody else can type. */
  takeOver(): Promise<void>;
  /** Ends the console, once what is going on has ended. */
  detach(): void;
}

/** One thing that can be done. */
interface Entry {
  /** The key behind the escape key. */
  readonly key: string;
  readonly does: string;
  /** Whether it changes something, which who looks on may not. */
  readonly changes?: boolean;
  /** Whether it goes over the console's line, which whoever has handed over leaves to others. */
  readonly types?: boolean;
  run(seat: Seat): Promise<void> | void;
}

const entries: readonly Entry[] = [
  { key: "q", does: "leave; the board goes on", run: (seat) => seat.detach() },
  { key: "1", does: "power on", changes: true, run: (seat) => switchPower(seat, "on") },
  { key: "0", does: "power off", changes: true, run: (seat) => switchPower(seat, "off") },
  { key: "c", does: "power off, and on again after 2 s", changes: true, run: (seat) => switchPower(seat, "cycle") },
  { key: "b", does: "send a break", changes: true, types: true, run: sendBreak },
  {
    key: "f",
    does: "send a file: raw, xmodem, xmodem-1k or ymodem",
    changes: true,
    types: true,
    run: sendFile,
  },
  { key: "s", does: "save what was said to a file", run: saveLog },
  { key: "o", does: "hand over: let others type, and look on", changes: true, run: (seat) => seat.handOver() },
  { key: "t", does: "take over: nobody else can type", changes: true, run: (seat) => seat.takeOver() },
  { key: "?", does: "this list", run: showEntries },
];

/** Does what stands behind a key. What fails is said, and the console goes on. */
export async function act(key: number | undefined, escape: number, seat: Seat): Promise<void> {
  const { screen, watches } = seat;
  const pressed = String.fromCharCode(key ?? 0).toLowerCase();
  const entry = entries.find(({ key }) => key === pressed);
  try {
    if (key === escape) await seat.typeEscape();
    else if (!entry) screen.note(`There is nothing behind this key; ${seat.escape} ? shows what there is`);
    else if (entry.changes && watches) screen.note(`Who looks on cannot ${entry.does}; leave and come without --watch`);
    else if (entry.types && seat.silence) screen.note(seat.silence);
    else await entry.run(seat);
  } catch (error) {
    screen.note(messageOf(error));
  }
}

function showEntries({ screen, escape, watches }: Seat): void {
  screen.note(`Behind ${escape}:`);
  for (const { key, does, changes } of entries) if (!changes || !watches) screen.note(`  ${key}  ${does}`);
  if (!watches) screen.note(`  ${escape}  the key itself, for the device`);
}

/** Nobody waits for the switch: a key may have to be hit as soon as there is power. */
function switchPower(seat: Seat, how: "on" | "off" | "cycle"): void {
  const [name, client] = powerBeside(seat);
  const { screen, io: { signal } } = seat;
  screen.note(`${name}: ${how}`);
  client[how]({ signal }).then(
    () => screen.note(`${name}: ${how === "off" ? "off" : "on"} now`),
    (error) => screen.note(`${name}: ${messageOf(error)}`),
  );
}

function powerBeside({ io, switchName }: Seat): [string, PowerClient] {
  const all = [...io.beside(power)];
  const wanted = switchName === undefined ? all : all.filter(([name]) => name === switchName);
  if (wanted.length === 1) return wanted[0];
  if (all.length === 0) throw usageError("There is no power switch beside this console");
  const names = all.map(([name]) => name).join(", ");
  if (wanted.length === 0) {
    throw usageError(`There is no power switch ${switchName} beside this console, only ${names}`);
  }
  throw usageError(`There are several power switches beside this console: ${names}; choose by --power`);
}

async function sendBreak({ calls, screen, io: { signal } }: Seat): Promise<void> {
  try {
    await calls.sendBreak({}, { signal });
  } catch (error) {
    if (isMissing(error)) throw usageError("This console cannot send a break");
    throw error;
  }
  screen.note("Break sent");
}

async function sendFile(seat: Seat): Promise<void> {
  const path = await seat.ask("File to send");
  if (!path) return;
  const answer = await seat.ask(`Protocol: ${protocols.join(", ")} [xmodem]`);
  if (answer === undefined) return;
  const protocol = answer === "" ? "xmodem" : protocols.find((one) => one === answer.toLowerCase());
  if (!protocol) throw usageError(`There is no protocol ${answer}, only ${protocols.join(", ")}`);
  await seat.sendFile(path, protocol);
}

async function saveLog(seat: Seat): Promise<void> {
  const path = await seat.ask("File to write");
  if (!path) return;
  const { calls, screen, io: { signal } } = seat;
  using file = createFile(path);
  let bytes = 0;
  try {
    for await (const { data } of recordsOf(calls, { since: "0" }, signal)) {
      if (data === undefined) continue;
      const piece = Uint8Array.fromBase64(data);
      await writeAll(file, piece);
      bytes += piece.length;
    }
  } catch (error) {
    Deno.removeSync(path);
    throw error;
  }
  screen.note(`${bytes} bytes written to ${path}`);
}

function createFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, createNew: true });
  } catch (error) {
    const why = error instanceof Deno.errors.AlreadyExists ? "It exists already" : messageOf(error);
    throw usageError(`Cannot write ${path}: ${why}`);
  }
}
