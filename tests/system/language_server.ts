/**
 * The YAML language server that editors run, as a peer: `yaml-language-server` of npm over stdio.
 *
 * @module
 */
import { withLimit } from "../../lib/core/limit.ts";

/** Nothing imports it, so that the manifest does not name it: it runs in a process of its own. */
const specifier = "npm:yaml-language-server@2.0.0";

/** How long the server may take for an answer, in milliseconds. */
const answerMs = 30_000;

/** Its settings: schemas come from files only, so that no test waits for a network. */
const settings = { yaml: { schemaStore: { enable: false }, kubernetesCRDStore: { enable: false } } };

/** What the server has against a file; line and column count from 1. */
export interface Diagnostic {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A running server. */
export interface LanguageServer extends AsyncDisposable {
  /** Opens a file and resolves to what is wrong with it, in the order of places. Hints are left out. */
  check(file: string): Promise<Diagnostic[]>;
  /** The words that are offered in a file that was opened; line and column count from 1. */
  complete(file: string, line: number, column: number): Promise<string[]>;
  /** What is told about a place of a file that was opened. */
  hover(file: string, line: number, column: number): Promise<string>;
}

/**
 * Whether the server can be had here; the reason why not is then on stderr. With `CI` in the environment it throws
 * instead, so that a run cannot pass without it.
 */
export async function haveLanguageServer(): Promise<boolean> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", "--no-lock", specifier],
  })
    .output();
  if (success) return true;
  const missing = `${specifier} cannot be had: ${new TextDecoder().decode(stderr).trim()}`;
  if (Deno.env.has("CI")) throw new Error(missing);
  console.error(`${missing}: tests of what editors show are skipped`);
  return false;
}

/** Starts a server. */
export async function startLanguageServer(): Promise<LanguageServer> {
  const args = ["run", "-A", "--quiet", "--no-lock", specifier, "--stdio"];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
  const peer = new Peer(child);
  const position = (file: string, line: number, column: number) => ({
    textDocument: { uri: uriOf(file) },
    position: { line: line - 1, character: column - 1 },
  });
  await peer.request("initialize", { processId: null, rootUri: null, capabilities: {} });
  await peer.notify("initialized", {});
  // A check that meets the server's own configuration is dropped without a word.
  await withLimit(peer.configured, answerMs, "The language server's configuration");
  return {
    async check(file) {
      const uri = uriOf(file);
      const published = peer.diagnosticsOf(uri);
      const text = await Deno.readTextFile(file);
      await peer.notify("textDocument/didOpen", { textDocument: { uri, languageId: "yaml", version: 1, text } });
      return await withLimit(published, answerMs, "Checking in the language server");
    },
    async complete(file, line, column) {
      const answer = await peer.request("textDocument/completion", position(file, line, column));
      return (answer as { items: { label: string }[] }).items.map(({ label }) => label);
    },
    async hover(file, line, column) {
      const answer = await peer.request("textDocument/hover", position(file, line, column));
      return (answer as { contents: { value: string } } | null)?.contents.value ?? "";
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await peer.ended;
    },
  };
}

function uriOf(file: string): string {
  return `file://${file}`;
}

interface Message {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
}

/** JSON-RPC with the framing of the language server protocol. */
class Peer {
  readonly ended: Promise<void>;
  readonly configured: Promise<void>;
  #configure!: () => void;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers = new Map<number, (result: unknown) => void>();
  readonly #diagnostics = new Map<string, (found: Diagnostic[]) => void>();
  #requests = 0;

  constructor(child: Deno.ChildProcess) {
    this.#writer = child.stdin.getWriter();
    this.configured = new Promise((resolve) => this.#configure = resolve);
    this.ended = this.#read(child.stdout).finally(() => this.#writer.abort().catch(() => {}));
  }

  async notify(method: string, params: unknown): Promise<void> {
    await this.#send({ method, params });
  }

  async request(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#requests;
    const answer = new Promise((resolve) => this.#answers.set(id, resolve));
    await this.#send({ id, method, params });
    return await withLimit(answer, answerMs, `The language server's ${method}`);
  }

  diagnosticsOf(uri: string): Promise<Diagnostic[]> {
    return new Promise((resolve) => this.#diagnostics.set(uri, resolve));
  }

  async #send(message: Message): Promise<void> {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    const length = new TextEncoder().encode(body).length;
    // In one write: answers to the server's own requests are sent meanwhile.
    await this.#writer.write(new TextEncoder().encode(`Content-Length: ${length}\r\n\r\n${body}`));
  }

  async #read(stdout: ReadableStream<Uint8Array>): Promise<void> {
    let buffered = "";
    // One character a byte, so that lengths are those of the header.
    const latin1 = new TextDecoder("latin1");
    for await (const chunk of stdout) {
      buffered += latin1.decode(chunk, { stream: true });
      for (let frame; (frame = /^Content-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n/.exec(buffered));) {
        const [header, length] = frame;
        const end = header.length + Number(length);
        if (buffered.length < end) break;
        const body = Uint8Array.from(buffered.slice(header.length, end), (letter) => letter.charCodeAt(0));
        buffered = buffered.slice(end);
        await this.#receive(JSON.parse(new TextDecoder().decode(body)));
      }
    }
  }

  async #receive({ id, method, params, result }: Message): Promise<void> {
    if (method === "textDocument/publishDiagnostics") {
      const { uri, diagnostics } = params as { uri: string; diagnostics: RawDiagnostic[] };
      this.#diagnostics.get(uri)?.(diagnosticsFrom(diagnostics));
    } else if (method !== undefined && id !== undefined) {
      if (method !== "workspace/configuration") return await this.#send({ id, result: null });
      const { items } = params as { items: { section: keyof typeof settings }[] };
      await this.#send({ id, result: items.map(({ section }) => settings[section] ?? null) });
      this.#configure();
    } else if (id !== undefined) this.#answers.get(id)?.(result);
  }
}

interface RawDiagnostic {
  severity: number;
  message: string;
  range: { start: { line: number; character: number } };
}

function diagnosticsFrom(raw: RawDiagnostic[]): Diagnostic[] {
  return raw.filter(({ severity }) => severity <= 2)
    .map(({ message, range: { start } }) => ({ line: start.line + 1, column: start.character + 1, message }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}
