/** One file on its way to one client. @module */
import { createSocket, type Socket } from "node:dgram";
import { openInside } from "../../lib/streams/folder.ts";
import { type Blocks, netasciiBlocks, octetBlocks } from "./blocks.ts";
import { dataPacket, errorCode, errorPacket, optionsPacket, type Packet, parsePacket } from "./packet.ts";

/** Who asked. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** How a transfer ended. */
export interface Outcome {
  /** The file's path in the folder, as it was asked for. */
  readonly name: string;
  /** How many have arrived. */
  readonly bytes: number;
  /** Left out when all of it has arrived. */
  readonly failure?: string;
}

/** How often a packet is sent before the client counts as gone. */
const tries = 4;

const defaults = { blockBytes: 512, timeoutMs: 5_000 } as const;

/** Answers a request to read with a file of the folder, from a port of its own. */
export async function transfer(
  request: Extract<Packet, { kind: "read" }>,
  { host, family, root, peer, signal, onAnswer }: {
    host: string;
    family: "udp4" | "udp6";
    root: string;
    peer: Peer;
    signal: AbortSignal;
    /** Told of each packet that the client has taken. */
    onAnswer(): void;
  },
): Promise<Outcome> {
  const { name, mode } = request;
  await using conversation = await Conversation.open(family, host, peer, { signal, onAnswer });
  const refuse = async (code: number, message: string): Promise<Outcome> => {
    await conversation.send(errorPacket(code, message));
    return { name, bytes: 0, failure: message };
  };
  if (mode !== "octet" && mode !== "netascii") return await refuse(errorCode.illegalOperation, `Unknown mode ${mode}`);
  const found = await openInside(root, name);
  if (found === "missing") return await refuse(errorCode.notFound, "File not found");
  if (found === "refused") return await refuse(errorCode.accessViolation, "Access violation");
  using _open = found;
  const isText = mode === "netascii";
  const { blockBytes, timeoutMs, accepted } = negotiate(request.options, isText ? undefined : found.info.size);
  conversation.timeoutMs = timeoutMs;
  const blocks = (isText ? netasciiBlocks : octetBlocks)(found, blockBytes);
  let bytes = 0;
  try {
    if (accepted.size > 0) await conversation.exchange(optionsPacket(accepted), 0);
    await sendAll(conversation, blocks, blockBytes, (count) => bytes += count);
    return { name, bytes };
  } catch (error) {
    return { name, bytes, failure: (error as Error).message };
  }
}

async function sendAll(
  conversation: Conversation,
  blocks: Blocks,
  blockBytes: number,
  onArrival: (bytes: number) => void,
): Promise<void> {
  for (let number = 1;; number++) {
    const block = await blocks.next().catch(async (error) => {
      await conversation.send(errorPacket(errorCode.undefined, error.message));
      throw error;
    });
    // A file of more than 65 535 blocks begins to count anew, as everybody has it.
    await conversation.exchange(dataPacket(number & 0xffff, block), number & 0xffff);
    onArrival(block.length);
    if (block.length < blockBytes) return;
  }
}

/** A number as clients write it: decimal digits. */
function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Options that are taken (RFC 2348, RFC 2349); all others are passed over, as RFC 2347 has it. */
function negotiate(options: ReadonlyMap<string, string>, size: number | undefined) {
  const accepted = new Map<string, string>();
  const within = (name: string, least: number, most: number) => {
    const value = wholeNumber(options.get(name));
    if (value === undefined || value < least) return undefined;
    const taken = Math.min(value, most);
    accepted.set(name, String(taken));
    return taken;
  };
  const blockBytes = within("blksize", 8, 65464) ?? defaults.blockBytes;
  const seconds = (wholeNumber(options.get("timeout")) ?? 256) <= 255 ? within("timeout", 1, 255) : undefined;
  if (options.has("tsize") && size !== undefined) accepted.set("tsize", String(size));
  return { blockBytes, timeoutMs: seconds === undefined ? defaults.timeoutMs : seconds * 1000, accepted };
}

interface Hooks {
  readonly signal: AbortSignal;
  onAnswer(): void;
}

/** Packets to and from one client. */
class Conversation implements AsyncDisposable {
  timeoutMs: number = defaults.timeoutMs;
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #signal: AbortSignal;
  readonly #onAnswer: () => void;
  /** Told of the next packet, or of the end. */
  #hear?: (packet: Packet | Error) => void;

  private constructor(socket: Socket, peer: Peer, { signal, onAnswer }: Hooks) {
    this.#socket = socket;
    this.#peer = peer;
    this.#signal = signal;
    this.#onAnswer = onAnswer;
    socket.on("message", (datagram: Uint8Array, from: Peer) => {
      if (from.address !== peer.address || from.port !== peer.port) {
        socket.send(errorPacket(errorCode.unknownTransfer, "Unknown transfer ID"), from.port, from.address);
        return;
      }
      const packet = parsePacket(datagram);
      if (packet) this.#hear?.(packet);
    });
    socket.on("error", (error: Error) => this.#hear?.(error));
  }

  static async open(family: "udp4" | "udp6", host: string, peer: Peer, hooks: Hooks): Promise<Conversation> {
    const socket = createSocket(family);
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(0, host, resolve);
    });
    socket.removeAllListeners("error");
    return new Conversation(socket, peer, hooks);
  }

  async send(packet: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.#socket.send(packet, this.#peer.port, this.#peer.address, (error) => error ? reject(error) : resolve())
    );
  }

  /**
   * Sends a packet until the client acknowledges that block. Late acknowledgements of other blocks are passed over: who
   * answered them would send everything twice from then on.
   */
  async exchange(packet: Uint8Array, block: number): Promise<void> {
    for (let attempt = 0; attempt < tries; attempt++) {
      const answered = this.#answer(block);
      // It is waited for once the packet is on its way.
      answered.catch(() => {});
      await this.send(packet);
      if (!await answered) continue;
      this.#onAnswer();
      return;
    }
    throw new Error("The client no longer answers");
  }

  #answer(block: number): Promise<boolean> {
    const signal = this.#signal;
    return new Promise<boolean>((resolve, reject) => {
      const done = (act: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        this.#hear = undefined;
        act();
      };
      const stop = () => done(() => reject(signal.reason));
      const timer = setTimeout(() => done(() => resolve(false)), this.timeoutMs);
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      this.#hear = (heard) => {
        if (heard instanceof Error) done(() => reject(heard));
        else if (heard.kind === "ack" && heard.block === block) done(() => resolve(true));
        else if (heard.kind === "error") done(() => reject(new Error(`The client has given up: ${heard.message}`)));
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }
}
