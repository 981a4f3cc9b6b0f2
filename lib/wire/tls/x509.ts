/**
 * Makes and reads certificates. It costs a good part of a start, so it is imported lazily by those few who need it.
 *
 * @module
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

/** A private authority, or a certificate that it issued, with the key that goes with it. */
export interface KeyedCertificate {
  /** The certificate as PEM. */
  readonly certificate: string;
  /** The private key as PEM, PKCS #8. */
  readonly key: string;
}

/** What a certificate says, for people. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The host names and addresses that it is for. */
  readonly names: readonly string[];
  /** Whether it is its own issuer. */
  readonly selfSigned: boolean;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 24 * 60 * 60 * 1000;

/** "No well-defined expiration date" (RFC 5280 section 4.1.2.5). A board's clock may be anywhere when it starts. */
const always = { notBefore: new Date("2000-01-01T00:00:00Z"), notAfter: new Date("9999-12-31T23:59:59Z") };

/** Makes an authority of ECDSA P-256 that signs exporters' certificates only. */
export async function makeAuthority(host: string): Promise<KeyedCertificate> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [`Jumpstarter exporter on ${host}`] }],
    ...always,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return await keyed(certificate, keys.privateKey);
}

/** Makes a certificate for these host names and addresses, valid from a day before `from` to `days` days after it. */
export async function issue(
  authority: KeyedCertificate,
  names: readonly string[],
  from: Date,
  days: number,
): Promise<KeyedCertificate> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const pkcs8 = x509.PemConverter.decodeFirst(authority.key);
  const signingKey = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: ["Jumpstarter exporter"] }],
    issuer: issuer.subject,
    notBefore: new Date(from.getTime() - dayMs),
    notAfter: new Date(from.getTime() + days * dayMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isAddress(value) ? "ip" as const : "dns" as const, value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return await keyed(certificate, keys.privateKey);
}

/** Reads a certificate. */
export function factsOf(der: Uint8Array<ArrayBuffer>): CertificateFacts {
  const certificate = new x509.X509Certificate(der);
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  return {
    subject: certificate.subject || "nobody",
    issuer: certificate.issuer || "nobody",
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    names: names.filter(({ type }) => type === "dns" || type === "ip").map(({ value }) => value),
    selfSigned: certificate.subject === certificate.issuer,
  };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function keyed(certificate: x509.X509Certificate, key: CryptoKey): Promise<KeyedCertificate> {
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", key);
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: `${x509.PemConverter.encode(pkcs8, "PRIVATE KEY")}\n`,
  };
}

function isAddress(name: string): boolean {
  return name.includes(":") || /^\d+(?:\.\d+){3}$/.test(name);
}
