import assert from "node:assert/strict";
import { isSecretKey, withoutSecrets } from "../../lib/core/secret.ts";

Deno.test("isSecretKey() knows tokens, passwords, passphrases and private keys by their keys", () => {
  for (const key of ["token", "refresh_token", "password", "admin_passwd", "passphrase", "client_secret", "api_key"]) {
    assert.ok(isSecretKey(key), key);
  }
  for (const key of ["name", "tokens_allowed", "key", "host", "uuid", 5]) assert.ok(!isSecretKey(key), String(key));
});

Deno.test("withoutSecrets() leaves out words under secret keys at any depth, and nothing else", () => {
  const value = {
    token: "a",
    export: { token: { type: "x", config: { host: "h", password: "p" } }, list: [{ secret: 5, port: 1 }] },
    none: null,
  };
  assert.deepEqual(withoutSecrets(value), {
    export: { token: { type: "x", config: { host: "h" } }, list: [{ port: 1 }] },
    none: null,
  });
});
