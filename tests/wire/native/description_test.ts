import assert from "node:assert/strict";
import * as z from "zod";
import { defineInterface } from "../../../lib/contract/interface.ts";
import { byteStream, type Methods, serverStreaming, unary } from "../../../lib/contract/method.ts";
import { interfaceByName, interfaceNames } from "../../../lib/interfaces/table.ts";
import {
  describe,
  fullName,
  type NativeField,
  type NativeMessage,
  type NativeMethod,
  type NativeService,
} from "../../../lib/wire/native/description.ts";

/** A field as `number label type name`. */
function fieldText({ name, number, type, repeated, optional }: NativeField): string {
  const typeName = type.kind === "message"
    ? type.message.name
    : type.kind === "enum"
    ? type.enumeration.name
    : type.kind === "value"
    ? "Value"
    : type.kind;
  return [name, number, repeated && "repeated", optional && "optional", typeName].filter(Boolean).join(" ");
}

function messageText({ name, fields }: NativeMessage): string {
  return `${name}: ${fields.map(fieldText).join("; ")}`;
}

function methodText({ name, kind, input, output }: NativeMethod): string {
  const takes = `${kind === "byteStream" ? "stream " : ""}${input?.name ?? "Empty"}`;
  return `${name}(${takes}) → ${kind === "unary" ? "" : "stream "}${output?.name ?? "Empty"}`;
}

function described(native: NativeService): string[] {
  return [fullName(native), ...native.methods.map(methodText), ...native.messages.map(messageText)];
}

const definition = (methods: Methods) =>
  defineInterface({ name: "test-rig", summary: "A rig", pythonClients: [], methods });

Deno.test("describe() names service, methods and messages as upstream's generator does", () => {
  const native = describe(definition({
    setSpeed: unary("Set it", { params: { rpm: z.int(), softStart: z.boolean().default(false) } }),
    readPin: unary("Read it", { result: z.number() }),
    names: unary("Their names", { result: z.array(z.string()) }),
    trace: byteStream("What it says"),
    watch: serverStreaming("Look on", { result: z.object({ at: z.int(), note: z.string().optional() }) }),
    raw: unary("Anything", { params: { what: z.unknown() }, result: z.record(z.string(), z.unknown()) }),
    level: unary("How full it is", { result: z.number().nullable() }),
    run: unary("Run it", { params: { args: z.array(z.string()) }, rest: true, result: z.tuple([z.string(), z.int()]) }),
  }));
  assert.deepEqual(described(native), [
    "jumpstarter.interfaces.test_rig.v1.TestRigInterface",
    "Level(Empty) → LevelResponse",
    "Names(Empty) → NamesResponse",
    "Raw(RawRequest) → RawResponse",
    "ReadPin(Empty) → ReadPinResponse",
    "Run(RunRequest) → RunResponse",
    "SetSpeed(SetSpeedRequest) → Empty",
    "Trace(stream StreamData) → stream StreamData",
    "Watch(Empty) → stream WatchResponse",
    "SetSpeedRequest: rpm 1 int64; soft_start 2 optional bool",
    "ReadPinResponse: value 1 double",
    "NamesResponse: value 1 repeated string",
    "StreamData: payload 1 bytes",
    "WatchResponse: at 1 int64; note 2 optional string",
    "RawRequest: what 1 Value",
    "RawResponse: value 1 Value",
    "LevelResponse: value 1 optional double",
    "RunRequest: args 1 Value",
    "RunResponse: value 1 repeated Value",
  ]);
});

Deno.test("describe() makes messages and enums of objects and choices with a title, and uses one for all their uses", () => {
  const State = z.enum(["Not Connected", "Car Connected"]).meta({ title: "OBDConnectionStatus" });
  const Reading = z.object({ value: z.number(), state: State }).meta({ title: "Reading" });
  const native = describe(definition({
    all: unary("All of them", { result: z.array(Reading) }),
    one: unary("One of them", { result: Reading }),
    nested: unary("Inside", { result: z.object({ inner: z.object({ a: z.string() }) }) }),
  }));
  assert.deepEqual(native.messages.map(messageText), [
    "Reading: value 1 double; state 2 OBDConnectionStatus",
    "AllResponse: value 1 repeated Reading",
    "Inner: a 1 string",
    "NestedResponse: inner 1 Inner",
  ]);
  assert.deepEqual(native.enums.map(({ values }) => values.map(({ name, number }) => `${name} ${number}`)), [[
    "OBD_CONNECTION_STATUS_UNSPECIFIED 0",
    "OBD_CONNECTION_STATUS_NOT_CONNECTED 1",
    "OBD_CONNECTION_STATUS_CAR_CONNECTED 2",
  ]]);
});

