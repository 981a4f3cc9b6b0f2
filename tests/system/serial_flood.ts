/**
 * A board that floods its serial port while people look on, one of them asleep, and others type: what must hold of the
 * record, of every viewer, and of what was typed. The port is a pseudo-terminal, which pushes back where a UART would
 * overrun, so this proves everything behind the port.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect, type ConsoleRecord, serial } from "../../mod.ts";
import { sinkOf } from "../../lib/core/byte_stream.ts";
import { writeAll } from "../../lib/core/pipe.ts";
import { libc } from "../../lib/hardware/libc.ts";
import { openPseudoTerminal, type PseudoTerminal } from "../../lib/hardware/pseudo_terminal.ts";
import { startExporter, temporaryFolder } from "./program.ts";

libc(); // Part of the process from then on, not of one test.

/** What the exporter keeps; the sleeper misses the rest. */
const historyBytes = 1024 * 1024;

/** How much is said, and how often another one types meanwhile. */
export interface Flood {
  /** Bytes that the board says. */
  total: number;
  /** A hand-over each time the board has said that many bytes more. */
  handOverBytes: number;
  limitMs: number;
}

/** What came of it. */
export interface Flooded {
  /** From the first byte to the record's last. */
  seconds: number;
  handOvers: number;
  /** Bytes that viewers who kept reading were told they had missed, by the viewer. */
  missed: Record<string, number>;
  /** Bytes that the sleeper was told it had missed. */
  slept: number;
}

/** Runs it against an exporter of its own, and checks everything. */
export async function flood(size: Flood): Promise<Flooded> {
  const { total, limitMs } = size;
  using folder = temporaryFolder();
  using terminal = openPseudoTerminal();
  const record = `${folder.path}/console.log`;
  const port = { url: terminal.path, record, record_bytes: 2 * total, history_bytes: historyBytes };
  const config = folder.file(
    "bench.yaml",
    `metadata: { name: flood }\nexport: { console: { type: serial, config: ${JSON.stringify(port)} } }\n`,
  );
  await using exporter = await startExporter(config, [], { limitMs });
  const { address: host } = exporter;

  const sleeper = await Viewer.open("sleeper", host);
  await sleeper.next();
  const viewers = [await Viewer.open("steady", host), await Viewer.open("reconnecting", host)];
  const board = new Board(terminal, total);
  const since = performance.now();
  const said = board.say();
  const watching = viewers.map((viewer) => viewer.readTo(total, viewer.name === "reconnecting" ? total / 2 : Infinity));
  const handOvers = typeInTurn(host, board, size);
  await Promise.all([said, ...watching]);
  const seconds = (performance.now() - since) / 1000;
  await handOvers;

  // A viewer hears a byte after it was recorded.
  assertPattern(Deno.readFileSync(record), 0);
  assert.equal(Deno.statSync(record).size, total);
  await sleeper.readTo(total, Infinity);
  assert.ok(sleeper.missed > 0, "The sleeper missed nothing: it read, or the flood was too small for this");
  for (const viewer of [...viewers, sleeper]) await viewer.close();
  const missed = Object.fromEntries(viewers.map(({ name, missed }) => [name, missed]));
  return { seconds, handOvers: await handOvers, missed, slept: sleeper.missed };
}

/** Bytes that tell where they belong: no power of two divides the length. */
const pattern = (() => {
  const bytes = new Uint8Array(1_000_003);
  let state = 1;
  for (let at = 0; at < bytes.length; at++) {
    state = Math.imul(state, 1_103_515_245) + 12_345;
    bytes[at] = state >>> 16;
  }
  return bytes;
})();

/** Fails at the first byte that does not belong at its offset. */
function assertPattern(bytes: Uint8Array, offset: number): void {
  for (let at = 0; at < bytes.length;) {
    const from = (offset + at) % pattern.length;
    const count = Math.min(bytes.length - at, pattern.length - from);
    if (Buffer.compare(bytes.subarray(at, at + count), pattern.subarray(from, from + count)) !== 0) {
      const wrong = bytes.subarray(at, at + count).findIndex((byte, index) => byte !== pattern[from + index]);
      assert.fail(`The byte at ${offset + at + wrong} is not the one that was sent there`);
    }
    at += count;
  }
}

