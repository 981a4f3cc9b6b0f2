/**
 * One connection to an exporter, and its calls with their messages.
 *
 * @module
 */
import { type ByteStream, byteStreamOf } from "../core/byte_stream.ts";
import { isJumpstarterError, JumpstarterError } from "../core/errors.ts";
import { withLimit } from "../core/limit.ts";
import type { Caller } from "../contract/client.ts";
import { decodeDriverCallResponse, encodeDriverCallRequest } from "../wire/driver_call.ts";
import {
  type GetReportResponse,
  getReportResponse,
  type GetStatusResponse,
  getStatusResponse,
  type LogStreamResponse,
  logStreamResponse,
} from "../wire/exporter_messages.ts";
import { connectRpc } from "../wire/rpc/client.ts";
import type { CallOptions, ClientStream, RpcClient } from "../wire/rpc/types.ts";
import { goAwayFrame, receivedBytes, sendBytes } from "../wire/stream_frame.ts";
import { type Address, isLocal, renderAddress, type SshTarget } from "./address.ts";
import { openPipe, plainFailure } from "./dial.ts";
import type { SshOptions } from "./ssh.ts";
import { checkPassphrase, type Security, trustAt } from "./security.ts";

const service = "/jumpstarter.v1.ExporterService";
const nothing = new Uint8Array();

/** Limits for each step on the way to an exporter, in milliseconds: by itself, and with ssh. */
const connectLimitMs = 10_000;
const sshLimitMs = 120_000;

/** How to reach an exporter. */
export interface DialOptions extends Security, SshOptions {
  /**
   * Limit for name, connection, TLS and first answer, each, in milliseconds. By default 10 000, and 120 000 for ssh,
   * where somebody may have to type a password.
   */
  connectTimeoutMs?: number;
}

/** Looks closer at why the first call failed. */
type Explain = (error: unknown) => Promise<unknown>;

/** An exporter at the other end of a connection. */
export class ExporterConnection implements AsyncDisposable {
  readonly #rpc: RpcClient;
  readonly #connectTimeoutMs: number;
  readonly #passphrase?: string;
  readonly #explain: Explain;
  readonly #isDistant: boolean;

  constructor(rpc: RpcClient, options: DialOptions & { explain?: Explain; isDistant?: boolean } = {}) {
    this.#rpc = rpc;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? connectLimitMs;
    this.#passphrase = options.passphrase;
    this.#isDistant = options.isDistant ?? false;
    this.#explain = options.explain ?? ((error) => Promise.resolve(error));
  }

  /**
   * Connects to an exporter.
   *
   * @throws {JumpstarterError} with the phase that failed: `resolve`, `connect` or `tls`.
   */
  static async dial(address: Address, options: DialOptions = {}): Promise<ExporterConnection> {
    if ("ssh" in address) return await ExporterConnection.#dialSsh(address, options);
    const { passphrase, connectTimeoutMs = connectLimitMs } = options;
    const trust = await trustAt(address, options, connectTimeoutMs);
    const isTcp = "hostname" in address;
    // What a header cannot carry is refused before anybody is connected to.
    const metadata = isTcp && passphrase
      ? { "x-jumpstarter-passphrase": checkPassphrase(passphrase, "the passphrase option") }
      : undefined;
    const pipe = await openPipe(address, trust, connectTimeoutMs);
    const peer = renderAddress(address);
    const scheme = trust ? "https" : "http";
    const rpc = connectRpc(pipe, { authority: isTcp ? peer : "localhost", peer, scheme, metadata });
    const explain = trust ? undefined : (error: unknown) => plainFailure(error, address);
    return new ExporterConnection(rpc, { ...options, explain, isDistant: !isLocal(address) });
  }