Deno.test("describe() refuses two different messages of one name", () => {
  const methods = {
    one: unary("One", { result: z.object({ a: z.string() }).meta({ title: "Same" }) }),
    two: unary("Two", { result: z.object({ b: z.string() }).meta({ title: "Same" }) }),
  };
  assert.throws(() => describe(definition(methods)), {
    message: "test-rig: Two different messages would be called Same; give one of them another title",
  });
});

/** Upstream's services as far as they are bundled: the methods and messages that must be there just so. */
const upstream: Record<string, string[]> = {
  "jumpstarter.interfaces.composite.v1.CompositeInterface": [],
  "jumpstarter.interfaces.flasher.v1.FlasherInterface": [
    "Dump(DumpRequest) → Empty",
    "Flash(FlashRequest) → Empty",
    "DumpRequest: target 1 Value; partition 2 optional string",
    "FlashRequest: source 1 Value; target 2 optional string",
  ],
  "jumpstarter.interfaces.http_server.v1.HttpServer": [
    "GetHost(Empty) → GetHostResponse",
    "GetPort(Empty) → GetPortResponse",
    "GetUrl(Empty) → GetUrlResponse",
    "Start(Empty) → Empty",
    "Stop(Empty) → Empty",
    "GetHostResponse: value 1 string",
    "GetPortResponse: value 1 int64",
    "GetUrlResponse: value 1 string",
  ],
  "jumpstarter.interfaces.network.v1.NetworkInterface": [
    "Connect(stream StreamData) → stream StreamData",
    "StreamData: payload 1 bytes",
  ],
  "jumpstarter.interfaces.opendal.v1.Opendal": [
    "Capability(Empty) → CapabilityResponse",
    "Copy(CopyRequest) → Empty",
    "CreateDir(CreateDirRequest) → Empty",
    "Delete(DeleteRequest) → Empty",
    "Exists(ExistsRequest) → ExistsResponse",
    "FileClose(FileCloseRequest) → Empty",
    "FileClosed(FileClosedRequest) → FileClosedResponse",
    "FileRead(FileReadRequest) → Empty",
    "FileReadable(FileReadableRequest) → FileReadableResponse",
    "FileSeek(FileSeekRequest) → FileSeekResponse",
    "FileSeekable(FileSeekableRequest) → FileSeekableResponse",
    "FileTell(FileTellRequest) → FileTellResponse",
    "FileWritable(FileWritableRequest) → FileWritableResponse",
    "FileWrite(FileWriteRequest) → Empty",
    "GetCreatedResources(Empty) → GetCreatedResourcesResponse",
    "Hash(HashRequest) → HashResponse",
    "List(ListRequest) → stream ListResponse",
    "Open(OpenRequest) → OpenResponse",
    "PresignRead(PresignReadRequest) → PresignReadResponse",
    "PresignStat(PresignStatRequest) → PresignStatResponse",
    "PresignWrite(PresignWriteRequest) → PresignWriteResponse",
    "RegisterPath(RegisterPathRequest) → Empty",
    "RemoveAll(RemoveAllRequest) → Empty",
    "Rename(RenameRequest) → Empty",
    "Scan(ScanRequest) → stream ScanResponse",
    "Stat(StatRequest) → StatResponse",
    "CapabilityResponse: value 1 Value",
    "CopyRequest: source 1 string; target 2 string",
    "CreateDirRequest: path 1 string",
    "DeleteRequest: path 1 string",
    "ExistsRequest: path 1 string",
    "ExistsResponse: value 1 bool",
    "FileCloseRequest: fd 1 string",
    "FileClosedRequest: fd 1 string",
    "FileClosedResponse: value 1 bool",
    "FileReadRequest: fd 1 string; dst 2 Value",
    "FileReadableRequest: fd 1 string",
    "FileReadableResponse: value 1 bool",
    "FileSeekRequest: fd 1 string; pos 2 int64; whence 3 optional int64",
    "FileSeekResponse: value 1 int64",
    "FileSeekableRequest: fd 1 string",
    "FileSeekableResponse: value 1 bool",
    "FileTellRequest: fd 1 string",
    "FileTellResponse: value 1 int64",
    "FileWritableRequest: fd 1 string",
    "FileWritableResponse: value 1 bool",
    "FileWriteRequest: fd 1 string; src 2 Value",
    "GetCreatedResourcesResponse: value 1 repeated string",
    "HashRequest: path 1 string; algo 2 optional Value",
    "HashResponse: value 1 string",
    "ListRequest: path 1 string",
    "ListResponse: value 1 Value",
    "OpenRequest: path 1 string; mode 2 Value",
    "OpenResponse: value 1 string",
    "PresignReadRequest: path 1 string; expire_second 2 int64",
    "PresignReadResponse: value 1 Value",
    "PresignStatRequest: path 1 string; expire_second 2 int64",
    "PresignStatResponse: value 1 Value",
    "PresignWriteRequest: path 1 string; expire_second 2 int64",
    "PresignWriteResponse: value 1 Value",
    "RegisterPathRequest: path 1 string",
    "RemoveAllRequest: path 1 string",
    "RenameRequest: source 1 string; target 2 string",
    "ScanRequest: path 1 string",
    "ScanResponse: value 1 Value",
    "StatRequest: path 1 string",
    "StatResponse: value 1 Value",
  ],
  "jumpstarter.interfaces.power.v1.PowerInterface": [
    "Off(Empty) → Empty",
    "On(Empty) → Empty",
    "Read(Empty) → stream PowerReading",
    "PowerReading: voltage 1 double; current 2 double",
  ],
  "jumpstarter.interfaces.py_serial.v1.PySerial": [
    "Connect(stream StreamData) → stream StreamData",
    "StreamData: payload 1 bytes",
  ],
  "jumpstarter.interfaces.shell.v1.Shell": [
    "CallMethod(CallMethodRequest) → stream CallMethodResponse",
    "GetMethods(Empty) → GetMethodsResponse",
    "CallMethodRequest: method 1 string; env 2 Value; args 3 Value",
    "CallMethodResponse: value 1 repeated Value",
    "GetMethodsResponse: value 1 repeated string",
  ],
  "jumpstarter.interfaces.storage_mux.v1.StorageMuxInterface": [
    "Dut(Empty) → Empty",
    "Host(Empty) → Empty",
    "Off(Empty) → Empty",
    "Read(ReadRequest) → Empty",
    "Write(WriteRequest) → Empty",
    "ReadRequest: dst 1 string",
    "WriteRequest: src 1 string",
  ],
  "jumpstarter.interfaces.storage_mux_flasher.v1.StorageMuxFlasherInterface": [
    "Dut(Empty) → Empty",
    "Host(Empty) → Empty",
    "Off(Empty) → Empty",
    "Read(ReadRequest) → Empty",
    "Write(WriteRequest) → Empty",
    "ReadRequest: dst 1 string",
    "WriteRequest: src 1 string",
  ],
  "jumpstarter.interfaces.tftp.v1.Tftp": [
    "GetHost(Empty) → GetHostResponse",
    "GetPort(Empty) → GetPortResponse",
    "Start(Empty) → Empty",
    "Stop(Empty) → Empty",
    "GetHostResponse: value 1 string",
    "GetPortResponse: value 1 int64",
  ],
  // Upstream's results are Empty, since its methods say no type. Whoever was built for that reads ours as well.
  "jumpstarter.interfaces.ssh_wrapper.v1.SSHWrapper": [],
  "jumpstarter.interfaces.vnc.v1.Vnc": [
    "GetDefaultEncrypt(Empty) → GetDefaultEncryptResponse",
    "GetDefaultEncryptResponse: value 1 bool",
  ],
};

/** Interfaces of ours that upstream does not have. */
const ours = ["jumpstarter.interfaces.simulated_board.v1.SimulatedBoardInterface"];

Deno.test("Every bundled interface agrees with upstream's native service, or is none of upstream's", async () => {
  for (const name of interfaceNames) {
    const native = describe((await interfaceByName(name))!);
    const facts = upstream[fullName(native)];
    if (!facts) assert.ok(ours.includes(fullName(native)), `${fullName(native)} is in neither list`);
    const text = described(native);
    for (const fact of facts ?? []) assert.ok(text.includes(fact), `${fullName(native)} lacks ${fact}`);
  }
});
