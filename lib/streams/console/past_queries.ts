/** What a device has asked a terminal in the past, and must not ask again when that is shown. @module */
import { Buffer } from "node:buffer";

/**
 * Everything that xterm answers (Xterm Control Sequences, patch 390): ENQ, DECID, reports of status and cursor (`n`),
 * attributes (`c`), parameters (`x`), version (`> q`), keyboard (`? u`), modes (`$ p`) and the window (`t`), questions for
 * colours (OSC with `?`) and for settings (DCS).
 */
// deno-lint-ignore no-control-regex
const queries = /\x05|\x1bZ|\x1b\[(?:[?>=]?[\d;]*(?:[ncx]|\$p)|>\d*q|\?u|(?:1[1-9]|2[01])(?:;\d*)*t)/
  .source;
// deno-lint-ignore no-control-regex
const strings = /\x1b\][^\x07\x1b]*\?(?:\x07|\x1b\\)|\x1bP[$+]q[^\x1b]*\x1b\\/.source;
const query = new RegExp(`${queries}|${strings}`, "g");

/** What may be the beginning of one. */
// deno-lint-ignore no-control-regex
const beginning = /\x1b(?:\[[?>=]?[\d;]*\$?|\][^\x07\x1b]*\x1b?|P[^\x1b]*\x1b?)?$/;
/** Bytes of a beginning that are waited with; a longer one is shown. */
const longestBeginning = 256;

/** Takes the questions out of what a device said before an offset. */
export class PastQueries {
  readonly #end: number;
  #held = "";

  /** `end` is the offset at which the past ends. */
  constructor(end: number) {
    this.#end = end;
  }

  /** What is to be shown of the bytes at an offset. */
  shown(bytes: Uint8Array, offset: number): Uint8Array {
    const past = Math.max(0, Math.min(this.#end - offset, bytes.length));
    if (past === 0 && this.#held === "") return bytes;
    const said = this.#held + Buffer.from(bytes.subarray(0, past)).toString("latin1");
    const isOver = offset + bytes.length >= this.#end;
    const at = isOver ? -1 : said.search(beginning);
    const whole = at < 0 || said.length - at > longestBeginning ? said.length : at;
    this.#held = said.slice(whole);
    return Buffer.concat([Buffer.from(said.slice(0, whole).replace(query, ""), "latin1"), bytes.subarray(past)]);
  }
}
