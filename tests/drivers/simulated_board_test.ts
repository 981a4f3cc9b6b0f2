import assert from "node:assert/strict";
import { type ByteStream, type ConsoleRecord, serve } from "../../mod.ts";
import { simulatedBoard } from "../../drivers/simulated_board/mod.ts";
import { banner, kernel } from "../../drivers/simulated_board/console.ts";
import { withLimit } from "../../lib/core/limit.ts";
import { ManualClock } from "../../lib/testing/clock.ts";
import { talk } from "../bytes.ts";

async function board(initialPower: "on" | "off" = "off") {
  const clock = new ManualClock();
  const served = await serve(simulatedBoard(clock), { initial_power: initialPower });
  return Object.assign(served, { clock });
}

const countdown = "Hit any key to stop autoboot:  1";
const login = "simboard login: ";

Deno.test("A board boots to its login when nobody touches a key", async () => {
  await using served = await board();
  await using stream = await served.console.connect();
  const { until } = talk(stream);
  await served.power.on();
  await served.clock.advance(50);
  assert.equal(await until(countdown), banner + countdown);
  await served.clock.advance(1000 + 50 * kernel.length);
  assert.equal(await until(login), `\b 0\r\n${kernel.join("")}\r\nSimOS 1.0 simboard ttyS0\r\n\r\n${login}`);
});

Deno.test("A board says nothing before its time", async () => {
  await using served = await board("on");
  await served.clock.advance(49);
  await using stream = await served.console.connect();
  const first = talk(stream).chunk();
  await served.clock.advance(1);
  assert.equal(new TextDecoder().decode(await first), banner);
  assert.equal(served.clock.waiting, 1);
});

/** A console at its login, or at the loader's prompt. */
async function ready(stream: ByteStream, clock: ManualClock, at: "login" | "loader") {
  const console = talk(stream);
  await clock.advance(50);
  await console.until(countdown);
  if (at === "login") await clock.advance(1200);
  else await console.send(" ");
  await console.until(at === "login" ? login : "simboot> ");
  return console;
}

Deno.test("A key stops the board at its loader, which boots on demand", async () => {
  await using served = await board("on");
  await using stream = await served.console.connect();
  const { send, until } = await ready(stream, served.clock, "loader");
  await send("printenv\n");
  assert.equal(await until("simboot> "), "printenv\r\nbootdelay=1\r\nbootcmd=boot\r\nsimboot> ");
  await send("help\r");
  assert.match(await until("simboot> "), /boot {6}start the kernel/);
  await send("bot\n");
  assert.equal(await until("simboot> "), "bot\r\nbot: not found\r\nsimboot> ");
  await send("boot\n");
  await until("boot\r\n");
  await served.clock.advance(50 * kernel.length);
  assert.match(await until(login), /^Starting kernel/);
});

Deno.test("The loader's reset starts over", async () => {
  await using served = await board("on");
  await using stream = await served.console.connect();
  const { send, until } = await ready(stream, served.clock, "loader");
  await send("reset\n");
  await until("reset\r\n");
  await served.clock.advance(50);
  assert.equal(await until(countdown), banner + countdown);
});

Deno.test("A login leads to a shell that knows a few commands", async () => {
  await using served = await board("on");
  await using stream = await served.console.connect();
  const { send, until } = await ready(stream, served.clock, "login");
  const answer = async (line: string, prompt = "simboard# ") => {
    await send(`${line}\n`);
    return (await until(prompt)).slice(line.length + 2, -prompt.length);
  };
  assert.equal(await answer("guest", login), "Login incorrect\r\n\r\nSimOS 1.0 simboard ttyS0\r\n\r\n");
  assert.equal(await answer("root"), "");
  assert.equal(await answer("echo hello   world"), "hello   world\r\n");
  assert.equal(await answer("uname -r"), "1.0-sim\r\n");
  assert.equal(await answer("hostname"), "simboard\r\n");
  assert.equal(await answer("true"), "");
  assert.equal(await answer("toString"), "toString: not found\r\n");
  assert.equal(await answer(""), "");
  await answer("exit", login);
});

Deno.test("A typing error can be taken back", async () => {
  await using served = await board("on");
  await using stream = await served.console.connect();
  const { send, until } = await ready(stream, served.clock, "loader");
  await send("\b\x7fprintenw\bv\n");
  assert.equal(await until("bootdelay=1"), "printenw\b \bv\r\nbootdelay=1");
});

Deno.test("reboot starts over, poweroff falls silent until the power is cut", async () => {
  await using served = await board("on");
  await using stream = await served.console.connect();
  const { send, until } = await ready(stream, served.clock, "login");
  await send("root\nreboot\n");
  await until("Restarting\r\n");
  await served.clock.advance(50 + 1200);
  await until(login);
  await send("root\npoweroff\n");
  await until("Power down\r\n");
  assert.equal(served.clock.waiting, 0);
  await send("hello\n");
  await served.power.cycle({ waitMs: 0 });
  await served.clock.advance(50);
  assert.equal(await until(countdown), banner + countdown);
});

/** What records tell, as text, marks by their names. */
function told(entries: readonly ConsoleRecord[]): string {
  const decoder = new TextDecoder();
  return entries.map(({ data, mark }) => data ? decoder.decode(Uint8Array.fromBase64(data)) : `<${mark}>`).join("");
}

