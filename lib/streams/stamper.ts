/** Times in front of the lines of a log. @module */

const newline = 10;
const encoder = new TextEncoder();

/** Puts the time at which a line began in front of it. */
export class Stamper {
  #atStart = true;

  /** Bytes with the times of the lines that begin in them. */
  bytes(bytes: Uint8Array, timeMs: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let from = 0; from < bytes.length;) {
      if (this.#atStart) parts.push(stamp(timeMs));
      const end = bytes.indexOf(newline, from);
      const until = end < 0 ? bytes.length : end + 1;
      parts.push(bytes.subarray(from, until));
      this.#atStart = end >= 0;
      from = until;
    }
    return joined(parts);
  }

  /** A line of its own between those of the device. */
  line(text: string, timeMs: number): Uint8Array {
    const parts = [encoder.encode(this.#atStart ? "" : "\n"), stamp(timeMs), encoder.encode(`${text}\n`)];
    this.#atStart = true;
    return joined(parts);
  }
}

function stamp(timeMs: number): Uint8Array {
  return encoder.encode(`[${new Date(timeMs).toISOString()}] `);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
