import assert from "node:assert/strict";
import { RunningCalls } from "../../lib/wire/rpc/running_calls.ts";

Deno.test("When too many calls run, the connection that has most of them is ended, and is counted no more", () => {
  const calls = new RunningCalls(10);
  const ended: string[] = [];
  const join = (name: string) => calls.join(() => void ended.push(name));
  const [greedy, honest, late] = [join("greedy"), join("honest"), join("late")];
  for (let call = 0; call < 7; call++) greedy.begin();
  for (let call = 0; call < 3; call++) honest.begin();
  assert.deepEqual(ended, []);
  late.begin();
  assert.deepEqual(ended, ["greedy"]);
  // Its handlers end one by one, and have been counted off already.
  for (let call = 0; call < 7; call++) greedy.end();
  greedy.leave();
  for (let call = 0; call < 6; call++) late.begin();
  assert.deepEqual([ended, honest.count, late.count], [["greedy"], 3, 7]);
  late.begin();
  assert.deepEqual(ended, ["greedy", "late"]);
  honest.leave();
  const next = join("next");
  for (let call = 0; call < 10; call++) next.begin();
  assert.deepEqual(ended, ["greedy", "late"]);
});
