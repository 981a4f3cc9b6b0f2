/**
 * The JSON Schema of an exporter's file, for editors: the file's own keys, and the config of every bundled driver.
 *
 * Draft 7 is what the YAML language server knows best.
 *
 * @module
 */
import * as z from "zod/mini";
import { exporterSchema } from "../config/exporter_config.ts";
import type { AnyDriver } from "../contract/driver.ts";
import { commonKeys } from "./common_keys.ts";
import { type BundledDrivers, modulePath } from "./load.ts";

/** A JSON Schema; its keywords are told in <https://json-schema.org/draft-07>. */
export type JsonSchema = { [keyword: string]: unknown };

/**
 * The schema of exporter files. What it refuses, `exporter check` complains about at the same place; what takes more
 * than one look, such as where a `ref:` leads, is left to that.
 */
export async function editorSchema(bundled: BundledDrivers): Promise<JsonSchema> {
  const { $schema, definitions, ...file } = jsonSchemaOf(exporterSchema);
  const { node } = definitions as Record<string, JsonSchema>;
  const properties = node.properties as Record<string, JsonSchema>;
  const drivers = await Promise.all(
    Object.values(bundled).map(async ({ python, load }) => ({
      driver: (await load()).default,
      python,
    })),
  );
  const names = drivers.map(({ driver, python }) => [driver.name, ...python]);
  const common = jsonSchemaOf(z.object(commonKeys)).properties as Record<string, JsonSchema>;
  const levels = common.log_level.enum as string[];
  // The level may be written as Python writes it.
  common.log_level.enum = [...levels, ...levels.map((level) => level.toUpperCase())];
  return {
    $schema,
    title: "Jumpstarter exporter",
    description: "What an exporter offers, and how",
    ...file,
    additionalProperties: false,
    definitions: {
      node: {
        ...node,
        properties: {
          ...properties,
          type: {
            description: properties.type.description,
            type: "string",
            anyOf: [
              ...drivers.map(({ driver }) => ({ const: driver.name, description: `${driver.summary}.` })),
              { enum: names.flatMap(([, ...python]) => python) },
              { pattern: modulePath.source },
            ],
          },
        },
        additionalProperties: false,
        allOf: drivers.map(({ driver }, index) => ({
          if: { properties: { type: { enum: names[index] } }, required: ["type"] },
          then: nodeOf(driver, common),
        })),
      },
    },
  };
}

/** What a driver asks of the node that names it. */
function nodeOf(driver: AnyDriver, common: Record<string, JsonSchema>): JsonSchema {
  const { properties, required } = jsonSchemaOf(driver.config);
  const needed = Object.keys(driver.children ?? {});
  const made = Object.keys(driver.provides ?? {});
  return {
    properties: {
      config: {
        type: required ? "object" : ["object", "null"],
        properties: { ...properties as JsonSchema, ...common },
        ...(required !== undefined && { required }),
        additionalProperties: false,
      },
      children: {
        properties: Object.fromEntries(made.map((name) => [name, false])),
        ...(needed.length > 0 && { required: needed }),
      },
    },
    required: [...(required ? ["config"] : []), ...(needed.length > 0 ? ["children"] : [])],
  };
}

/** What a schema accepts, in JSON Schema. */
function jsonSchemaOf(schema: z.core.$ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, { io: "input", target: "draft-7", unrepresentable: "any" });
  return simplified(json) as JsonSchema;
}

/**
 * Says the same in fewer words: "or nothing" as a type, and no bounds that every integer keeps. Editors explain a plain
 * type better than a choice.
 */
function simplified(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(simplified);
  if (typeof value !== "object" || value === null) return value;
  const schema: JsonSchema = Object.fromEntries(Object.entries(value).map(([key, below]) => [key, simplified(below)]));
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  const { anyOf, ...rest } = schema;
  if (!Array.isArray(anyOf)) return schema;
  const [first, ...others] = anyOf as JsonSchema[];
  const plain = others.every((other) => Object.keys(other).join() === "type");
  return plain && first.type ? { ...rest, ...first, type: [first, ...others].flatMap(({ type }) => type) } : schema;
}
