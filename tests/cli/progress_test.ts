import assert from "node:assert/strict";
import type { Progress } from "../../lib/contract/command.ts";
import { ProgressView, sizeText } from "../../lib/cli/progress.ts";

const MiB = 1024 * 1024;

/** A view whose clock a test sets. */
function view(kind: "bar" | "event", columns = 120) {
  let nowMs = 0;
  const seen: unknown[] = [];
  const shown = new ProgressView({
    [kind]: (what: unknown) => void seen.push(what),
    columns: () => columns,
    nowMs: () => nowMs,
  });
  return { seen, show: (atMs: number, progress: Progress) => (nowMs = atMs, shown.show(progress)) };
}

Deno.test("A bar has stage, share, size, rate and the time that is left", () => {
  const { seen, show } = view("bar");
  show(0, { stage: "transfer", bytes: 0, total: 100 * MiB });
  show(1_000, { stage: "transfer", bytes: 25 * MiB, total: 100 * MiB });
  show(4_000, { stage: "transfer", bytes: 100 * MiB, total: 100 * MiB });
  assert.deepEqual(seen, [
    "transfer    ░░░░░░░░░░░░░░░░░░░░   0 %  0 B of 100.0 MiB",
    "transfer    █████░░░░░░░░░░░░░░░  25 %  25.0 MiB of 100.0 MiB  25.0 MiB/s  0:03 left",
    "transfer    ████████████████████ 100 %  100.0 MiB of 100.0 MiB  25.0 MiB/s",
  ]);
});

Deno.test("The bar is as long as the rest lets it be, so that the time that is left is seen on 80 columns", () => {
  const lines = [80, 70].map((columns) => {
    const { seen, show } = view("bar", columns);
    show(0, { stage: "transfer", bytes: 0, total: 1_000 * MiB });
    show(1_000, { stage: "transfer", bytes: 100 * MiB, total: 1_000 * MiB });
    return seen[1];
  });
  assert.deepEqual(lines, [
    "transfer    █░░░░░░░░░░░  10 %  100.0 MiB of 1000.0 MiB  100.0 MiB/s  0:09 left",
    "transfer     10 %  100.0 MiB of 1000.0 MiB  100.0 MiB/s  0:09 left",
  ]);
});

Deno.test("A bar without a total has size and rate only", () => {
  const { seen, show } = view("bar");
  show(0, { stage: "transfer", bytes: 0 });
  show(2_000, { stage: "transfer", bytes: 3 * 1024 * MiB });
  assert.equal(seen[1], "transfer    3.0 GiB  1.5 GiB/s");
});

Deno.test("A bar is drawn ten times a second, at a new stage, and at the end of one", () => {
  const { seen, show } = view("bar");
  for (let atMs = 0; atMs < 1_000; atMs++) show(atMs, { stage: "transfer", bytes: atMs, total: 1_000 });
  assert.equal(seen.length, 10);
  show(1_000, { stage: "transfer", bytes: 1_000, total: 1_000 });
  show(1_001, { stage: "verify", bytes: 0, total: 1_000 });
  assert.equal(seen.length, 12);
});

Deno.test("Programs get one event a second, a new stage and an end at once", () => {
  const { seen, show } = view("event");
  for (let atMs = 0; atMs <= 2_500; atMs += 100) show(atMs, { stage: "transfer", bytes: atMs, total: 2_500 });
  show(2_501, { stage: "verify", bytes: 0 });
  assert.deepEqual(seen, [
    { stage: "transfer", bytes: 0, total: 2_500 },
    { stage: "transfer", bytes: 1_000, total: 2_500 },
    { stage: "transfer", bytes: 2_000, total: 2_500 },
    { stage: "transfer", bytes: 2_500, total: 2_500 },
    { stage: "verify", bytes: 0 },
  ]);
});

Deno.test("A stage that goes on beside another one is for programs, with a rhythm of its own", () => {
  const steps: [number, Progress][] = [
    [0, { stage: "transfer", bytes: 10, total: 90 }],
    [1, { stage: "write", bytes: 5, total: 90, beside: true }],
    [500, { stage: "write", bytes: 40, total: 90, beside: true }],
    [1_000, { stage: "transfer", bytes: 90, total: 90 }],
    [1_001, { stage: "transfer", bytes: 90, total: 90 }],
    [1_002, { stage: "sync", bytes: 80, beside: true }],
    [1_100, { stage: "write", bytes: 90, total: 90 }],
  ];
  const [bar, event] = [view("bar"), view("event")];
  for (const [atMs, progress] of steps) bar.show(atMs, progress), event.show(atMs, progress);
  const named = (seen: unknown[]) => seen.map((text) => String(text).split(" ")[0]);
  assert.deepEqual(named(bar.seen), ["transfer", "transfer", "write"]);
  assert.deepEqual(
    event.seen,
    [0, 1, 3, 5, 6].map((index) => {
      const { beside: _, ...told } = steps[index][1];
      return told;
    }),
  );
});

Deno.test("sizeText() has units of 1024", () => {
  assert.deepEqual([0, 1023, 1024, 1536, MiB, 5 * 1024 ** 4].map(sizeText), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "1.0 MiB",
    "5.0 TiB",
  ]);
});