/** The board at the other end of the line. */
class Board {
  said = 0;
  readonly #terminal: PseudoTerminal;
  readonly #total: number;
  #waiting: { at: number; resolve(): void }[] = [];

  constructor(terminal: PseudoTerminal, total: number) {
    this.#terminal = terminal;
    this.#total = total;
  }

  async say(): Promise<void> {
    while (this.said < this.#total) {
      const from = this.said % pattern.length;
      const part = pattern.subarray(from, Math.min(from + 64 * 1024, from + this.#total - this.said));
      await writeAll(this.#terminal, part);
      this.said += part.length;
      this.#waiting = this.#waiting.filter(({ at, resolve }) => at > this.said || resolve());
    }
  }

  /** Resolves once that much has been said. */
  reached(at: number): Promise<void> {
    return new Promise((resolve) => at <= this.said ? resolve() : this.#waiting.push({ at, resolve }));
  }

  async hears(text: string): Promise<void> {
    const bytes = new Uint8Array(text.length);
    for (let done = 0; done < bytes.length;) done += (await this.#terminal.read(bytes.subarray(done)))!;
    assert.equal(new TextDecoder().decode(bytes), text);
  }
}

/** Somebody who looks on through records. Each byte is checked, and whatever is missing has to be told. */
class Viewer {
  readonly name: string;
  missed = 0;
  readonly #host: string;
  #offset = 0;
  #board: Awaited<ReturnType<typeof boardAt>>;
  #records: AsyncIterator<ConsoleRecord>;

  private constructor(name: string, host: string, board: Awaited<ReturnType<typeof boardAt>>) {
    this.name = name;
    this.#host = host;
    this.#board = board;
    this.#records = this.#follow();
  }

  static async open(name: string, host: string): Promise<Viewer> {
    return new Viewer(name, host, await boardAt(host));
  }

  /** Reads to an offset, over a new connection from another one on. */
  async readTo(total: number, reconnectAt: number): Promise<void> {
    for (let isNew = true; this.#offset < total;) {
      await this.next();
      if (isNew && this.#offset >= reconnectAt) {
        isNew = false;
        await this.close();
        this.#board = await boardAt(this.#host);
        this.#records = this.#follow();
      }
    }
  }

  async next(): Promise<void> {
    const { value, done } = await this.#records.next();
    assert.ok(!done, `The records of ${this.name} ended at ${this.#offset}`);
    const { mark, offset, text, data }: ConsoleRecord = value;
    if (mark === "gap") {
      assert.equal(offset, this.#offset);
      const bytes = Number.parseInt(text!);
      this.missed += bytes;
      this.#offset += bytes;
    }
    if (data === undefined) return;
    assert.equal(offset, this.#offset, `${this.name} was not told what is missing`);
    const bytes = Uint8Array.fromBase64(data);
    assertPattern(bytes, offset);
    this.#offset += bytes.length;
  }

  async close(): Promise<void> {
    await this.#board[Symbol.asyncDispose]();
  }

  #follow(): AsyncIterator<ConsoleRecord> {
    const since = String(this.#offset);
    return this.#board.console.records({ since, follow: true })[Symbol.asyncIterator]();
  }
}

function boardAt(host: string) {
  return connect({ host }, { console: serial });
}

/** Two people take the console from each other, and each types a line that has to arrive. */
async function typeInTurn(host: string, board: Board, { total, handOverBytes }: Flood): Promise<number> {
  await using one = await boardAt(host);
  await using other = await boardAt(host);
  let count = 0;
  for (let at = handOverBytes; at <= total; at += handOverBytes) {
    await board.reached(at);
    const { console } = count % 2 === 0 ? one : other;
    await console.claim({ name: `number ${count}` });
    await using input = await console.input();
    const line = `line ${count}\r`;
    await sinkOf(input).write(new TextEncoder().encode(line));
    await board.hears(line);
    await console.release();
    count++;
  }
  return count;
}