  static async #dialSsh(address: { ssh: SshTarget }, options: DialOptions): Promise<ExporterConnection> {
    const { connectTimeoutMs = sshLimitMs } = options;
    await trustAt(address, options, connectTimeoutMs);
    // Most commands go without ssh, and should not have to load what starts it.
    const { openSsh, sshFailure } = await import("./ssh.ts");
    const pipe = openSsh(address.ssh, options);
    const limits = { handshakeMs: connectTimeoutMs };
    const rpc = connectRpc(pipe, { authority: "localhost", peer: renderAddress(address), limits });
    const explain = (error: unknown) => Promise.resolve(sshFailure(error, address.ssh));
    return new ExporterConnection(rpc, { ...options, connectTimeoutMs, explain, isDistant: true });
  }

  /** Resolves when the connection is gone, with the reason unless it was closed from here. */
  get closed(): Promise<Error | undefined> {
    return this.#rpc.closed;
  }

  /** The exporter's drivers. It is the first call, so whoever is at the other end shows here whether it is an exporter. */
  async report(): Promise<GetReportResponse> {
    const options = { timeoutMs: this.#connectTimeoutMs };
    const answer = await this.#rpc.unary(`${service}/GetReport`, nothing, options).catch(async (error) => {
      if (isJumpstarterError(error, "unauthenticated")) throw unauthenticated(error, this.#passphrase);
      if (isJumpstarterError(error, "unimplemented")) {
        throw new JumpstarterError("unavailable", `The peer speaks gRPC but is not an exporter: ${error.message}`, {
          phase: "connect",
          cause: error,
        });
      }
      throw inPhase(await this.#explain(error), "connect");
    });
    return getReportResponse.decode(answer);
  }

  /** The session's status. Exporters before 0.8 answer `unimplemented`. */
  async status(options?: CallOptions): Promise<GetStatusResponse> {
    return getStatusResponse.decode(await this.#rpc.unary(`${service}/GetStatus`, nothing, options));
  }

  /** The session's log: what is kept of it, then every record as it comes, until the signal aborts. */
  async *logs(signal: AbortSignal): AsyncGenerator<LogStreamResponse, void, undefined> {
    const stream = this.#rpc.stream(`${service}/LogStream`, { signal });
    try {
      void stream.send(nothing);
      stream.closeSend();
      for await (const message of messages(stream)) yield logStreamResponse.decode(message);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Calls to the driver with a uuid. */
  caller(uuid: string): Caller {
    return {
      unary: async (method, args, options) => {
        const request = encodeDriverCallRequest({ uuid, method, args });
        const answer = await this.#rpc.unary(`${service}/DriverCall`, request, options).catch(driverFailure);
        return decodeDriverCallResponse(answer).result;
      },
      serverStreaming: (method, args, options) => this.#streamingCall(uuid, method, args, options),
      byteStream: (method, options) => this.#byteStream(uuid, method, options),
      lend: async (direction, given, lending) => {
        // Few commands move files.
        const { lend } = await import("./lend.ts");
        const borrower = { rpc: this.#rpc, uuid, isDistant: this.#isDistant };
        return await lend(borrower, direction, given, lending).catch(driverFailure);
      },
    };
  }

  async *#streamingCall(uuid: string, method: string, args: unknown[], options: CallOptions) {
    const request = encodeDriverCallRequest({ uuid, method, args });
    const stream = this.#rpc.stream(`${service}/StreamingDriverCall`, options);
    try {
      void stream.send(request);
      stream.closeSend();
      for await (const message of messages(stream)) yield decodeDriverCallResponse(message).result;
    } catch (error) {
      driverFailure(error);
    }
  }

  async #byteStream(uuid: string, method: string, options: CallOptions): Promise<ByteStream> {
    const metadata = { request: JSON.stringify({ kind: "driver", uuid, method }) };
    const stream = this.#rpc.stream("/jumpstarter.v1.RouterService/Stream", { ...options, metadata });
    // The exporter sends its headers once the driver's stream is open; a failure to open arrives instead of them.
    await stream.headers.catch(driverFailure);
    return carriedBy(stream);
  }

  /** Ends the connection. Calls that still run fail with `canceled`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rpc.close();
  }
}

/** How long an exporter may take to end a call whose directions have both ended; Python's never does by itself. */
const settleMs = 250;

/** The byte stream that a call of `RouterService.Stream` carries. */
function carriedBy(call: ClientStream): ByteStream {
  const incoming = receivedBytes(call);
  let received = false;
  let sent = false;
  let settling: Promise<void> | undefined;
  // Both directions have ended. Cancelling at once could overtake what is still on its way to the device; never
  // cancelling would leave a Python exporter with the call, and the device behind it, for as long as the connection.
  const settle = () => settling ??= withLimit(drain(call), settleMs, "Ending a stream").catch(() => call.cancel());
  return byteStreamOf({
    async next() {
      const bytes = await incoming.next().catch(driverFailure);
      if (bytes) return bytes;
      received = true;
      if (sent) void settle();
      return undefined;
    },
    write: (chunk) => sendBytes(call, chunk).catch(driverFailure),
    async end() {
      await call.send(goAwayFrame);
      call.closeSend();
      sent = true;
      if (received) await settle();
    },
    close: () => settling ?? call.cancel(),
  });
}

async function drain(call: ClientStream): Promise<void> {
  while (await call.receive()) { /* nothing of interest follows a GOAWAY */ }
}

async function* messages(stream: ClientStream): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let message = await stream.receive(); message; message = await stream.receive()) yield message;
  } finally {
    stream.cancel();
  }
}

/** A status that came back is the driver's word, unless the connection itself failed. */
function driverFailure(error: unknown): never {
  throw inPhase(error, "driver");
}

function inPhase(error: unknown, phase: "connect" | "driver"): unknown {
  if (!isJumpstarterError(error) || error.phase) return error;
  return new JumpstarterError(error.code, error.message, { phase, hint: error.hint, cause: error.cause });
}

function unauthenticated(error: JumpstarterError, passphrase: string | undefined): JumpstarterError {
  const what = passphrase ? "The exporter does not accept the passphrase" : "The exporter asks for a passphrase";
  return new JumpstarterError("unauthenticated", `${what}: ${error.message}`, {
    phase: "authenticate",
    hint: "--passphrase-file FILE, or JMP_GRPC_PASSPHRASE in the environment",
    cause: error,
  });
}
