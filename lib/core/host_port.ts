/** Network addresses as people write them. @module */

/** `127.0.0.1:7000`, and IPv6 in brackets: `[::1]:7000`. */
export function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** A host without the brackets that IPv6 stands in. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
