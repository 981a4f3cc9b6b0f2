/** The marks in a console's history, for people. @module */
import { printableLine } from "../core/printable.ts";
import type { ConsoleRecord } from "./serial.ts";

/** A mark and what there is to say about it. */
export function markText({ mark, text }: ConsoleRecord): string {
  const named = { "power-on": "power on", writer: "typing" }[mark as string] ?? mark!;
  return text ? `${named}: ${printableLine(text)}` : named;
}
