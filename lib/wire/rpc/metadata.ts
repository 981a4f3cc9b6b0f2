import { JumpstarterError } from "../../core/errors.ts";
import { type HeaderField, type HeaderList, isFieldName } from "../http2/mod.ts";
import type { Metadata } from "./types.ts";

/** Metadata as header fields. @throws {JumpstarterError} `invalid_argument` when a key or value cannot be sent. */
export function fieldsOf(metadata: Metadata | undefined): HeaderList {
  if (metadata === undefined) return [];
  const fields: HeaderField[] = [];
  for (const [name, value] of Object.entries(metadata)) {
    if (!isFieldName(name)) throw new JumpstarterError("invalid_argument", `Metadata key ${name} is not a header name`);
    if (!/^[\x20-\x7e]*$/.test(value)) {
      throw new JumpstarterError("invalid_argument", `Metadata value of ${name} has characters other than ASCII`);
    }
    fields.push([name, value]);
  }
  return fields;
}

/** Header fields as metadata; several values of one name are joined by a comma. */
export function metadataOf(fields: HeaderList): Metadata {
  const metadata: Record<string, string> = {};
  for (const [name, value] of fields) {
    if (name === "__proto__") continue;
    metadata[name] = Object.hasOwn(metadata, name) ? `${metadata[name]},${value}` : value;
  }
  return metadata;
}
