import assert from "node:assert/strict";
import { children } from "../../lib/contract/driver.ts";
import { planDriver, type PlannedDriver } from "../../lib/contract/plan.ts";
import { openTree } from "../../lib/contract/tree.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { aborted, withLimit } from "../../lib/core/limit.ts";
import { LogHub, type LogRecord } from "../../lib/core/log.ts";
import { power } from "../../lib/interfaces/power.ts";
import { group, holder, opener, probe, probeMethods, proxy, recorder } from "./drivers.ts";

/** The records that are in a hub already. */
async function logged(hub: LogHub, count: number): Promise<LogRecord[]> {
  const end = new AbortController();
  const records: LogRecord[] = [];
  for await (const record of hub.subscribe(end.signal)) if (records.push(record) === count) end.abort();
  return records;
}

const open = (root: PlannedDriver, hub = new LogHub()) =>
  openTree(root, { hub, stateFolder: "", openLimitMs: 20, disposeLimitMs: 20 });

Deno.test("Drivers open children first and close in the reverse order", async () => {
  const events: string[] = [];
  const node = (name: string, ...below: PlannedDriver[]) => planDriver(name, recorder(name, events), {}, below);
  const tree = await open(group("", node("a", node("a1"), node("a2")), node("b")));
  await tree[Symbol.asyncDispose]();
  await tree[Symbol.asyncDispose]();
  assert.deepEqual(events, [
    ...["a1", "a2", "a", "b"].map((name) => `${name} opened`),
    ...["b", "a", "a2", "a1"].map((name) => `${name} closed`),
  ]);
});

Deno.test("A proxy stands for the driver it leads to, which opens once, before whoever needs it", async () => {
  const events: string[] = [];
  const late = group("late", planDriver("target", recorder("target", events), {}));
  const tree = await open(
    group("", proxy("first", "late.target"), group("user", proxy("mine", "again")), proxy("again", "late"), late),
  );
  const { children } = tree.root;
  const target = children.get("late")!.children.get("target")!;
  assert.equal(children.get("first"), target);
  assert.equal(children.get("again"), children.get("late"));
  assert.equal(children.get("user")!.children.get("mine"), children.get("late"));
  assert.equal(target.path, "late.target");
  assert.deepEqual(events, ["target opened"]);
  assert.equal(tree.byUuid.size, 4);
  await tree[Symbol.asyncDispose]();
});

Deno.test("A driver that fails to open is named with its place, and those that were open are closed", async () => {
  const events: string[] = [];
  const broken = {
    ...planDriver("broken", opener(() => Promise.reject(new Error("No such port"))), {}),
    place: "b.yaml:7:3",
  };
  const root = group("", planDriver("fine", recorder("fine", events), {}), group("inner", broken));
  await assert.rejects(open(root), {
    code: "unavailable",
    phase: "driver",
    message: 'b.yaml:7:3: Driver "inner.broken" (opener) failed to open: No such port',
  });
  assert.deepEqual(events, ["fine opened", "fine closed"]);
});

Deno.test("A driver's own error keeps its code and hint when it fails to open", async () => {
  const failing = opener(() => {
    throw new JumpstarterError("permission_denied", "Cannot open /dev/ttyUSB0", { hint: "Join the group dialout" });
  });
  await assert.rejects(open(planDriver("", failing, {})), {
    code: "permission_denied",
    message: "Driver opener failed to open: Cannot open /dev/ttyUSB0",
    hint: "Join the group dialout",
  });
});

Deno.test("A driver that takes too long to open is given up, and closed when it opens after all", async () => {
  const { promise: opened, resolve: finish } = Promise.withResolvers<object>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  await assert.rejects(open(group("", planDriver("slow", opener(() => opened), {}))), {
    code: "deadline_exceeded",
    message: 'Driver "slow" (opener) failed to open: Opening it took longer than 20 ms',
  });
  finish({ [Symbol.asyncDispose]: close });
  await withLimit(closed, 1000, "Closing the late driver");
});

