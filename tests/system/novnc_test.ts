/** A real VNC server's screen in a real browser. @module */
import assert from "node:assert/strict";
import { pause, withLimit } from "../../lib/core/limit.ts";
import { start, startExporter, temporaryFolder } from "./program.ts";
import { isInstalled } from "./terminal.ts";

const programs = { Xvnc: "tigervnc-standalone-server", chromium: "chromium" };
const missing: string[] = [];
for (const [program, packageName] of Object.entries(programs)) {
  if (!await isInstalled(program)) missing.push(`${program} (Debian's ${packageName})`);
}
if (missing.length > 0) console.error(`${missing.join(" and ")} not installed: screens are not tested in a browser`);

/** Something that runs beside the test, and what it has said once it has said what is waited for. */
async function startUntil(program: string, args: string[], pattern: RegExp) {
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  const errors = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  const wait = async () => {
    for (;;) {
      const match = pattern.exec(said);
      if (match) return match;
      const { value } = await errors.read();
      if (value === undefined) throw new Error(`${program} has ended: ${said}`);
      said += value;
    }
  };
  const stop = async () => {
    try {
      child.kill("SIGTERM");
    } catch { /* it has ended */ }
    await child.status;
  };
  const match = await withLimit(wait(), 30_000, `The start of ${program}`).catch(async (error) => {
    await stop();
    await errors.cancel();
    throw error;
  });
  // What it goes on to say has to go somewhere.
  const rest = (async () => {
    while (!(await errors.read()).done) { /* nobody wants it */ }
  })();
  return {
    match,
    async [Symbol.asyncDispose]() {
      await stop();
      await rest;
    },
  };
}

/** Waits until the page that the browser shows has a value for an expression. */
async function valueIn(debuggerPort: string, expression: string): Promise<unknown> {
  for (const end = performance.now() + 30_000; performance.now() < end; await pause(50)) {
    const value = await evaluate(debuggerPort, expression);
    if (value) return value;
  }
  const page = await evaluate(debuggerPort, "document.documentElement.outerHTML");
  throw new Error(`The page has no ${expression}: ${page}`);
}

/** The value of an expression in the page; none while it is being loaded. */
async function evaluate(debuggerPort: string, expression: string): Promise<unknown> {
  const targets = await (await fetch(`http://127.0.0.1:${debuggerPort}/json`)).json();
  const { webSocketDebuggerUrl } = targets.find(({ type }: { type: string }) => type === "page");
  const socket = new WebSocket(webSocketDebuggerUrl);
  const answer = Promise.withResolvers<string>();
  socket.onopen = () => {
    socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression, returnByValue: true } }));
  };
  socket.onmessage = ({ data }) => answer.resolve(data);
  socket.onerror = () => answer.reject(new Error("The browser cannot be asked"));
  const closed = new Promise((resolve) => socket.onclose = resolve);
  try {
    return JSON.parse(await withLimit(answer.promise, 30_000, "The browser")).result?.result?.value;
  } finally {
    socket.close();
    await closed;
  }
}

const said = `document.querySelector("output").textContent`;
/** The size of noVNC's canvas and the name of the desktop, once it is connected. */
const shown = `document.body.dataset.state === "connected" && document.title !== "Screen" &&
  document.querySelector("canvas")?.width > 300 &&
  [document.querySelector("canvas").width, document.querySelector("canvas").height, document.title, ${said}]`;
/** What the page says once the screen is gone. */
const ended = `document.body.dataset.state === "ended" && ${said}`;

for (const command of [["net", "novnc"], ["screen", "session", "--no-browser"]]) {
  Deno.test({
    name: `${command.join(" ")} shows a VNC server's screen in a browser`,
    ignore: missing.length > 0,
    async fn() {
      using folder = temporaryFolder();
      const display = `:${7000 + Deno.pid % 1000}`;
      const geometry = ["-geometry", "320x240", "-SecurityTypes", "None", "-desktop", "a board's screen"];
      const socket = `${folder.path}/vnc`;
      const listen = ["-rfbunixpath", socket, "-rfbport", "-1", "-nolisten", "tcp"];
      await using server = await startUntil("Xvnc", [display, ...geometry, ...listen], /Listening for VNC/);
      const net = `{type: unix-network, config: {path: ${socket}}}`;
      await using exporter = await startExporter(folder.file(
        "board.yaml",
        `metadata: {name: board}\nexport:\n  net: ${net}\n  screen: {type: vnc, children: {tcp: ${net}}}\n`,
      ));
      await using page = start(["client", "--host", exporter.address, ...command], { limitMs: 120_000 });
      const url = (await page.said("\n")).trim();
      const options = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${folder.path}/chromium`];
      const debugging = ["--remote-debugging-port=0", "--remote-allow-origins=*"];
      const listening = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//;
      await using browser = await startUntil("chromium", [...options, ...debugging, url], listening);
      const [, port] = browser.match;
      assert.deepEqual(await valueIn(port, shown), [320, 240, "a board's screen", ""]);
      await server[Symbol.asyncDispose]();
      assert.match(String(await valueIn(port, ended)), /Reload this page/);
      page.kill("SIGINT");
      assert.equal((await withLimit(page.ended, 1_000, "The end of the page")).code, 130);
    },
  });
}
