import assert from "node:assert/strict";
import { parseYaml, readYaml } from "../../lib/config/document.ts";

Deno.test("A file is YAML 1.2 whose keys are text", () => {
  const { value, problems } = parseYaml("5: a\ntrue: b\nnull: c\nx: {yes: no, y: 0o17, z: 1e3}\n", "f");
  assert.deepEqual(value, { 5: "a", true: "b", "": "c", x: { yes: "no", y: 15, z: 1000 } });
  assert.deepEqual(problems.map(({ severity, message }) => `${severity}: ${message}`), [
    'warning: Python reads the unquoted key true as a boolean; write "true"',
    'warning: Python reads the unquoted key yes as a boolean; write "yes"',
  ]);
});

Deno.test("Quoted words are nobody's booleans or numbers", () => {
  assert.deepEqual(parseYaml('"on": "022"\n\'off\': "12:30"\n', "f").problems, []);
});

Deno.test("A key such as __proto__ is a key", () => {
  const value = parseYaml("__proto__: {polluted: true}\n", "f").value as Record<string, unknown>;
  assert.equal(value.polluted, undefined);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("A complaint finds its value through lists, aliases and comments", () => {
  const file = parseYaml("# first\na: &x\n  - one\n  - {b: two}\nc: *x\n", "bench.yaml");
  const at = (...path: PropertyKey[]) => {
    const { place, path: rendered } = file.problem(path, "");
    return `${place.line}:${place.column} ${rendered}`;
  };
  assert.equal(at("a", 0), "3:5 a[0]");
  assert.equal(at("a", 1, "b"), "4:9 a[1].b");
  assert.equal(at("c", 1, "b"), "4:9 c[1].b");
  assert.equal(at("c"), "5:4 c");
});

Deno.test("What is no file is refused without being waited for", () => {
  for (const path of ["/dev/zero", "/dev/null"]) {
    const { value, problems } = readYaml(path);
    assert.deepEqual([value, problems.map(({ message }) => message)], [
      undefined,
      ["It is no file; expected a YAML file"],
    ]);
  }
});

Deno.test("An alias inside of what it names is a complaint with its place", () => {
  for (
    const [text, line, column] of [["a: &x\n  b: *x\n", 2, 6], ["a: &x\n  <<: *x\n", 2, 7], [
      "&x [1, *x]\n",
      1,
      8,
    ]] as const
  ) {
    const { value, problems } = parseYaml(text, "f");
    assert.equal(value, undefined);
    assert.deepEqual(problems, [
      {
        severity: "error",
        place: { file: "f", line, column },
        path: "",
        message: "The anchor &x cannot be inside of what it names",
      },
    ]);
  }
});

Deno.test("A complaint about what is not there stands at the key of what lacks it", () => {
  const file = parseYaml("export:\n  net:\n    type: tcp-network\n    config:\n", "bench.yaml");
  const line = (...path: PropertyKey[]) => file.problem(path, "").place.line;
  assert.equal(line("export", "net", "config", "host"), 4);
  assert.equal(line("export", "gone", "config"), 1);
  assert.equal(line("gone"), 1);
});

Deno.test("Text with a byte order mark and Windows line ends is read like any other", () => {
  const { value, problems } = parseYaml("\ufeffa: 1\r\nb:\r\n  c: x\r\n", "f");
  assert.deepEqual([value, problems], [{ a: 1, b: { c: "x" } }, []]);
});
