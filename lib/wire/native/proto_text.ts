/** A native service as the text of a `.proto` file, laid out as `buf format` has it. @module */
import type { NativeEnum, NativeField, NativeMessage, NativeMethod, NativeService, NativeType } from "./description.ts";

const empty = "google.protobuf.Empty";

/** The file's path below `proto/`, as imports name it. */
export function protoPathOf(service: Pick<NativeService, "package">): string {
  const folder = service.package.replaceAll(".", "/");
  return `${folder}/${folder.split("/").at(-2)}.proto`;
}

/** The files that a service's file imports. */
export function importsOf({ methods, messages }: NativeService): string[] {
  const usesEmpty = methods.some(({ input, output }) => !input || !output);
  const usesValue = messages.some(({ fields }) => fields.some(({ type }) => type.kind === "value"));
  return [
    ...usesEmpty ? ["google/protobuf/empty.proto"] : [],
    ...usesValue ? ["google/protobuf/struct.proto"] : [],
  ];
}

/** The whole file. */
export function protoText(service: NativeService): string {
  const parts = [
    "// Follows from the interface's definition; `deno task generate` writes it.\n",
    'syntax = "proto3";\n',
    `package ${service.package};\n`,
    importsOf(service).map((path) => `import "${path}";\n`).join(""),
    serviceText(service),
    ...service.messages.map(messageText),
    ...service.enums.map(enumText),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function serviceText({ name, comment, methods }: NativeService): string {
  return block(`service ${name}`, comment, methods.map(methodText));
}

function methodText({ name, kind, input, output, comment }: NativeMethod): string {
  const takes = `${kind === "byteStream" ? "stream " : ""}${input?.name ?? empty}`;
  const gives = `${kind === "unary" ? "" : "stream "}${output?.name ?? empty}`;
  return `${commentText(comment, "  ")}  rpc ${name}(${takes}) returns (${gives});\n`;
}

function messageText({ name, comment, fields }: NativeMessage): string {
  return block(`message ${name}`, comment, fields.map(fieldText));
}

function fieldText({ name, number, type, repeated, optional, comment }: NativeField): string {
  const label = repeated ? "repeated " : optional ? "optional " : "";
  return `${commentText(comment, "  ")}  ${label}${typeName(type)} ${name} = ${number};\n`;
}

function enumText({ name, comment, values }: NativeEnum): string {
  const lines = values.map((value) =>
    `${
      commentText(value.text === "" ? "Nothing was said." : `${value.text}.`, "  ")
    }  ${value.name} = ${value.number};\n`
  );
  return block(`enum ${name}`, comment, lines);
}

function typeName(type: NativeType): string {
  switch (type.kind) {
    case "message":
      return type.message.name;
    case "enum":
      return type.enumeration.name;
    case "value":
      return "google.protobuf.Value";
    default:
      return type.kind;
  }
}

function block(head: string, comment: string, lines: string[]): string {
  return `${commentText(comment, "")}${head} {${lines.length > 0 ? `\n${lines.join("")}` : ""}}\n`;
}

function commentText(comment: string | undefined, indent: string): string {
  return comment === undefined ? "" : comment.split("\n").map((line) => `${indent}// ${line}\n`).join("");
}
