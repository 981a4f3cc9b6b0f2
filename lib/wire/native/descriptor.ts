/** A native service as protobuf's own descriptors, made at run time. @module */
import { create, createFileRegistry, type DescFile, type DescMethod } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type { NativeEnum, NativeField, NativeMessage, NativeService, NativeType } from "./description.ts";
import { importsOf, protoPathOf } from "./proto_text.ts";

/** A service that can be served. */
export interface ServiceDescriptor {
  readonly file: DescFile;
  /** Methods by their names in PascalCase. */
  readonly methods: ReadonlyMap<string, DescMethod>;
}

const wellKnown: Readonly<Record<string, DescFile>> = {
  "google/protobuf/empty.proto": file_google_protobuf_empty,
  "google/protobuf/struct.proto": file_google_protobuf_struct,
};

/** Makes the descriptors of a service. */
export function descriptorOf(native: NativeService): ServiceDescriptor {
  const proto = fileProtoOf(native);
  const registry = createFileRegistry(proto, (name) => wellKnown[name]);
  const file = registry.getFile(proto.name)!;
  return { file, methods: new Map(file.services[0].methods.map((method) => [method.name, method])) };
}

/** The file as protobuf describes files. */
export function fileProtoOf(native: NativeService): FileDescriptorProto {
  const within = (name: string) => `.${native.package}.${name}`;
  const message = (of: NativeMessage | undefined) => of ? within(of.name) : ".google.protobuf.Empty";
  return create(FileDescriptorProtoSchema, {
    name: protoPathOf(native),
    package: native.package,
    syntax: "proto3",
    dependency: importsOf(native),
    messageType: native.messages.map((one) => messageProto(one, within)),
    enumType: native.enums.map(enumProto),
    service: [{
      name: native.name,
      method: native.methods.map(({ name, kind, input, output }) => ({
        name,
        inputType: message(input),
        outputType: message(output),
        ...kind === "byteStream" && { clientStreaming: true },
        ...kind !== "unary" && { serverStreaming: true },
      })),
    }],
  });
}

function messageProto({ name, fields }: NativeMessage, within: (name: string) => string): DescriptorProto {
  const optional = fields.filter((field) => field.optional);
  return create(DescriptorProtoSchema, {
    name,
    field: fields.map((field) => fieldProto(field, within, optional.indexOf(field))),
    oneofDecl: optional.map((field) => ({ name: `_${field.name}` })),
  });
}

/** `oneof` is the index of the oneof that proto3 wants around an optional field, or below 0. */
function fieldProto(field: NativeField, within: (name: string) => string, oneof: number): FieldDescriptorProto {
  const { name, number, type, repeated } = field;
  return create(FieldDescriptorProtoSchema, {
    name,
    number,
    jsonName: name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    label: repeated ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
    ...typeProto(type, within),
    ...oneof >= 0 && { oneofIndex: oneof, proto3Optional: true },
  });
}

function typeProto(type: NativeType, within: (name: string) => string) {
  const { BOOL, BYTES, DOUBLE, ENUM, INT64, MESSAGE, STRING } = FieldDescriptorProto_Type;
  switch (type.kind) {
    case "message":
      return { type: MESSAGE, typeName: within(type.message.name) };
    case "enum":
      return { type: ENUM, typeName: within(type.enumeration.name) };
    case "value":
      return { type: MESSAGE, typeName: ".google.protobuf.Value" };
    default:
      return { type: { string: STRING, bool: BOOL, double: DOUBLE, int64: INT64, bytes: BYTES }[type.kind] };
  }
}

function enumProto({ name, values }: NativeEnum): EnumDescriptorProto {
  return create(EnumDescriptorProtoSchema, { name, value: values.map(({ name, number }) => ({ name, number })) });
}
