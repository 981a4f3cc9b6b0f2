/**
 * Jumpstarter as a library: drive boards from test scripts, and write drivers.
 *
 * @example
 * ```ts
 * import { connect, power } from "./mod.ts";
 *
 * await using board = await connect("127.0.0.1:7000", { power });
 * await board.power.cycle({ waitMs: 500 });
 * ```
 *
 * @module
 */
export { z } from "zod";
export { connect, type Connected, type Where } from "./lib/local/connect.ts";
export { serve, type Served } from "./lib/local/serve.ts";
export { children, defineDriver, type Driver, type DriverContext } from "./lib/contract/driver.ts";
export { type Client, defineInterface, type Interface } from "./lib/contract/interface.ts";
export {
  byteStream,
  type Call,
  type CallOptions,
  type Connection,
  serverStreaming,
  siblingCalled,
  type SiblingListener,
  unary,
} from "./lib/contract/method.ts";
export { type Command, command, type CommandIo } from "./lib/contract/command.ts";
export { type ByteStream, byteStreamOfPipe, echoStream, makeByteStream } from "./lib/core/byte_stream.ts";
export { type Code, isJumpstarterError, JumpstarterError, type Phase } from "./lib/core/errors.ts";
export type { Logger, LogRecord } from "./lib/core/log.ts";
export type {
  HttpRequest,
  LocalSink,
  LocalSource,
  ReadableResource,
  ResourceSink,
  ResourceSource,
  WritableResource,
} from "./lib/contract/resource.ts";
export { resource } from "./lib/contract/resource.ts";
export type { ByteSink, ByteSource, OwnedSink, OwnedSource } from "./lib/core/byte_stream.ts";
export { type Codec, codecOf } from "./lib/core/codec.ts";
export { composite } from "./lib/interfaces/composite.ts";
export { flasher, type FlasherClient } from "./lib/interfaces/flasher.ts";
export { FlashResult } from "./lib/interfaces/flashing.ts";
export { httpServer, type HttpServerClient } from "./lib/interfaces/http_server.ts";
export { network, type NetworkClient } from "./lib/interfaces/network.ts";
export { power, type PowerClient, PowerReading } from "./lib/interfaces/power.ts";
export { ConsoleRecord, ConsoleState, serial, type SerialClient } from "./lib/interfaces/serial.ts";
export { consoleConfig, serialConsole } from "./lib/interfaces/serial_console.ts";
export type { ConsoleLine } from "./lib/streams/console/line.ts";
export {
  endOfStream,
  Expect,
  type ExpectOptions,
  limitPassed,
  type Match,
  type Pattern,
} from "./lib/streams/expect.ts";
export type { Shell, ShellOptions, ShellResult } from "./lib/streams/shell.ts";
export type { UBoot, UBootOptions } from "./lib/streams/uboot.ts";
export { storage, type StorageClient } from "./lib/interfaces/storage.ts";
export {
  storageMux,
  type StorageMuxClient,
  storageMuxFlasher,
  type StorageMuxFlasherClient,
} from "./lib/interfaces/storage_mux.ts";
export { createFile, openFile, openImage } from "./lib/streams/file.ts";
export { shell, type ShellClient } from "./lib/interfaces/shell.ts";
export { ssh, type SshClient } from "./lib/interfaces/ssh.ts";
export { tftp, type TftpClient } from "./lib/interfaces/tftp.ts";
export { vnc, type VncClient } from "./lib/interfaces/vnc.ts";
