/**
 * An interface as native gRPC has it: a service, its methods, and the messages that they take and give. It is a model in
 * plain data; the descriptors, the `.proto` text and the conversion of messages all follow from it.
 *
 * The names are those of upstream's own generator: methods in PascalCase, sorted; nothing is `google.protobuf.Empty`;
 * arguments are `<Method>Request`, numbered in the order of the parameters; a result that is an object with a title is
 * the message of that title, one without a title gives its fields to `<Method>Response`, and any other is the `value` of
 * `<Method>Response`. Integers are `int64`, what has no shape is `google.protobuf.Value`, and so is the list that a rest
 * parameter takes. An argument that may be left out
 * is `optional`, since proto3 cannot tell a zero from nothing without.
 *
 * @module
 */
import * as z from "zod/mini";
import type { AnyInterface } from "../../contract/interface.ts";
import { type Kind, type Method, wireNameOf } from "../../contract/method.ts";
import { JumpstarterError } from "../../core/errors.ts";

/** What a field holds, beside being repeated or not. */
export type NativeType =
  | { readonly kind: "string" | "bool" | "double" | "int64" | "bytes" | "value" }
  | { readonly kind: "message"; readonly message: NativeMessage }
  | { readonly kind: "enum"; readonly enumeration: NativeEnum };

/** A field of a message. */
export interface NativeField {
  /** In the `.proto` file: snake_case. */
  readonly name: string;
  /** In the values that drivers take and give. */
  readonly key: string;
  readonly number: number;
  readonly type: NativeType;
  readonly repeated: boolean;
  readonly optional: boolean;
  readonly comment?: string;
}

/** A message. */
export interface NativeMessage {
  readonly name: string;
  readonly comment: string;
  readonly fields: readonly NativeField[];
}

/** An enum; `text` is what drivers take and give. */
export interface NativeEnum {
  readonly name: string;
  readonly comment: string;
  readonly values: readonly { readonly name: string; readonly number: number; readonly text: string }[];
}

/** A method. */
export interface NativeMethod {
  /** In PascalCase. */
  readonly name: string;
  /** The name by which a call reaches the driver. */
  readonly wireName: string;
  readonly kind: Kind;
  readonly comment: string;
  /** Left out where the method takes nothing. */
  readonly input?: NativeMessage;
  /** Left out where the method gives nothing. */
  readonly output?: NativeMessage;
  /** Whether the result is the field `value` of the output, rather than the output itself. */
  readonly wrapped: boolean;
  /** Names of the parameters in their order; the last one may take all remaining positions of the legacy wire. */
  readonly params: readonly string[];
  readonly rest: boolean;
}

/** A service with all that its file declares. */
export interface NativeService {
  readonly package: string;
  readonly name: string;
  readonly comment: string;
  /** In the order of their names. */
  readonly methods: readonly NativeMethod[];
  readonly messages: readonly NativeMessage[];
  readonly enums: readonly NativeEnum[];
}

/** The full name of a service. */
export function fullName(service: Pick<NativeService, "package" | "name">): string {
  return `${service.package}.${service.name}`;
}

/** The path of a method's calls. */
export function pathOf(service: NativeService, method: NativeMethod): string {
  return `/${fullName(service)}/${method.name}`;
}

function packageOf({ name, native }: AnyInterface): string {
  return `jumpstarter.interfaces.${native?.package ?? snakeCase(name)}.v1`;
}

function shortNameOf({ name, native }: AnyInterface): string {
  return native?.service ?? `${pascalCase(name)}Interface`;
}

