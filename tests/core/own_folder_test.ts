import assert from "node:assert/strict";
import { privateFolder } from "../../lib/core/own_folder.ts";

Deno.test("A private folder is this user's only, and gone when it is disposed", () => {
  let path: string;
  {
    using folder = privateFolder();
    path = folder.path;
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o700);
    Deno.writeTextFileSync(`${path}/x`, "");
  }
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
});

Deno.test("A runtime folder that is gone, or is not this user's, is passed over", () => {
  const before = Deno.env.get("XDG_RUNTIME_DIR");
  try {
    const others = Deno.uid() === 0 ? [] : ["/"];
    for (const path of ["/run/user/nobody-any-more", "/dev/null", ...others]) {
      Deno.env.set("XDG_RUNTIME_DIR", path);
      using folder = privateFolder();
      assert.ok(Deno.statSync(folder.path).isDirectory);
    }
  } finally {
    if (before === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
    else Deno.env.set("XDG_RUNTIME_DIR", before);
  }
});
