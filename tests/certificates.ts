/** Authorities and certificates for tests, good ones and bad ones, as files. @module */
import { issue, type KeyedCertificate, makeAuthority } from "../lib/wire/tls/x509.ts";

/** A certificate and its key as files, as servers take them. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Files of a folder: an authority, and what it issues. */
export interface TestAuthority {
  readonly keyed: KeyedCertificate;
  /** The authority's certificate. */
  readonly ca: string;
  /** Issues a certificate for names, valid for 90 days from so many days ago. */
  issue(file: string, names: readonly string[], daysAgo?: number): Promise<CertificateFiles>;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Makes an authority whose files are in a folder. */
export async function testAuthority(folder: string, name: string): Promise<TestAuthority> {
  const keyed = await makeAuthority(name);
  const ca = `${folder}/${name}.pem`;
  Deno.writeTextFileSync(ca, keyed.certificate);
  return {
    keyed,
    ca,
    async issue(file, names, daysAgo = 0) {
      const leaf = await issue(keyed, names, new Date(Date.now() - daysAgo * dayMs), 90);
      const files = { cert: `${folder}/${file}.pem`, key: `${folder}/${file}-key.pem` };
      Deno.writeTextFileSync(files.cert, leaf.certificate + keyed.certificate);
      Deno.writeTextFileSync(files.key, leaf.key);
      return files;
    },
  };
}
