/** How far a command is: a bar on a terminal, lines of JSON for programs. @module */
import type { Progress } from "../contract/command.ts";

/** Between two pictures of the bar, and between two lines, in milliseconds. */
const barMs = 100;
const lineMs = 1_000;

/** Over how long the rate is measured, in milliseconds. */
const rateMs = 5_000;

/** Columns of what stands around the bar, which is as long as the rest lets it be. */
const textColumns = 68;

/** What a progress is shown with. */
export interface ProgressOutput {
  /** Takes the place of the bar. Left out: there is no terminal. */
  bar?(text: string): void;
  /** Takes one event. Left out: nobody wants events. */
  event?(event: object): void;
  /** Columns of the terminal. */
  columns?(): number;
  nowMs?(): number;
}

/** What is known of one stage. */
interface Stage {
  readonly startMs: number;
  shownMs: number;
  /** Bytes at some moments of the last seconds. */
  readonly marks: { atMs: number; bytes: number }[];
}

/** Shows progress, not more often than is of use. The bar shows one stage, programs get those beside it as well. */
export class ProgressView {
  readonly #output: ProgressOutput;
  readonly #stages = new Map<string, Stage>();
  /** Which one the bar shows. */
  #current?: string;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  show(progress: Progress): void {
    const { bar, event, nowMs = () => performance.now() } = this.#output;
    const { beside = false, ...told } = progress;
    const { stage: name, bytes, total } = told;
    if (!event && (!bar || beside)) return;
    const atMs = nowMs();
    const isNew = !this.#stages.has(name) || !beside && name !== this.#current;
    const stage = isNew ? { startMs: atMs, shownMs: atMs, marks: [] } : this.#stages.get(name)!;
    this.#stages.set(name, stage);
    if (!beside) this.#current = name;
    if (bytes === total && stage.marks.at(-1)?.bytes === total) return;
    if (!isNew && bytes !== total && atMs - stage.shownMs < (event ? lineMs : barMs)) return;
    stage.shownMs = atMs;
    stage.marks.push({ atMs, bytes });
    while (stage.marks.length > 2 && atMs - stage.marks[1].atMs > rateMs) stage.marks.shift();
    if (event) return event(told);
    const columns = this.#output.columns?.() ?? 80;
    bar!(this.#text(progress, stage, atMs, columns).slice(0, Math.max(20, columns - 1)));
  }

  #text(
    { stage, bytes, total }: Progress,
    { marks: [first], startMs }: Stage,
    atMs: number,
    columns: number,
  ): string {
    const spanMs = atMs - first.atMs || atMs - startMs;
    const rate = spanMs > 0 ? (bytes - (atMs === first.atMs ? 0 : first.bytes)) / spanMs * 1000 : 0;
    const parts = [stage.padEnd(10)];
    if (total) {
      const share = Math.min(1, bytes / total);
      const width = Math.min(20, columns - textColumns);
      const full = Math.floor(share * width);
      const bar = width < 5 ? "" : `${"█".repeat(full)}${"░".repeat(width - full)} `;
      parts.push(`${bar}${String(Math.floor(share * 100)).padStart(3)} %`);
    }
    parts.push(total ? `${sizeText(bytes)} of ${sizeText(total)}` : sizeText(bytes));
    if (rate > 0) parts.push(`${sizeText(rate)}/s`);
    if (rate > 0 && total && total > bytes) parts.push(`${timeText((total - bytes) / rate)} left`);
    return parts.join("  ");
  }
}

/** `1.4 GiB`, `12.0 MiB`, `512 B`. */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** `3:07`, `1:02:03`. */
function timeText(seconds: number): string {
  const whole = Math.min(359_999, Math.ceil(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${Math.floor(whole / 60) % 60}`;
  return hours > 0 ? `${hours}:${rest.padStart(2, "0")}:${two(whole % 60)}` : `${rest}:${two(whole % 60)}`;
}
