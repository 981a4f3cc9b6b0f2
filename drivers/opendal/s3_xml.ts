/** What S3 answers in XML. @module */
import { parseXml, type XmlElement } from "@rgrove/parse-xml";
import { storageError } from "../../lib/interfaces/storage_service/backend.ts";

/** One answer to a listing. */
export interface Listing {
  readonly keys: string[];
  /** What keys begin with that have the delimiter in them; each ends in it. */
  readonly folders: string[];
  /** Stands for what comes after these. */
  readonly next?: string;
}

/** Reads an answer to a listing. */
export function parseListing(text: string): Listing {
  const root = parse(text);
  if (root?.name !== "ListBucketResult") throw storageError("Unexpected", "The service's listing is none");
  const under = (name: string, inner: string) =>
    elements(root, name).flatMap((one) => elements(one, inner)).map(textOf);
  const [next] = elements(root, "NextContinuationToken").map(textOf);
  return { keys: under("Contents", "Key"), folders: under("CommonPrefixes", "Prefix"), next: next || undefined };
}

/** The name of the outermost element, if the text is XML. */
export function rootOf(text: string): string | undefined {
  return parse(text)?.name;
}

/** The texts of the outermost element's children of a name. */
export function textsOf(text: string, name: string): string[] {
  const root = parse(text);
  return root ? elements(root, name).map(textOf) : [];
}

function parse(text: string): XmlElement | undefined {
  try {
    // Where an answer takes its time, blanks come before it.
    return parseXml(text.trim()).root ?? undefined;
  } catch {
    return undefined;
  }
}

function elements(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((one): one is XmlElement =>
    one.type === "element" && (one as XmlElement).name === name
  );
}

function textOf(element: XmlElement): string {
  return element.text;
}