Deno.test("Who comes late reads the past since the last power-on, or since the session's start", async () => {
  await using served = await board("on");
  await using first = await served.console.connect();
  await ready(first, served.clock, "loader");
  const past = async (since?: string) => told(await Array.fromAsync(served.console.records({ since })));
  const boot = `${banner}${countdown}<writer>\b 0\r\nsimboot> `;
  assert.equal(await past(), `<opened>${boot}`);
  await served.power.off();
  assert.equal(await past(), `<opened>${boot}`);
  await served.power.on();
  await served.clock.advance(50);
  await using late = await served.console.open({ since: "boot" });
  assert.equal((await late.expect(countdown)).before, banner);
  assert.equal(await past(), `<power-on>${banner}${countdown}`);
  assert.equal(await past("0"), `<opened>${boot}<power-on>${banner}${countdown}`);
  assert.equal(await past("now"), "");
  assert.equal(
    await past(`${banner.length}`),
    `${countdown}${boot.slice(boot.indexOf("<"))}<power-on>${banner}${countdown}`,
  );
});

Deno.test("A viewer that leaves does not disturb the others", async () => {
  await using served = await board("on");
  await using staying = await served.console.connect();
  const leaving = await served.console.connect();
  await leaving[Symbol.asyncDispose]();
  await ready(staying, served.clock, "login");
});

Deno.test("Much that is typed at once is echoed, however much it is", async () => {
  await using served = await board("on");
  await using stream = await served.console.connect();
  const { send, until } = await ready(stream, served.clock, "loader");
  const hearing = until(": not found");
  await send("x".repeat(200_000) + "\n");
  await withLimit(hearing, 2000, "The echo");
});

Deno.test("A board that is off neither hears nor answers", async () => {
  await using served = await board();
  await using stream = await served.console.connect();
  const { send, until } = talk(stream);
  await send("root\n");
  const off = { code: "unavailable", message: "The board is off: it answers on no port" };
  await assert.rejects(served.echo.connect(), off);
  await assert.rejects(served.web.connect(), off);
  await served.power.on();
  await served.clock.advance(50);
  assert.equal(await until(countdown), banner + countdown);
});

Deno.test("Cutting the power breaks the board's connections", async () => {
  await using served = await board("on");
  await using stream = await served.echo.connect();
  const { send, until, chunk } = talk(stream);
  await send("hello");
  await until("hello");
  await served.power.off();
  await assert.rejects(chunk(), { code: "unavailable", message: "The board has lost its power" });
});

Deno.test("A power cut during the countdown stops the boot", async () => {
  await using served = await board("on");
  await served.clock.advance(500);
  await served.power.off();
  await served.clock.advance(10_000);
  assert.equal(served.clock.waiting, 0);
  await served.power.on();
  await using stream = await served.console.connect();
  await ready(stream, served.clock, "login");
});

Deno.test("Switching on what is on changes nothing", async () => {
  await using served = await board("on");
  await using stream = await served.console.connect();
  const { send, until } = await ready(stream, served.clock, "loader");
  await served.power.on();
  await send("printenv\n");
  assert.match(await until("simboot> "), /^printenv/);
});

Deno.test("A board draws nothing when it is off, and most in its shell", async () => {
  await using served = await board();
  const measure = async () => (await Array.fromAsync(served.power.read()))[0];
  assert.deepEqual(await measure(), { voltage: 0, current: 0 });
  await served.power.on();
  assert.deepEqual(await measure(), { voltage: 5, current: 0.25 });
  await using stream = await served.console.connect();
  const { send, until } = await ready(stream, served.clock, "login");
  await send("root\n");
  await until("simboard# ");
  assert.deepEqual(await measure(), { voltage: 5, current: 0.5 });
});

Deno.test("The board's web service has one page, for GET and HEAD", async () => {
  await using served = await board("on");
  const request = async (text: string) => {
    await using stream = await served.web.connect();
    const { send, rest } = talk(stream);
    for (const part of text.split("|")) await send(part);
    return await rest();
  };
  const head = (length: number) => `Content-Type: text/plain\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`;
  const page = "Hello from the simulated board\n";
  assert.equal(await request("GET / HT|TP/1.1\r\n|\r\n"), `HTTP/1.1 200 OK\r\n${head(page.length)}${page}`);
  assert.equal(await request("HEAD / HTTP/1.1\r\n\r\n"), `HTTP/1.1 200 OK\r\n${head(page.length)}`);
  assert.equal(await request("POST / HTTP/1.1\r\n\r\n"), `HTTP/1.1 405 Method Not Allowed\r\n${head(0)}`);
});

Deno.test("The board's page is fetched through a forward by any HTTP client", async () => {
  await using served = await board("on");
  await using forward = served.web.forwardTcp();
  const response = await fetch(`http://${forward.address}/`);
  assert.deepEqual([response.status, await response.text()], [200, "Hello from the simulated board\n"]);
});

Deno.test("ticks counts from 0", async () => {
  await using served = await board();
  assert.deepEqual(await Array.fromAsync(served.ticks({ count: 3 })), [0, 1, 2]);
  let last = -1;
  for await (const tick of served.ticks({ count: 10_000 })) last = tick;
  assert.equal(last, 9_999);
  await assert.rejects(Array.fromAsync(served.ticks({ count: -1 })), {
    code: "invalid_argument",
    message: "ticks: count: Expected at least 0, got -1",
  });
});

Deno.test("Closing the board hangs up on its viewers", async () => {
  const served = await board("on");
  const stream = await served.console.connect();
  const hearing = talk(stream).rest().catch(() => "broken");
  await served[Symbol.asyncDispose]();
  await hearing;
});
