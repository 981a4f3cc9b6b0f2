import assert from "node:assert/strict";
import { checkChildren, checkProxies, planDriver, type PlannedDriver, resolveProxy } from "../../lib/contract/plan.ts";
import { power } from "../../lib/interfaces/power.ts";
import { group, holder, opener, probe, provider, proxy, recorder } from "./drivers.ts";

const leaf = (name: string) => planDriver(name, recorder("probe", []), {});
const complaints = (root: PlannedDriver) => checkProxies(root).map(({ message }) => message);

Deno.test("A proxy leads to a leaf, a composite, or a child that a driver makes, and knows their place", () => {
  const a = leaf("a");
  const inner = group("inner", a);
  const maker = planDriver("maker", provider({ console: probe }), {});
  const root = group("", inner, maker);
  const follow = (ref: string) => resolveProxy(root, proxy("p", ref));
  assert.deepEqual(follow("inner.a"), { planned: a, path: "inner.a", provided: [] });
  assert.deepEqual(follow("inner"), { planned: inner, path: "inner", provided: [] });
  assert.deepEqual(follow("maker.console"), { planned: maker, path: "maker", provided: ["console"] });
});

Deno.test("A proxy leads on through others, and its target keeps its own path", () => {
  const a = leaf("a");
  const root = group("", group("inner", a), proxy("alias", "inner"), proxy("again", "alias.a"));
  const last = proxy("last", "again");
  assert.deepEqual(resolveProxy(root, last), { planned: a, path: "inner.a", provided: [] });
  assert.deepEqual(complaints(root), []);
});

Deno.test("A proxy to nothing names the missing step and the nearest one", () => {
  const root = group(
    "",
    group("dutlink", leaf("power")),
    proxy("p", "dutlink.pwoer"),
    proxy("q", "x.y"),
    proxy("r", ""),
  );
  assert.deepEqual(complaints(root), [
    'Proxy driver "p" references nonexistent driver "dutlink.pwoer": there is no "pwoer"; did you mean "power"?',
    'Proxy driver "q" references nonexistent driver "x.y": there is no "x"',
    'Proxy driver "r" references nonexistent driver "": there is no ""',
  ]);
});

Deno.test("A proxy below a leaf or below a made child leads to nothing", () => {
  const root = group(
    "",
    leaf("a"),
    planDriver("maker", provider({ console: probe }), {}),
    proxy("p", "a.connect"),
    proxy("q", "maker.console.connect"),
  );
  assert.deepEqual(complaints(root), [
    'Proxy driver "p" references nonexistent driver "a.connect": there is no "connect"',
    'Proxy driver "q" references nonexistent driver "maker.console.connect": there is no "connect"',
  ]);
});

Deno.test("Proxies that lead in a circle are told the circle", () => {
  assert.deepEqual(complaints(group("", proxy("a", "a"))), ['Proxy "a" leads back to itself: a → a']);
  assert.deepEqual(complaints(group("", proxy("a", "b"), proxy("b", "c"), proxy("c", "b"))), [
    'Proxy "b" leads back to itself: c → b → c',
    'Proxy "b" leads back to itself: c → b → c',
    'Proxy "c" leads back to itself: b → c → b',
  ]);
});

Deno.test("A proxy must not lead to what holds it, directly or by way of others", () => {
  assert.deepEqual(complaints(group("", group("c", proxy("p", "c")))), [
    'Proxy "p" leads to "c", which holds the proxy itself',
  ]);
  assert.deepEqual(complaints(group("", group("a", proxy("p", "b")), group("b", proxy("q", "a")))), [
    'Proxy "p" leads to "b", which holds the proxy itself',
    'Proxy "q" leads to "a", which holds the proxy itself',
  ]);
});

Deno.test("Two drivers may use parts of each other as long as neither waits for itself", () => {
  const root = group("", group("a", leaf("x"), proxy("p", "b.y")), group("b", leaf("y"), proxy("q", "a.x")));
  assert.deepEqual(complaints(root), []);
});

Deno.test("A child of another interface than the driver needs is complained about, by a proxy as well", () => {
  const needy = opener(() => ({}), { name: "needy", children: { power, image: probe } });
  const root = group(
    "",
    planDriver("a", needy, {}, [leaf("power"), leaf("image"), leaf("other")]),
    planDriver("b", needy, {}, [proxy("power", "a.power"), proxy("image", "maker.console")]),
    planDriver("c", needy, {}, [proxy("power", "nowhere")]),
    planDriver("maker", provider({ console: probe }), {}),
    planDriver("d", holder, {}, []),
  );
  assert.deepEqual(
    checkChildren(root).map(({ parent, name, message }) => `${parent.name}.${name}: ${message}`),
    [
      "a.power: The driver needy needs the interface power here, got probe",
      "b.power: The driver needy needs the interface power here, got probe",
    ],
  );
});
