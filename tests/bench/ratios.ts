/**
 * Figures of contenders, and the ratios that are required of them.
 *
 * @module
 */
import type { PythonPeer } from "../interop/python.ts";

/** Samples by what they are of. */
export class Samples {
  readonly #samples = new Map<string, number[]>();

  add(name: string, value: number): void {
    this.#samples.set(name, [...this.#samples.get(name) ?? [], value]);
  }

  /** The median of what was added under a name. */
  median(name: string): number {
    const sorted = [...this.#samples.get(name) ?? []].sort((a, b) => a - b);
    if (sorted.length === 0) throw new Error(`Nothing was measured of ${name}`);
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
  }
}

/** What is required: the ratio of two figures, the other's to ours or, where more is better, ours to the other's. */
export interface Requirement {
  readonly what: string;
  readonly unit: string;
  readonly ours: string;
  readonly other: string;
  readonly moreIsBetter?: boolean;
  readonly ratio: number;
}

/** One bench on a peer's programs and ours; what it writes goes to a folder. */
export type Bench = (peer: PythonPeer, scratch: string) => {
  readonly requirements: readonly Requirement[];
  /** Measures everything once. */
  round(samples: Samples): Promise<void>;
};

/** Prints what was measured. `false` when a ratio is lower than it has to be. */
export function report(requirements: readonly Requirement[], samples: Samples): boolean {
  const judged = requirements.map((requirement) => judge(requirement, samples));
  const width = Math.max(...judged.map(({ what }) => what.length));
  console.log(`${"".padEnd(width)}  ${"ours".padStart(16)}  ${"theirs".padStart(16)}   ratio  required`);
  for (const { what, ours, other, ratio, least, met } of judged) {
    const verdict = met ? "" : "  MISSED";
    console.log(
      `${what.padEnd(width)}  ${ours.padStart(16)}  ${other.padStart(16)}  ${show(ratio).padStart(6)}  ` +
        `${show(least).padStart(8)}${verdict}`,
    );
  }
  return judged.every(({ met }) => met);
}

/** A requirement with the figures that were measured. */
function judge({ what, unit, ours, other, moreIsBetter, ratio: least }: Requirement, samples: Samples) {
  const [a, b] = [samples.median(ours), samples.median(other)];
  const ratio = moreIsBetter ? a / b : b / a;
  return { what, ours: `${show(a)} ${unit}`, other: `${show(b)} ${unit}`, ratio, least, met: ratio >= least };
}

/** Three digits, or as many as stand before the point. */
export function show(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
