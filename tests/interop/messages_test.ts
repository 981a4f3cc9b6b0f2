import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { file_jumpstarter_client_v1_client } from "../../lib/wire/messages/jumpstarter/client/v1/client_pb.ts";
import { file_jumpstarter_v1_common } from "../../lib/wire/messages/jumpstarter/v1/common_pb.ts";
import { file_jumpstarter_v1_jumpstarter } from "../../lib/wire/messages/jumpstarter/v1/jumpstarter_pb.ts";
import { file_jumpstarter_v1_kubernetes } from "../../lib/wire/messages/jumpstarter/v1/kubernetes_pb.ts";
import { file_jumpstarter_v1_router } from "../../lib/wire/messages/jumpstarter/v1/router_pb.ts";
import { peerTest, type PythonPeer, pythonPeer, runPython } from "./python.ts";

const ours = [
  file_jumpstarter_v1_common,
  file_jumpstarter_v1_kubernetes,
  file_jumpstarter_v1_router,
  file_jumpstarter_v1_jumpstarter,
  file_jumpstarter_client_v1_client,
].map((file) => file.proto);

/** Prints the descriptor of each file, one a line. */
const dump = `
from base64 import b64encode
from jumpstarter_protocol.jumpstarter.client.v1 import client_pb2
from jumpstarter_protocol.jumpstarter.v1 import common_pb2, jumpstarter_pb2, kubernetes_pb2, router_pb2

for module in (client_pb2, common_pb2, jumpstarter_pb2, kubernetes_pb2, router_pb2):
    print(b64encode(module.DESCRIPTOR.serialized_pb).decode())
`;

async function descriptorsOf(peer: PythonPeer): Promise<FileDescriptorProto[]> {
  const lines = (await runPython(peer, dump)).trim().split("\n");
  return lines.map((line) =>
    fromBinary(FileDescriptorProtoSchema, Uint8Array.from(atob(line), (c) => c.charCodeAt(0)))
  );
}

/** What makes two peers understand each other: each name of the protocol with what is fixed about it. */
function factsOf(files: FileDescriptorProto[]): Map<string, string> {
  const facts = new Map<string, string>();
  for (const file of files) {
    const name = (part: { name: string }) => `${file.package}.${part.name}`;
    for (const message of file.messageType) addMessage(name(message), message);
    for (const enumeration of file.enumType) addEnum(name(enumeration), enumeration);
    for (const service of file.service) {
      facts.set(name(service), "service");
      for (const { name: method, inputType, outputType, clientStreaming, serverStreaming } of service.method) {
        const arrow = `${clientStreaming ? "stream " : ""}${inputType} → ${
          serverStreaming ? "stream " : ""
        }${outputType}`;
        facts.set(`${name(service)}.${method}`, arrow);
      }
    }
  }
  return facts;

  function addMessage(name: string, message: DescriptorProto): void {
    facts.set(name, message.options?.mapEntry ? "map entry" : "message");
    for (const field of message.field) {
      const presence = field.proto3Optional ? "optional" : ""; // The protocol has no other oneof.
      const repeated = field.label === Label.REPEATED ? "repeated" : "";
      const deprecated = field.options?.deprecated ? "deprecated" : "";
      const type = `${Type[field.type]}${field.typeName}`;
      const fact = [field.number, type, field.jsonName, presence, repeated, deprecated].filter(Boolean).join(" ");
      facts.set(`${name}.${field.name}`, fact);
    }
    for (const nested of message.nestedType) addMessage(`${name}.${nested.name}`, nested);
    for (const nested of message.enumType) addEnum(`${name}.${nested.name}`, nested);
  }

  function addEnum(name: string, enumeration: EnumDescriptorProto): void {
    facts.set(name, "enum");
    for (const value of enumeration.value) facts.set(`${name}.${value.name}`, String(value.number));
  }
}

/** The facts of theirs that ours contradict or lack. AuditStream, which nobody implements, left the protocol since. */
function notInOurs(theirs: Map<string, string>): string[] {
  const present = factsOf(ours);
  return [...theirs].filter(([name, fact]) => !name.includes(".AuditStream") && present.get(name) !== fact)
    .map(([name, fact]) => `${name}: ${fact}; ours: ${present.get(name) ?? "absent"}`).sort();
}

for (const version of ["0.9.0", "0.7.4"] as const) {
  peerTest(await pythonPeer(version), `Python ${version}'s messages are contained in ours`, async (peer) => {
    const theirs = factsOf(await descriptorsOf(peer));
    assert.ok(theirs.size > 200, `Expected the whole protocol, got ${theirs.size} facts`);
    assert.deepEqual(notInOurs(theirs), []);
  });
}

peerTest(
  await pythonPeer("0.9.0"),
  "What Python 0.9.0 lacks of our messages is what upstream added since",
  async (peer) => {
    const theirs = factsOf(await descriptorsOf(peer));
    const added = [...factsOf(ours).keys()].filter((name) => !theirs.has(name));
    const names = added.filter((name) =>
      !added.some((outer) => name.startsWith(`${outer}.`)) && !name.includes("Entry")
    );
    assert.deepEqual(names.sort(), [
      "jumpstarter.client.v1.Lease.context",
      "jumpstarter.v1.ControllerService.GetServiceEndpoints",
      "jumpstarter.v1.GetReportResponse.motd",
      "jumpstarter.v1.GetServiceEndpointsRequest",
      "jumpstarter.v1.GetServiceEndpointsResponse",
      "jumpstarter.v1.LogStreamResponse.driver_type",
      "jumpstarter.v1.LogStreamResponse.operation",
      "jumpstarter.v1.LogStreamResponse.structured_fields",
      "jumpstarter.v1.LogStreamResponse.timestamp",
      "jumpstarter.v1.StatusResponse.context",
      "jumpstarter.v1.TelemetryEndpoint",
    ]);
  },
);
