import assert from "node:assert/strict";
import { localCaller } from "../../lib/contract/dispatch.ts";
import { siblingCalled } from "../../lib/contract/method.ts";
import { planDriver } from "../../lib/contract/plan.ts";
import { openTree } from "../../lib/contract/tree.ts";
import { LogHub } from "../../lib/core/log.ts";
import { group, opener, probe, probeMethods, proxy, recorder } from "./drivers.ts";

/** A driver that writes down what it hears of others. */
function listener(heard: string[]) {
  const hear = (interfaceName: string, method: string) => {
    heard.push(`${interfaceName}.${method}`);
    return () => void heard.push("succeeded");
  };
  return opener(() => ({ ...probeMethods, [siblingCalled]: hear }), { implements: probe });
}

const broken = recorder("broken", [], { fail: () => Promise.reject(new Error("no")) });

Deno.test("A driver hears when a call to one beside it begins, and when it has succeeded", async () => {
  const heard: string[] = [];
  const root = group("", planDriver("ear", listener(heard), {}), planDriver("mouth", broken, {}));
  await using tree = await openTree(root, { hub: new LogHub(), stateFolder: "" });
  const mouth = localCaller(tree.root.children.get("mouth")!);
  await mouth.unary("add", [1], {});
  assert.deepEqual(heard.splice(0), ["probe.add", "succeeded"]);
  await assert.rejects(mouth.unary("fail", [], {}));
  assert.deepEqual(heard.splice(0), ["probe.fail"]);
  await assert.rejects(mouth.unary("add", ["x"], {}));
  await assert.rejects(mouth.unary("nothing", [], {}));
  assert.deepEqual(heard, []);
});

Deno.test("A driver hears of proxies beside it as of drivers, and of nobody else, itself included", async () => {
  const heard: string[] = [];
  const root = group(
    "",
    group("board", planDriver("ear", listener(heard), {}), proxy("mouth", "relays.one")),
    group("relays", planDriver("one", broken, {}), planDriver("two", broken, {})),
  );
  await using tree = await openTree(root, { hub: new LogHub(), stateFolder: "" });
  const { children } = tree.root;
  const call = (of: string, name: string) => localCaller(children.get(of)!.children.get(name)!).unary("add", [1], {});
  await call("relays", "two");
  await call("board", "ear");
  assert.deepEqual(heard, []);
  await call("relays", "one");
  assert.deepEqual(heard, ["probe.add", "succeeded"]);
});
