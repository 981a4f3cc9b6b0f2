/** The packets of TFTP (RFC 1350) with options (RFC 2347), as far as a server that only sends needs them. @module */

/** A request, or what answers to data. */
export type Packet =
  | {
    readonly kind: "read";
    readonly name: string;
    readonly mode: string;
    readonly options: ReadonlyMap<string, string>;
  }
  | { readonly kind: "ack"; readonly block: number }
  | { readonly kind: "error"; readonly code: number; readonly message: string }
  /** A request to write, or something that is none of a client's. */
  | { readonly kind: "other"; readonly opcode: number };

/** Error codes of RFC 1350 and RFC 2347. */
export const errorCode = {
  undefined: 0,
  notFound: 1,
  accessViolation: 2,
  illegalOperation: 4,
  unknownTransfer: 5,
  badOptions: 8,
} as const;

const opcode = { read: 1, data: 3, ack: 4, error: 5, optionsAck: 6 } as const;

/** Reads a packet, or nothing when it is none. */
export function parsePacket(bytes: Uint8Array): Packet | undefined {
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (view.getUint16(0)) {
    case opcode.read: {
      const [name, mode, ...options] = texts(bytes.subarray(2));
      if (!name || mode === undefined) return undefined;
      const pairs = new Map<string, string>();
      for (let at = 0; at + 1 < options.length; at += 2) pairs.set(options[at].toLowerCase(), options[at + 1]);
      return { kind: "read", name, mode: mode.toLowerCase(), options: pairs };
    }
    case opcode.ack:
      return { kind: "ack", block: view.getUint16(2) };
    case opcode.error:
      return { kind: "error", code: view.getUint16(2), message: texts(bytes.subarray(4))[0] ?? "" };
    default:
      return { kind: "other", opcode: view.getUint16(0) };
  }
}

/** One block of a file. */
export function dataPacket(block: number, data: Uint8Array): Uint8Array {
  const packet = head(opcode.data, block, data.length);
  packet.set(data, 4);
  return packet;
}

export function errorPacket(code: number, message: string): Uint8Array {
  const text = new TextEncoder().encode(`${message}\0`);
  const packet = head(opcode.error, code, text.length);
  packet.set(text, 4);
  return packet;
}

/** The options that were taken. */
export function optionsPacket(options: ReadonlyMap<string, string>): Uint8Array {
  const text = new TextEncoder().encode([...options].map(([name, value]) => `${name}\0${value}\0`).join(""));
  const packet = new Uint8Array(2 + text.length);
  new DataView(packet.buffer).setUint16(0, opcode.optionsAck);
  packet.set(text, 2);
  return packet;
}

function head(code: number, number: number, length: number): Uint8Array {
  const packet = new Uint8Array(4 + length);
  const view = new DataView(packet.buffer);
  view.setUint16(0, code);
  view.setUint16(2, number);
  return packet;
}

/** Texts, each with a zero at its end. */
function texts(bytes: Uint8Array): string[] {
  const parts = new TextDecoder().decode(bytes).split("\0");
  parts.pop();
  return parts;
}
