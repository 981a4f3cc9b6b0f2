/** A registry, by the distribution protocol of the Open Container Initiative. @module */
import * as z from "zod/mini";
import { JumpstarterError } from "../../core/errors.ts";
import { basicAuthorization, splitUrl } from "../../streams/http1/url.ts";
import { type Document, readDocument } from "../../streams/http1/transfer.ts";
import { isLoopback } from "../address.ts";
import type { Login } from "./login.ts";
import type { OciReference } from "./reference.ts";

/** Longest manifest, in bytes; registries take none that is longer. */
const maxManifestBytes = 4 * 1024 * 1024;

/** Longest answer with a token, in bytes. */
const maxTokenBytes = 256 * 1024;

const Token = z.object({ token: z.optional(z.string()), access_token: z.optional(z.string()) });

/** One repository of a registry. */
export class Repository {
  readonly #reference: OciReference;
  readonly #login?: Login;
  readonly #signal: AbortSignal;
  readonly #isLocal: boolean;
  readonly #url: string;
  #headers: Record<string, string> = {};

  /** Only a registry on this machine is spoken to without TLS. */
  constructor(reference: OciReference, login: Login | undefined, signal: AbortSignal) {
    const { registry, name } = reference;
    this.#reference = reference;
    this.#login = login;
    this.#signal = signal;
    this.#isLocal = isLoopback(splitUrl(`http://${registry}`).hostname);
    this.#url = `${this.#isLocal ? "http" : "https"}://${registry}/v2/${name}`;
  }

  /**
   * Reads the manifest of a tag or a digest.
   *
   * @throws {JumpstarterError} `not_found`; `unauthenticated` where the login, or having none, does not do; `unknown`.
   */
  async manifest(version: string, accept: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
    const ask = () => this.#read(`${this.#url}/manifests/${version}`, { ...this.#headers, accept: accept.join(", ") });
    let answer = await ask();
    if (answer.status === 401) {
      await this.#authorize(answer.headers.get("www-authenticate") ?? "");
      answer = await ask();
    }
    const { status, bytes } = answer;
    if (status === 200) return bytes;
    if (status === 401 || status === 403) throw this.#refused();
    const { registry, name } = this.#reference;
    if (status === 404) throw new JumpstarterError("not_found", `There is no ${name} ${version} at ${registry}`);
    throw this.#unexpected(`answers ${status} when it is asked for the manifest`);
  }

  /** The request for a blob, once the manifest has been read. */
  blob(digest: string): { url: string; headers: Record<string, string> } {
    return { url: `${this.#url}/blobs/${digest}`, headers: this.#headers };
  }

  /** Logs in as the registry asks for: for a token, or with each request. */
  async #authorize(challenge: string): Promise<void> {
    const basic: Record<string, string> = this.#login
      ? { authorization: basicAuthorization(`${this.#login.user}:${this.#login.password}`) }
      : {};
    const bearer = /\bBearer\s+(.*)/i.exec(challenge);
    if (!bearer) {
      if (!this.#login || !/\bBasic\b/i.test(challenge)) throw this.#refused();
      this.#headers = basic;
      return;
    }
    const parameter = (name: string) => new RegExp(`\\b${name}="([^"]*)"`, "i").exec(bearer[1])?.[1];
    const realm = parameter("realm") ?? "";
    if (!/^https:\/\//i.test(realm) && !(this.#isLocal && /^http:\/\//i.test(realm))) {
      throw this.#unexpected("sends no address of https where it gives tokens");
    }
    const query = new URLSearchParams({ scope: parameter("scope") ?? `repository:${this.#reference.name}:pull` });
    const service = parameter("service");
    if (service) query.set("service", service);
    const url = `${realm}${realm.includes("?") ? "&" : "?"}${query}`;
    const { status, bytes } = await readDocument(url, basic, this.#signal, maxTokenBytes);
    if (status === 401 || status === 403) throw this.#refused();
    if (status !== 200) throw this.#unexpected(`answers ${status} when it is asked for a token`);
    const { token, access_token: other } = this.#parsed(Token, bytes, "a token");
    if (!token && !other) throw this.#unexpected("gives no token where it promises one");
    this.#headers = { authorization: `Bearer ${token || other}` };
  }

  #read(url: string, headers: Record<string, string>): Promise<Document> {
    return readDocument(url, headers, this.#signal, maxManifestBytes);
  }

  #parsed<T>(schema: z.ZodMiniType<T>, bytes: Uint8Array, what: string): T {
    try {
      return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    } catch {
      // Neither may the answer be shown, nor what a parser quotes of it.
      throw this.#unexpected(`gives no JSON that has ${what}`);
    }
  }

  #refused(): JumpstarterError {
    const { registry, name } = this.#reference;
    const who = this.#login ? `user ${this.#login.user}` : "somebody without a login";
    return new JumpstarterError("unauthenticated", `The registry ${registry} lets ${who} read nothing of ${name}`, {
      hint: `docker login ${registry}, or OCI_USERNAME and OCI_PASSWORD in the environment; helpers for credentials ` +
        "are not asked",
    });
  }

  #unexpected(what: string): JumpstarterError {
    return new JumpstarterError("unknown", `The registry ${this.#reference.registry} ${what}`);
  }
}