Deno.test("An opening that is given up says at which driver, and closes those that are open", async () => {
  const events: string[] = [];
  const end = new AbortController();
  const stuck = opener(() => {
    end.abort(new Error("No time left"));
    return new Promise<never>(() => {});
  });
  const never = planDriver("third", recorder("third", events), {});
  const root = group("", planDriver("first", recorder("first", events), {}), planDriver("stuck", stuck, {}), never);
  await assert.rejects(openTree(root, { hub: new LogHub(), stateFolder: "", signal: end.signal }), {
    message: 'Driver "stuck" (opener) failed to open: No time left',
  });
  assert.deepEqual(events, ["first opened", "first closed"]);
});

Deno.test("A late driver that fails to close is logged", async () => {
  const { promise: opened, resolve: finish } = Promise.withResolvers<object>();
  const hub = new LogHub();
  await assert.rejects(open(group("", planDriver("slow", opener(() => opened), {})), hub));
  finish({ [Symbol.asyncDispose]: () => Promise.reject(new Error("stuck")) });
  const [record] = await withLimit(logged(hub, 1), 1000, "Logging it");
  assert.deepEqual([record.message, record.logger, record.fields.error], [
    "driver failed to close",
    "driver.slow",
    "stuck",
  ]);
});

Deno.test("Closing goes on when a driver fails to close or takes too long", async () => {
  const events: string[] = [];
  const hub = new LogHub();
  const throws = opener(() => ({
    [Symbol.asyncDispose]: () => {
      throw new Error("jammed");
    },
  }));
  const hangs = opener(() => ({ [Symbol.asyncDispose]: () => new Promise(() => {}) }));
  const first = planDriver("first", recorder("first", events), {});
  const tree = await open(group("", first, planDriver("throws", throws, {}), planDriver("hangs", hangs, {})), hub);
  await tree[Symbol.asyncDispose]();
  assert.deepEqual(events, ["first opened", "first closed"]);
  assert.deepEqual((await logged(hub, 2)).map(({ logger, fields }) => `${logger}: ${fields.error}`), [
    'driver.hangs: Closing driver "hangs" took longer than 20 ms',
    "driver.throws: jammed",
  ]);
});

Deno.test("The session's end aborts what drivers were given before they are closed", async () => {
  const events: string[] = [];
  const driver = opener(({ signal }) => {
    void aborted(signal).then(() => events.push("aborted"));
    return { [Symbol.asyncDispose]: () => void events.push("closed") };
  });
  const tree = await open(planDriver("", driver, {}));
  await tree[Symbol.asyncDispose]();
  assert.deepEqual(events.sort(), ["aborted", "closed"]);
});

Deno.test("What a driver returns must fit its interface, member by member", async () => {
  const misfit = (message: string) => ({
    code: "internal",
    message: `Driver "x" (opener) failed to open: ${message}`,
  });
  const returning = (value: unknown, more = {}) =>
    open(group("", planDriver("x", opener(() => value, { implements: probe, ...more }), {})));
  const { add: _, ...lacking } = probeMethods;
  await assert.rejects(returning(lacking), misfit('It does not fit the interface probe: "add" is missing'));
  await assert.rejects(
    returning({ ...probeMethods, add: 5 }),
    misfit('It does not fit the interface probe: "add" is no function'),
  );
  await assert.rejects(
    returning({ ...probeMethods, sub() {} }),
    misfit('It does not fit the interface probe: it has no method "sub"'),
  );
  await assert.rejects(returning(undefined), misfit("It does not fit the interface probe: there is nothing"));
  const provides = { power };
  await assert.rejects(
    returning({ ...probeMethods }, { provides }),
    misfit('Its child "power" does not fit the interface power: there is nothing'),
  );
  await assert.rejects(
    returning({ ...probeMethods, [children]: { power: { on() {} } } }, { provides }),
    misfit('Its child "power" does not fit the interface power: "off" is missing'),
  );
  await assert.rejects(
    returning({ ...probeMethods, [children]: { lamp: {} } }),
    misfit('It makes a child "lamp" that it does not announce'),
  );
});

