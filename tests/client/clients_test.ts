import assert from "node:assert/strict";
import { clientsOf } from "../../lib/client/connect.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { power } from "../../mod.ts";
import { sessionFor } from "../callers.ts";
import { group, probe, recorder } from "../contract/drivers.ts";

Deno.test("A script gets the client of an interface of its own, and no client of another one's driver", async () => {
  await using session = await sessionFor(group("", planDriver("mine", recorder("mine", []), {})));
  const { board } = await session.caller("script");
  assert.equal(await clientsOf(board, { mine: probe }).mine.add({ a: 2 }), 3);
  assert.throws(() => clientsOf(board, { mine: power }), {
    code: "failed_precondition",
    message: 'Expected "mine" to be a power interface, got probe',
  });
});
