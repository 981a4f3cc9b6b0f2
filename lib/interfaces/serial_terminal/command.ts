/** The command `console`. @module */
import * as z from "zod/mini";
import { type Command, command, type CommandIo } from "../../contract/command.ts";
import { JumpstarterError, usageError } from "../../core/errors.ts";
import { controlKey, nameOfControlKey } from "../../streams/escape_keys.ts";
import { type ConsoleState, type SerialCalls, Since } from "../serial.ts";
import { awayText, stateOf } from "../serial_session.ts";
import { sit } from "./sitting.ts";

/** The command. */
export function consoleCommand(calls: SerialCalls): Command {
  return command("Sit at the console: your terminal is the device's", async (given, io) => {
    const { watch, claim, since, power } = given;
    const escape = controlKey(given.escape);
    const { terminal, signal } = io;
    if (!terminal) {
      throw new JumpstarterError("invalid_argument", "A console needs a terminal as standard input, and no --json", {
        hint: "pipe sends what is piped in and prints what the console says",
        phase: "usage",
      });
    }
    if (watch && claim !== undefined) throw usageError("--watch and --claim contradict each other");
    const state = await stateOf(calls, signal);
    if (claim !== undefined) await calls.claim({ name: claim }, { signal });
    const greeting = statusLine(io, state, nameOfControlKey(escape), watch);
    const end = await sit(calls, io, terminal, {
      watches: watch,
      claim,
      since,
      switchName: power,
      escape,
      state,
      greeting,
    });
    io.note(end === "left" ? `Left ${io.place}` : `${io.place} has ended`);
  }, {
    options: {
      watch: z._default(z.boolean(), false).check(z.describe("Look on only: nothing is typed")),
      claim: z.optional(z.string().check(z.minLength(1), z.maxLength(200))).check(
        z.describe("Hold the console under this name: nobody else can type"),
      ),
      since: z._default(Since, "boot").check(
        z.describe("What is shown first: since boot, 0 for all that is kept, 5m, now"),
      ),
      escape: z._default(z.string(), "^]").check(z.describe("Key of the menu; pressed twice, it goes to the device")),
      power: z.optional(z.string()).check(
        z.describe("Name of the menu's power switch, where several stand beside the console"),
      ),
    },
    short: { watch: "w", escape: "e" },
  });
}

function statusLine(io: CommandIo, state: ConsoleState | undefined, escape: string, watch: boolean): string {
  const keys = `${escape} q leaves, ${escape} ? shows what else there is`;
  const away = state?.away === undefined ? "" : ` ${awayText(state.away)}.`;
  return `${io.place}${watch ? ", looking on" : ""}: ${state ? company(state) : "live only"}.${away} ${keys}`;
}

/** Who else is there. */
function company({ holder, writer, others }: ConsoleState): string {
  const here = others === 0 ? "nobody else is here" : others === 1 ? "one other is here" : `${others} others are here`;
  if (holder !== undefined) return `${here}, held by ${holder}`;
  return writer === undefined ? here : `${here}, ${writer} types`;
}
