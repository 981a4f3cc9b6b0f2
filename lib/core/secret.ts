/** Which values are secrets, by the key that they stand under. @module */

const secretKey = /(?:^|[_-])token$|passw(?:or)?d|passphrase|secret|(?:api|private)_?key|ssh_identity$/i;

/** Whether what stands under a key is never to be shown: tokens, passwords, private keys. */
export function isSecretKey(key: unknown): boolean {
  return typeof key === "string" && secretKey.test(key);
}

/** A plain value without its secrets, keys included. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  // A driver may be called "token"; what is secret is a word or a number.
  const shown = Object.entries(value).filter(([key, below]) => typeof below === "object" || !isSecretKey(key));
  return Object.fromEntries(shown.map(([key, below]) => [key, withoutSecrets(below)]));
}