Deno.test("A driver that does not fit is closed again", async () => {
  const events: string[] = [];
  await assert.rejects(open(group("", planDriver("x", recorder("x", events, { more() {} }), {}))));
  assert.deepEqual(events, ["x opened", "x closed"]);
});

Deno.test("Children that a driver makes are closed before it", async () => {
  const events: string[] = [];
  const close = (name: string) => ({ [Symbol.asyncDispose]: () => void events.push(name) });
  const maker = opener(() => ({ ...close("maker"), [children]: { a: { ...probeMethods, ...close("a") } } }), {
    provides: { a: probe },
  });
  const tree = await open(group("", planDriver("maker", maker, {})));
  assert.equal(tree.root.children.get("maker")!.children.get("a")!.path, "maker.a");
  await tree[Symbol.asyncDispose]();
  assert.deepEqual(events, ["a", "maker"]);
});

Deno.test("A driver gets typed clients of the children that it needs, through proxies as well", async () => {
  const { promise: sums, resolve } = Promise.withResolvers<unknown[]>();
  const parent = opener(async ({ children }) => {
    const counted = await Array.fromAsync(children.far.countTo({ end: 3 }));
    resolve([await children.near.add({ a: 1 }), await children.far.add({ a: 1, b: 5 }), counted]);
    return {};
  }, { children: { near: probe, far: probe } });
  const near = planDriver("near", recorder("near", []), {});
  const root = group(
    "",
    planDriver("parent", parent, {}, [near, proxy("far", "other")]),
    planDriver("other", recorder("other", []), {}),
  );
  await using _ = await open(root);
  assert.deepEqual(await sums, [2, 6, [1, 2, 3]]);
});

Deno.test("A driver whose child is missing or of another interface does not open", async () => {
  const needy = opener(() => ({}), { children: { power } });
  const failure = (got: string) => ({
    code: "failed_precondition",
    message: `Driver "x" (opener) failed to open: It needs a child "power" with the interface power, ${got}`,
  });
  await assert.rejects(open(group("", planDriver("x", needy, {}))), failure("it is missing"));
  const other = planDriver("power", recorder("other", []), {});
  await assert.rejects(open(group("", planDriver("x", needy, {}, [other]))), failure("got probe"));
});

Deno.test("One uuid cannot stand for two drivers", async () => {
  const uuid = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
  const twin = (name: string) => ({ ...planDriver(name, holder, {}), uuid });
  await assert.rejects(open(group("", twin("a"), twin("b"))), {
    code: "invalid_argument",
    message: `Driver "b": The uuid ${uuid} is taken already`,
  });
});

Deno.test("Every session draws new uuids, except where one is fixed", async () => {
  const uuid = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
  const root = group("", { ...planDriver("fixed", holder, {}), uuid }, planDriver("free", holder, {}));
  await using first = await open(root);
  await using second = await open(root);
  const uuids = ({ root }: typeof first) => [...root.children.values()].map((child) => child.uuid);
  assert.equal(uuids(first)[0], uuid);
  assert.equal(uuids(second)[0], uuid);
  assert.notEqual(uuids(first)[1], uuids(second)[1]);
});

Deno.test("A driver logs under its path, with its interface, and at a level of its own where it has one", async () => {
  const hub = new LogHub();
  const chatty = opener(({ log }) => {
    log.debug("details", { line: 3 });
    return {};
  });
  const root = group(
    "",
    group("a", { ...planDriver("b", chatty, {}), logLevel: "debug" }, planDriver("quiet", chatty, {})),
  );
  await using _ = await open(root, hub);
  const [{ logger, source, fields }] = await logged(hub, 1);
  assert.deepEqual([logger, source, fields], ["driver.a.b", "driver", { driver_type: "composite", line: 3 }]);
});