/** `read-pin`, `readPin` and `read_pin` as `ReadPin`. */
export function pascalCase(name: string): string {
  return name.replace(/(?:^|[-_])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `read-pin` and `readPin` as `read_pin`. */
function snakeCase(name: string): string {
  return name.replaceAll("-", "_").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A byte stream's message, in both directions. */
const StreamData: NativeMessage = {
  name: "StreamData",
  comment: "Some bytes of a stream. An empty message means nothing; the end of a direction is its end.",
  fields: [{
    name: "payload",
    key: "payload",
    number: 1,
    type: { kind: "bytes" },
    repeated: false,
    optional: false,
    comment: "The bytes.",
  }],
};

/**
 * Describes an interface.
 *
 * @throws {JumpstarterError} `invalid_argument` when two things would have one name.
 */
export function describe(definition: AnyInterface): NativeService {
  const names = new Names(definition.name);
  const methods = Object.entries(definition.methods as Record<string, Method>)
    .map(([name, method]) => describeMethod(names, name, method))
    .sort((a, b) => a.name < b.name ? -1 : 1);
  return {
    package: packageOf(definition),
    name: shortNameOf(definition),
    comment: sentence(definition.summary),
    methods,
    messages: names.messages,
    enums: names.enums,
  };
}

/** The messages and enums of one file, each name once. */
class Names {
  readonly messages: NativeMessage[] = [];
  readonly enums: NativeEnum[] = [];
  readonly #interface: string;
  readonly #taken = new Map<string, string>();

  constructor(definition: string) {
    this.#interface = definition;
  }

  message(message: NativeMessage): NativeMessage {
    return this.#one(this.messages, message);
  }

  enumeration(enumeration: NativeEnum): NativeEnum {
    return this.#one(this.enums, enumeration);
  }

  #one<T extends { name: string }>(list: T[], item: T): T {
    const shape = JSON.stringify(item, (key, value) => key === "comment" ? undefined : value);
    const taken = this.#taken.get(item.name);
    if (taken === undefined) list.push(item);
    else if (taken !== shape) {
      throw new JumpstarterError(
        "invalid_argument",
        `${this.#interface}: Two different messages would be called ${item.name}; give one of them another title`,
      );
    }
    this.#taken.set(item.name, shape);
    return list.find(({ name }) => name === item.name) ?? item;
  }
}

function describeMethod(names: Names, key: string, method: Method): NativeMethod {
  const name = method.wireName === undefined ? pascalCase(key) : pascalCase(method.wireName);
  const common = {
    name,
    wireName: wireNameOf(key, method),
    kind: method.kind,
    comment: sentence(method.summary),
    params: Object.keys(method.params),
    rest: method.rest,
  };
  if (method.kind === "byteStream") {
    const data = names.message(StreamData);
    return { ...common, input: data, output: data, wrapped: false };
  }
  const schema = jsonSchemaOf(z.object(method.params), "input");
  // Upstream gives no type to what takes all remaining positions.
  if (method.rest) schema.properties![common.params.at(-1)!] = {};
  const input = common.params.length === 0
    ? undefined
    : objectMessage(names, `${name}Request`, schema, `What ${name} takes.`);
  if (!method.nativeResult) return { ...common, input, wrapped: false };
  return { ...common, input, ...describeResult(names, name, method.result) };
}

function describeResult(
  names: Names,
  method: string,
  result: z.core.$ZodType,
): { output?: NativeMessage; wrapped: boolean } {
  if (result._zod.def.type === "void") return { wrapped: false };
  const schema = jsonSchemaOf(result, "output");
  const name = `${method}Response`;
  const comment = `What ${method} gives.`;
  if (isObject(schema)) {
    return { output: objectMessage(names, schema.title ?? name, schema, comment), wrapped: false };
  }
  const value = fieldOf(names, "value", schema, 1, isNullable(schema), method);
  return { output: names.message({ name, comment, fields: [value] }), wrapped: true };
}

/** The parts of JSON Schema (draft 2020-12) that zod writes and that matter here. */
interface JsonSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  enum?: unknown[];
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  anyOf?: JsonSchema[];
}

function jsonSchemaOf(schema: z.core.$ZodType, io: "input" | "output"): JsonSchema {
  // What JSON Schema cannot express has no shape here either.
  return z.toJSONSchema(schema, { io, unrepresentable: "any", reused: "inline" }) as JsonSchema;
}

function isObject(schema: JsonSchema): boolean {
  return schema.type === "object" && schema.properties !== undefined;
}

function isNullable({ type, anyOf }: JsonSchema): boolean {
  return Array.isArray(type) ? type.includes("null") : anyOf?.some(({ type }) => type === "null") ?? false;
}

/** A schema without its `null`. */
function withoutNull(schema: JsonSchema): JsonSchema {
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== "null");
    return types.length === 1 ? { ...schema, type: types[0] } : schema;
  }
  const choices = schema.anyOf?.filter(({ type }) => type !== "null");
  return choices?.length === 1 ? { description: schema.description, ...choices[0] } : schema;
}

function objectMessage(names: Names, name: string, schema: JsonSchema, comment: string): NativeMessage {
  const { properties = {}, required = [], description } = schema;
  const fields = Object.entries(properties).map(([key, field], index) =>
    fieldOf(names, key, field, index + 1, !required.includes(key) || isNullable(field), name)
  );
  return names.message({ name, comment: description === undefined ? comment : sentence(description), fields });
}

function fieldOf(
  names: Names,
  key: string,
  given: JsonSchema,
  number: number,
  optional: boolean,
  owner: string,
): NativeField {
  const schema = withoutNull(given);
  // A tuple's items have no shape in common.
  const items = schema.type === "array" ? withoutNull(schema.items ?? (schema.prefixItems ? {} : schema)) : schema;
  // There is no list of lists.
  const repeated = schema.type === "array" && items.type !== "array";
  return {
    name: snakeCase(key),
    key,
    number,
    type: typeOf(names, repeated ? items : schema, pascalCase(key), owner),
    repeated,
    optional: optional && !repeated,
    comment: given.description === undefined ? undefined : sentence(given.description),
  };
}

function typeOf(names: Names, schema: JsonSchema, name: string, owner: string): NativeType {
  if (isObject(schema)) {
    const comment = `A part of ${owner}.`;
    return { kind: "message", message: objectMessage(names, schema.title ?? name, schema, comment) };
  }
  if (schema.enum && schema.title) return { kind: "enum", enumeration: enumOf(names, schema.title, schema) };
  switch (schema.type) {
    case "string":
      return { kind: "string" };
    case "boolean":
      return { kind: "bool" };
    case "integer":
      return { kind: "int64" };
    case "number":
      return { kind: "double" };
    default:
      return { kind: "value" };
  }
}

function enumOf(names: Names, name: string, schema: JsonSchema): NativeEnum {
  // OBDStatus is OBD_STATUS: a run of capitals is one word.
  const prefix = name.replace(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, "$1$3_$2").toUpperCase();
  const texts = schema.enum!.map(String);
  return names.enumeration({
    name,
    comment: schema.description === undefined ? `One of ${texts.join(", ")}.` : sentence(schema.description),
    values: [
      { name: `${prefix}_UNSPECIFIED`, number: 0, text: "" },
      ...texts.map((text, index) => ({
        name: `${prefix}_${text.toUpperCase().replace(/[^A-Z0-9]+/g, "_")}`,
        number: index + 1,
        text,
      })),
    ],
  });
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
