import assert from "node:assert/strict";
import { Admission } from "../../lib/exporter/admission.ts";

/** Connections by name, and those that had to leave, in their order. */
function crowd(places: number) {
  const admission = new Admission(places);
  const dropped: string[] = [];
  const guest = (name: string, address = "a") => ({ address, drop: () => void dropped.push(name) });
  return { admission, dropped, guest };
}

Deno.test("Admission drops the longest silent connection of the address that has most of them", () => {
  const { admission, dropped, guest } = crowd(4);
  for (const [name, address] of [["b1", "b"], ["a1", "a"], ["a2", "a"], ["a3", "a"]]) {
    assert.ok(admission.admit(guest(name, address)));
  }
  assert.deepEqual(dropped, []);
  for (const name of ["c1", "c2"]) assert.ok(admission.admit(guest(name, "c")));
  assert.deepEqual(dropped, ["a1", "a2"]);
});

Deno.test("Admission never drops a connection that has made a call, and refuses when all have", () => {
  const { admission, dropped, guest } = crowd(2);
  const guests = [guest("first"), guest("second")];
  for (const one of guests) {
    assert.ok(admission.admit(one));
    admission.speaks(one);
    admission.speaks(one);
  }
  assert.equal(admission.admit(guest("third")), false);
  admission.leaves(guests[0]);
  assert.ok(admission.admit(guest("fourth")));
  assert.ok(admission.admit(guest("fifth")));
  assert.deepEqual(dropped, ["fourth"]);
});

Deno.test("A connection that was dropped leaves once, and makes no call", () => {
  const { admission, dropped, guest } = crowd(1);
  const first = guest("first");
  admission.admit(first);
  admission.admit(guest("second"));
  admission.speaks(first);
  admission.leaves(first);
  admission.leaves(first);
  admission.admit(guest("third"));
  assert.deepEqual(dropped, ["first", "second"]);
});
