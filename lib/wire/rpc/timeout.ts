/**
 * The `grpc-timeout` header: at most eight digits and a unit.
 *
 * @module
 */

/** Milliseconds of each unit. */
const units: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds after which timers of the runtime no longer hold; a longer limit is as good as none. */
const longestTimerMs = 0x7fff_ffff;

/** Writes a limit of `ms` milliseconds, rounded up to what eight digits can say. */
export function formatTimeout(ms: number): string {
  for (const unit of ["m", "S", "M"]) {
    const count = Math.max(0, Math.ceil(ms / units[unit]));
    if (count < 1e8) return `${count}${unit}`;
  }
  return `${Math.min(99_999_999, Math.ceil(ms / units.H))}H`;
}

/** Reads a limit as milliseconds; `undefined` when the text is none. */
export function parseTimeout(text: string): number | undefined {
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(text);
  return match === null ? undefined : Number(match[1]) * units[match[2]];
}

/** Calls `expire` after `ms` milliseconds, or never where that is longer than timers hold. Returns what stops it. */
export function startTimer(ms: number, expire: () => void): ReturnType<typeof setTimeout> | undefined {
  return ms > longestTimerMs ? undefined : setTimeout(expire, ms);
}
