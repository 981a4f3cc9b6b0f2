/** The server's own port, where requests arrive. @module */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { errorCode, errorPacket, parsePacket } from "./packet.ts";
import { type Outcome, type Peer, transfer } from "./transfer.ts";

/** Transfers that may go on at once. A request beyond is refused, and clients ask again. */
const mostTransfers = 64;

/** What a server is told. */
export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly root: string;
  /** Told of each transfer at its end. */
  onTransfer(outcome: Outcome, peer: Peer): void;
}

/** A server that runs until it is disposed. */
export interface TftpServer extends AsyncDisposable {
  readonly port: number;
}

/** A transfer that goes on. */
interface Running {
  readonly peer: Peer;
  readonly request: Uint8Array;
  /** Whether the client has taken a packet of it. */
  answered: boolean;
  readonly end: AbortController;
}

/** Starts a server. It reads files of the folder and writes none. */
export async function startTftpServer({ host, port, root, onTransfer }: ServerOptions): Promise<TftpServer> {
  const { family: version } = await lookup(host);
  const family = version === 6 ? "udp6" : "udp4";
  const socket = createSocket(family);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, host, resolve);
  });
  socket.removeAllListeners("error");
  const running = new Map<Running, Promise<void>>();

  socket.on("message", (datagram: Uint8Array, { address, port }: Peer) => {
    const refuse = (code: number, message: string) => socket.send(errorPacket(code, message), port, address);
    const request = parsePacket(datagram);
    if (!request || request.kind === "error") return;
    const peer = { address, port };
    const earlier = [...running.keys()].filter((other) => other.peer.address === address && other.peer.port === port);
    // A client repeats a request that is not answered at once.
    if (earlier.some((other) => !other.answered && sameBytes(other.request, datagram))) return;
    if (request.kind !== "read") return refuse(errorCode.illegalOperation, "Only reading is served");
    if (running.size >= mostTransfers) return refuse(errorCode.undefined, "Too many transfers");
    const end = new AbortController();
    const mine: Running = { peer, request: datagram, answered: false, end };
    const onAnswer = () => {
      mine.answered = true;
      // Only now: a request that the network gave twice must not end what it began.
      for (const other of earlier) other.end.abort(new Error("The client has asked anew"));
    };
    const work = transfer(request, { host, family, root, peer, signal: end.signal, onAnswer })
      .catch((error: Error) => ({ name: request.name, bytes: 0, failure: error.message }))
      .then((outcome) => onTransfer(outcome, peer))
      .finally(() => running.delete(mine));
    running.set(mine, work);
  });
  // A datagram that could not be delivered is the client's to ask for again.
  socket.on("error", () => {});

  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      for (const { end } of running.keys()) end.abort(new Error("The server was stopped"));
      await Promise.all(running.values());
      await new Promise<void>((resolve) => socket.close(resolve));
    },
  };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
