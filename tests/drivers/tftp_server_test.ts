/** The TFTP server driver, with the clients of tftp-hpa, atftp and curl as devices, and raw datagrams. @module */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import tftpServer from "../../drivers/tftp_server/mod.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { serve } from "../../mod.ts";
import { temporaryFolder } from "../system/program.ts";
import { noise } from "../hardware/media.ts";

/** A server of a folder that holds something of everything. */
async function served() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const root = `${folder.path}/boot`;
  const boot = stack.use(await serve(tftpServer, { root_dir: root, host: "127.0.0.1", port: 0 }));
  const kernel = noise(1_000_000 + 77);
  Deno.writeFileSync(`${root}/kernel`, kernel);
  Deno.writeFileSync(`${root}/even`, noise(1024));
  Deno.writeFileSync(`${root}/empty`, new Uint8Array());
  Deno.writeTextFileSync(`${root}/text`, "one\ntwo\r\nthree\rfour");
  Deno.mkdirSync(`${root}/board/dtb`, { recursive: true });
  Deno.writeTextFileSync(`${root}/board/dtb/a.dtb`, "tree");
  Deno.writeTextFileSync(`${folder.path}/secret`, "secret");
  Deno.symlinkSync(`${folder.path}/secret`, `${root}/way-out`);
  await boot.start();
  const port = await boot.getPort();
  const owned = stack.move();
  return { boot, root, folder: folder.path, kernel, port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function runs(program: string, args: string[], stdin = ""): Promise<{ code: number; said: string }> {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Ways to fetch a file, each by a client of its own. */
const clients: Record<string, (port: number, name: string, into: string) => Promise<{ code: number; said: string }>> = {
  tftp: (port, name, into) => runs("tftp", ["-m", "binary", "127.0.0.1", String(port), "-c", "get", name, into]),
  atftp: (port, name, into) =>
    runs("atftp", [
      "--option",
      "blksize 1428",
      "--get",
      "--remote-file",
      name,
      "--local-file",
      into,
      "127.0.0.1",
      `${port}`,
    ]),
  curl: (port, name, into) => runs("curl", ["-sS", "-o", into, `tftp://127.0.0.1:${port}/${name}`]),
  "curl with large blocks": (port, name, into) =>
    runs("curl", ["-sS", "--tftp-blksize", "65464", "-o", into, `tftp://127.0.0.1:${port}/${name}`]),
};

for (const [client, get] of Object.entries(clients)) {
  const program = client.split(" ")[0];
  const lack = isInstalled(program) ? "" : ` (skipped: ${program} is not installed)`;
  Deno.test(`${client} fetches files of all sizes, of folders too${lack}`, { ignore: lack !== "" }, async () => {
    await using there = await served();
    for (const name of ["kernel", "even", "board/dtb/a.dtb"]) {
      const into = `${there.folder}/got`;
      const { code, said } = await get(there.port, name, into);
      assert.equal(code, 0, said);
      assert.deepEqual(Deno.readFileSync(into), Deno.readFileSync(`${there.root}/${name}`), name);
    }
  });
}

Deno.test("A file that becomes shorter while it is sent is not taken for the whole one", async () => {
  await using there = await served();
  using client = new RawClient();
  client.send(there.port, 1, "kernel", "octet");
  const seen: number[] = [];
  for (let block = 1; block <= 3; block++) {
    const [opcode, number] = await client.next();
    seen.push(opcode, number);
    if (block === 2) Deno.truncateSync(`${there.root}/kernel`, 2 * 512);
    client.send(client.from, 4, block);
  }
  assert.deepEqual(seen.slice(0, 4), [3, 1, 3, 2]);
  assert.deepEqual(seen.slice(4), [5, 0]);
});

Deno.test("Several clients fetch at once", { ignore: !isInstalled("curl") }, async () => {
  await using there = await served();
  const fetched = await Promise.all(Array.from({ length: 8 }, async (_, index) => {
    const into = `${there.folder}/got-${index}`;
    const { code, said } = await clients.curl(there.port, "kernel", into);
    assert.equal(code, 0, said);
    return Deno.readFileSync(into);
  }));
  for (const bytes of fetched) assert.deepEqual(bytes, there.kernel);
});

/** A client that sends what a test wants, from one port. */
class RawClient implements Disposable {
  readonly #socket: Socket = createSocket("udp4");
  readonly #packets: { data: Uint8Array; port: number }[] = [];
  #arrived = Promise.withResolvers<void>();
  /** Where the last packet came from. */
  from = 0;

  constructor() {
    this.#socket.on("message", (data: Uint8Array, { port }: { port: number }) => {
      this.#packets.push({ data: new Uint8Array(data), port });
      this.#arrived.resolve();
    });
  }

  send(port: number, ...parts: (number | string)[]): void {
    // A number is a word of two bytes, a text ends with a zero.
    const bytes = parts.flatMap((part) =>
      typeof part === "number" ? [part >> 8, part & 255] : [...new TextEncoder().encode(part), 0]
    );
    this.#socket.send(new Uint8Array(bytes), port, "127.0.0.1");
  }

  /** The next packet as its opcode, its number, and its text. */
  async next(): Promise<[number, number, string]> {
    while (this.#packets.length === 0) {
      await withLimit(this.#arrived.promise, 10_000, "A packet");
      this.#arrived = Promise.withResolvers();
    }
    const { data, port } = this.#packets.shift()!;
    this.from = port;
    const view = new DataView(data.buffer);
    if (view.getUint16(0) === 6) return [6, 0, new TextDecoder().decode(data.subarray(2)).replaceAll("\0", " ").trim()];
    return [view.getUint16(0), view.getUint16(2), new TextDecoder().decode(data.subarray(4)).replace(/\0$/, "")];
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

const [RRQ, WRQ, DATA, ACK, ERROR] = [1, 2, 3, 4, 5];

Deno.test("Options are answered with what is taken of them, tsize with the size, unknown ones not at all", async () => {
  await using there = await served();
  const ask = async (...options: string[]) => {
    using client = new RawClient();
    client.send(there.port, RRQ, "kernel", "octet", ...options);
    const answer = await client.next();
    client.send(client.from, ERROR, 0, "enough");
    return answer;
  };
  assert.deepEqual(await ask("tsize", "0"), [6, 0, `tsize ${there.kernel.length}`]);
  assert.deepEqual(await ask("blksize", "1468", "timeout", "2"), [6, 0, "blksize 1468 timeout 2"]);
  assert.deepEqual(await ask("timeout", "2"), [6, 0, "timeout 2"]);
  assert.deepEqual(await ask("BLKSIZE", "99999"), [6, 0, "blksize 65464"]);
  for (
    const options of [[], ["blksize", "7"], ["timeout", "0"], ["timeout", "256"], ["blksize", "many"], [
      "blksize",
      "1e3",
    ], ["windowsize", "4"]]
  ) {
    assert.deepEqual((await ask(...options)).slice(0, 2), [DATA, 1], options.join(" "));
  }
});

Deno.test("Text is sent with the ends of lines of a network terminal", async () => {
  await using there = await served();
  using client = new RawClient();
  client.send(there.port, RRQ, "text", "netascii", "tsize", "0");
  assert.deepEqual(await client.next(), [DATA, 1, "one\r\ntwo\r\0\r\nthree\r\0four"]);
  client.send(client.from, ACK, 1);
});

Deno.test("A packet that is lost is sent again, and an acknowledgement that comes twice is answered once", async () => {
  await using there = await served();
  using client = new RawClient();
  client.send(there.port, RRQ, "even", "octet", "timeout", "1");
  assert.deepEqual(await client.next(), [6, 0, "timeout 1"]);
  // Nothing is said: it comes again.
  assert.deepEqual(await client.next(), [6, 0, "timeout 1"]);
  client.send(client.from, ACK, 0);
  assert.deepEqual((await client.next()).slice(0, 2), [DATA, 1]);
  client.send(client.from, ACK, 0);
  client.send(client.from, ACK, 1);
  client.send(client.from, ACK, 1);
  assert.deepEqual((await client.next()).slice(0, 2), [DATA, 2]);
  client.send(client.from, ACK, 2);
  // A file that fills its last block ends with an empty one.
  assert.deepEqual(await client.next(), [DATA, 3, ""]);
  client.send(client.from, ACK, 3);
});

Deno.test("A stranger on a transfer's port is told so, and the transfer goes on", async () => {
  await using there = await served();
  using client = new RawClient();
  using stranger = new RawClient();
  client.send(there.port, RRQ, "even", "octet");
  assert.deepEqual((await client.next()).slice(0, 2), [DATA, 1]);
  stranger.send(client.from, ACK, 1);
  assert.deepEqual(await stranger.next(), [ERROR, 5, "Unknown transfer ID"]);
  client.send(client.from, ACK, 1);
  assert.deepEqual((await client.next()).slice(0, 2), [DATA, 2]);
  client.send(client.from, ERROR, 0, "enough");
});

Deno.test("A client that starts anew from the same port is served at once, and its old transfer ends", async () => {
  await using there = await served();
  using client = new RawClient();
  const ask = async (name: string): Promise<[number, number, string]> => {
    client.send(there.port, RRQ, name, "octet", "timeout", "1");
    assert.deepEqual(await client.next(), [6, 0, "timeout 1"]);
    client.send(client.from, ACK, 0);
    return await client.next();
  };
  assert.deepEqual((await ask("kernel")).slice(0, 2), [DATA, 1]);
  const old = client.from;
  assert.deepEqual((await ask("even")).slice(0, 2), [DATA, 1]);
  const current = client.from;
  assert.notEqual(current, old);
  // A second later the old transfer would have sent its block again.
  assert.deepEqual((await client.next()).slice(0, 2), [DATA, 1]);
  assert.equal(client.from, current);
  client.send(current, ERROR, 0, "enough");
});

Deno.test("A request that comes twice is served once, and a late copy of it disturbs nothing", async () => {
  await using there = await served();
  using client = new RawClient();
  client.send(there.port, RRQ, "even", "octet", "timeout", "1");
  client.send(there.port, RRQ, "even", "octet", "timeout", "1");
  assert.deepEqual(await client.next(), [6, 0, "timeout 1"]);
  const first = client.from;
  client.send(first, ACK, 0);
  assert.deepEqual((await client.next()).slice(0, 2), [DATA, 1]);
  assert.equal(client.from, first);
  client.send(there.port, RRQ, "even", "octet", "timeout", "1");
  assert.deepEqual(await client.next(), [6, 0, "timeout 1"]);
  client.send(client.from, ERROR, 5, "Unknown transfer ID");
  client.send(first, ACK, 1);
  assert.deepEqual((await client.next()).slice(0, 2), [DATA, 2]);
  assert.equal(client.from, first);
  client.send(first, ERROR, 0, "enough");
});

Deno.test("What is missing, outside, a folder or to be written is refused with its code", async () => {
  await using there = await served();
  const ask = async (...parts: (number | string)[]) => {
    using client = new RawClient();
    client.send(there.port, ...parts);
    return await client.next();
  };
  assert.deepEqual(await ask(RRQ, "nothing", "octet"), [ERROR, 1, "File not found"]);
  for (const name of ["../secret", "board/../../secret", "way-out", "board", "/../secret"]) {
    assert.deepEqual(await ask(RRQ, name, "octet"), [ERROR, 2, "Access violation"], name);
  }
  // A leading slash is the folder's own, as boot loaders have it.
  assert.deepEqual(await ask(RRQ, "/board/dtb/a.dtb", "octet"), [DATA, 1, "tree"]);
  assert.deepEqual(await ask(RRQ, "kernel", "mail"), [ERROR, 4, "Unknown mode mail"]);
  assert.deepEqual(await ask(WRQ, "kernel", "octet"), [ERROR, 4, "Only reading is served"]);
});

Deno.test("A file of more than 65 535 blocks arrives whole", async () => {
  await using there = await served();
  const long = noise(65_540 * 8 + 3);
  Deno.writeFileSync(`${there.root}/long`, long);
  using client = new RawClient();
  client.send(there.port, RRQ, "long", "octet", "blksize", "8");
  await client.next();
  client.send(client.from, ACK, 0);
  for (let block = 1;; block++) {
    const [kind, number, text] = await client.next();
    assert.deepEqual([kind, number], [DATA, block & 0xffff]);
    client.send(client.from, ACK, number);
    if (block === 65_541) {
      assert.equal(text, new TextDecoder().decode(long.subarray(-3)));
      break;
    }
  }
});

Deno.test("A server that is starting when the session ends does not stay", async () => {
  using folder = temporaryFolder();
  const listener = createSocket("udp4");
  await new Promise<void>((resolve) => listener.bind(0, "127.0.0.1", resolve));
  const { port } = listener.address();
  await new Promise<void>((resolve) => listener.close(resolve));
  for (let round = 0; round < 3; round++) {
    const boot = await serve(tftpServer, { root_dir: folder.path, host: "127.0.0.1", port });
    const starts = [boot.start(), boot.start()];
    for (const start of starts) start.catch(() => {});
    await boot[Symbol.asyncDispose]();
    await Promise.allSettled(starts);
  }
  const again = createSocket("udp4");
  await new Promise<void>((resolve, reject) => again.once("error", reject).bind(port, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => again.close(resolve));
});

Deno.test("A server starts and stops any number of times, ends transfers with it, and tells a port that is taken", async () => {
  await using there = await served();
  const { boot, port, root } = there;
  await boot.start();
  assert.equal(await boot.getHost(), "127.0.0.1");
  await using other = await serve(tftpServer, { root_dir: root, host: "127.0.0.1", port });
  assert.equal(await other.getPort(), port);
  await assert.rejects(other.start(), {
    code: "internal",
    message: `Cannot listen on 127.0.0.1:${port}: Somebody listens there already`,
  });
  using client = new RawClient();
  client.send(port, RRQ, "kernel", "octet");
  await client.next();
  await boot.stop();
  await boot.stop();
  assert.equal(await boot.getPort(), 0);
  await other.start();
});

function isInstalled(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}
