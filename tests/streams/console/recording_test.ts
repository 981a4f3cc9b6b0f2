import assert from "node:assert/strict";
import { Recording } from "../../../lib/streams/console/recording.ts";
import { temporaryFolder } from "../../system/program.ts";

const text = (path: string) => Deno.readTextFileSync(path);
const bytes = (said: string) => new TextEncoder().encode(said);

Deno.test("A recording goes on when its folder is there again, and puts nothing aside twice", () => {
  using folder = temporaryFolder();
  const parent = `${folder.path}/rec`;
  Deno.mkdirSync(parent);
  const file = `${parent}/board.log`;
  using recording = new Recording({ file, bytes: 4, keep: 2 });
  recording.append(bytes("one"));
  recording.append(bytes("two"));
  assert.deepEqual([text(file), text(`${file}.1`)], ["two", "one"]);

  Deno.removeSync(parent, { recursive: true });
  for (let count = 0; count < 2; count++) {
    assert.throws(() => recording.append(bytes("gone")), Deno.errors.NotFound);
  }
  Deno.mkdirSync(parent);
  recording.append(bytes("here"));
  assert.equal(text(file), "here");

  recording.append(bytes("much more"));
  assert.deepEqual(["", ".1", ".2"].map((end) => text(`${file}${end}`)), ["e", " mor", "much"]);
  recording.append(bytes("here"));

  // Somebody has taken it away: what was put aside before stays where it is.
  Deno.writeTextFileSync(`${file}.1`, "old");
  Deno.removeSync(file);
  recording.append(bytes("more"));
  assert.deepEqual([text(file), text(`${file}.1`)], ["more", "old"]);
});
