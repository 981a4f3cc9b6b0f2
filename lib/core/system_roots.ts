/** The authorities that the operating system trusts, beside the public ones that are built in. @module */

/** Where Linux distributions keep them; the variable is OpenSSL's. */
const places = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/** The PEM text of the first place that exists, as a list. */
export function systemRoots(): string[] {
  for (const file of [Deno.env.get("SSL_CERT_FILE"), ...places]) {
    if (!file) continue;
    try {
      return [Deno.readTextFileSync(file)];
    } catch { /* Another distribution's place. */ }
  }
  return [];
}
