import assert from "node:assert/strict";
import fc from "fast-check";
import { type Entry, History, type Place } from "../../../lib/streams/console/history.ts";

/** A history on a clock that the test moves. */
function history(bytes: number) {
  const clock = { timeMs: 1_000 };
  const kept = new History({ bytes, now: () => clock.timeMs });
  return { kept, clock };
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

function readAll(kept: History, from: Place): Entry[] {
  const place = { ...from };
  const entries: Entry[] = [];
  for (let entry = kept.read(place); entry; entry = kept.read(place)) entries.push(entry);
  return entries;
}

/** Entries for people: text, or the mark with what it says. */
function told(entries: Entry[]): string[] {
  return entries.map((entry) => {
    const what = "bytes" in entry ? new TextDecoder().decode(entry.bytes) : `<${entry.mark}>`;
    return `${entry.offset}@${entry.timeMs} ${what}`;
  });
}

Deno.test("Bytes keep the time they came at, and marks their place between them", () => {
  const { kept, clock } = history(64);
  using _ = kept;
  kept.mark("opened");
  kept.append(bytesOf("one"));
  clock.timeMs += 5;
  kept.append(bytesOf(" and"));
  clock.timeMs += 100;
  kept.append(bytesOf(" two"));
  kept.mark("lost", "unplugged");
  assert.deepEqual(told(readAll(kept, kept.oldest)), [
    "0@1000 <opened>",
    "0@1000 one and",
    "7@1105  two",
    "11@1105 <lost>",
  ]);
});

Deno.test("A place in the middle, in time and at the last start of the board is found", () => {
  const { kept, clock } = history(64);
  using _ = kept;
  kept.append(bytesOf("old "));
  clock.timeMs += 60_000;
  const switchedOn = kept.now;
  kept.append(bytesOf("boot "));
  kept.bootedAt(switchedOn);
  clock.timeMs += 60_000;
  kept.append(bytesOf("login"));
  assert.deepEqual(told(readAll(kept, kept.boot)), ["4@61000 boot ", "9@61000 <power-on>", "9@121000 login"]);
  assert.deepEqual(told(readAll(kept, kept.ago(60_000))).slice(0, 1), ["4@61000 boot "]);
  assert.deepEqual(told(readAll(kept, kept.ago(1))), ["9@121000 login"]);
  assert.deepEqual(told(readAll(kept, kept.at(6))).slice(0, 1), ["6@61000 ot "]);
  assert.deepEqual(readAll(kept, kept.now), []);
});

Deno.test("A session in which the board was not switched on boots at its start", () => {
  const { kept } = history(64);
  using _ = kept;
  kept.append(bytesOf("hello"));
  assert.deepEqual(told(readAll(kept, kept.boot)), ["0@1000 hello"]);
});

Deno.test("A reader that is too slow is told how much it missed, and goes on with what is kept", () => {
  const { kept } = history(8);
  using _ = kept;
  const place = kept.now;
  kept.append(bytesOf("0123456789ab"));
  const [gap, ...rest] = readAll(kept, place);
  assert.deepEqual(gap, { offset: 0, timeMs: 1_000, mark: "gap", text: "4 bytes are no longer kept" });
  assert.deepEqual(told(rest), ["4@1000 456789ab"]);
});

Deno.test("Marks without bytes do not grow for ever", () => {
  const { kept } = history(64);
  using _ = kept;
  for (let count = 0; count < 5_000; count++) kept.mark("writer", `${count}`);
  assert.equal(readAll(kept, kept.oldest).length, 1024);
});

Deno.test("A history of more than 4 MiB is kept in a file, and reads the same", () => {
  const size = 5 * 1024 * 1024;
  const { kept } = history(size);
  using _ = kept;
  const chunk = new Uint8Array(1024 * 1024 + 7);
  for (let count = 0; count < 8; count++) {
    chunk.forEach((_, index) => chunk[index] = (count * chunk.length + index) % 251);
    kept.append(chunk);
  }
  let offset = kept.start;
  assert.equal(kept.end - offset, size);
  for (const entry of readAll(kept, kept.oldest)) {
    if (!("bytes" in entry)) continue;
    assert.equal(entry.offset, offset);
    assert.ok(entry.bytes.every((byte, index) => byte === (offset + index) % 251));
    offset += entry.bytes.length;
  }
  assert.equal(offset, kept.end);
});

Deno.test("Whatever is written and read in whatever order, a reader gets every byte once or is told of its gap", () => {
  const step = fc.oneof(
    fc.record({ append: fc.integer({ min: 0, max: 40 }), laterMs: fc.integer({ min: -20, max: 40 }) }),
    fc.record({ mark: fc.constantFrom("opened", "lost", "writer") }),
    fc.record({ read: fc.integer({ min: 1, max: 4 }), reader: fc.integer({ min: 0, max: 2 }) }),
  );
  fc.assert(fc.property(fc.integer({ min: 1, max: 64 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
    const { kept, clock } = history(size);
    using _ = kept;
    let written = 0;
    let marks = 0;
    const readers = [0, 1, 2].map(() => ({ place: kept.now, offset: 0, marks: 0 }));
    const read = (reader: typeof readers[number]) => {
      const entry = kept.read(reader.place);
      if (!entry) return false;
      assert.equal(entry.offset, reader.offset);
      if ("bytes" in entry) {
        assert.ok(entry.bytes.length > 0);
        assert.ok(entry.bytes.every((byte, index) => byte === (entry.offset + index) % 256));
        reader.offset += entry.bytes.length;
      } else if (entry.mark === "gap") {
        assert.equal(entry.text, `${kept.start - entry.offset} bytes are no longer kept`);
        reader.offset = kept.start;
      } else {
        reader.marks++;
      }
      return true;
    };
    for (const one of steps) {
      if ("append" in one) {
        clock.timeMs += one.laterMs;
        kept.append(Uint8Array.from({ length: one.append }, (_, index) => (written + index) % 256));
        written += one.append;
      } else if ("mark" in one) {
        kept.mark(one.mark as "opened");
        marks++;
      } else {
        for (let count = 0; count < one.read; count++) read(readers[one.reader]);
      }
      assert.equal(kept.end, written);
      assert.equal(kept.start, Math.max(0, written - size));
    }
    for (const reader of readers) {
      while (read(reader)) { /* to the end */ }
      assert.equal(reader.offset, written);
      assert.ok(reader.marks <= marks);
    }
    const fresh = { place: kept.at(0), offset: 0, marks: 0 };
    while (read(fresh)) { /* to the end */ }
    assert.equal(fresh.offset, written);
    if (kept.start === 0) assert.equal(fresh.marks, marks);
  }));
});
