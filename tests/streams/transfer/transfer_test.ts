/** XMODEM and YMODEM against lrzsz, and against receivers that do not behave. @module */
import assert from "node:assert/strict";
import { crc16 } from "../../../lib/streams/transfer/crc16.ts";
import { sendXmodem } from "../../../lib/streams/transfer/xmodem.ts";
import { sendYmodem } from "../../../lib/streams/transfer/ymodem.ts";
import { temporaryFolder } from "../../system/program.ts";
import { lrzszTest, receive, receiveOnLine, scripted } from "./receivers.ts";

const [soh, eot, ack, nak, can, wantsCrc] = [0x01, 0x04, 0x06, 0x15, 0x18, 0x43];

/** Bytes of every value, control characters included. */
function content(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
}

Deno.test("The CRC is the one of XMODEM", () => {
  assert.equal(crc16(new TextEncoder().encode("123456789")), 0x31c3);
});

const ways: [string, readonly [string, ...string[]], 128 | 1024][] = [
  ["with its checksum", ["rx", "file"], 128],
  ["with CRC", ["rx", "-c", "file"], 128],
  ["in blocks of 1024 bytes", ["rx", "-c", "file"], 1024],
  ["in blocks of 128 bytes where the receiver knows no CRC", ["rx", "file"], 1024],
];
for (const [how, words, blockBytes] of ways) {
  lrzszTest(`XMODEM ${how} brings a file to rx, filled up to a whole block`, async () => {
    using folder = temporaryFolder();
    await using receiving = receive(words, folder.path);
    const sent = content(3000);
    const told: number[] = [];
    await sendXmodem(receiving.receiver, [sent.subarray(0, 1), sent.subarray(1)], {
      blockBytes,
      onProgress: (bytes) => told.push(bytes),
    });
    assert.equal(await receiving.ended, 0);
    const received = Deno.readFileSync(`${folder.path}/file`);
    assert.equal(received.length, 3072);
    assert.deepEqual(received.subarray(0, 3000), sent);
    assert.ok(received.subarray(3000).every((byte) => byte === 0x1a));
    assert.equal(told.at(-1), 3000);
  });
}

lrzszTest("YMODEM brings files to rb with their names, lengths and times, an empty one among them", async () => {
  using folder = temporaryFolder();
  await using receiving = receive(["rb"], folder.path);
  const modified = new Date("2020-02-02T20:20:20Z");
  const files = [
    { name: "kernel.img", size: 70_001, modified, content: [content(70_001)] },
    { name: "empty", size: 0, content: [] },
    { name: "größe.txt", size: 5, content: [content(5)] },
  ];
  await sendYmodem(receiving.receiver, files);
  assert.equal(await receiving.ended, 0);
  for (const { name, size } of files) {
    assert.deepEqual(Deno.readFileSync(`${folder.path}/${name}`), content(size), name);
  }
  assert.equal(Deno.statSync(`${folder.path}/kernel.img`).mtime?.getTime(), modified.getTime());
});

lrzszTest("A receiver that is cancelled ends the transfer with an error", async () => {
  using folder = temporaryFolder();
  await using receiving = receiveOnLine("rx -c file", folder.path);
  const endless = function* () {
    for (;;) yield content(128);
  };
  let blocks = 0;
  const sending = sendXmodem(receiving.receiver, endless(), {
    onProgress: () => ++blocks === 3 && Deno.kill(Number(Deno.readTextFileSync(`${folder.path}/pid`)), "SIGTERM"),
  });
  await assert.rejects(sending, { code: "aborted", message: "The receiver has cancelled the transfer" });
});

lrzszTest("A transfer that is cancelled here is cancelled there", async () => {
  using folder = temporaryFolder();
  await using receiving = receive(["rx", "-c", "file"], folder.path);
  const stop = new AbortController();
  const reason = new Error("enough");
  const sending = sendXmodem(receiving.receiver, [content(100_000)], {
    signal: stop.signal,
    onProgress: (bytes) => bytes > 1000 && stop.abort(reason),
  });
  await assert.rejects(sending, reason);
  assert.notEqual(await receiving.ended, 0);
});

Deno.test("A block that arrived broken is sent again, and the end as well", async () => {
  using other = scripted();
  const sending = sendXmodem(other.receiver, [content(128)]);
  await other.say(wantsCrc);
  const first = await other.hear(133);
  assert.deepEqual(first.slice(0, 3), [soh, 1, 254]);
  await other.say(nak);
  assert.deepEqual(await other.hear(133), first);
  await other.say(ack);
  assert.deepEqual(await other.hear(1), [eot]);
  await other.say(nak);
  assert.deepEqual(await other.hear(1), [eot]);
  await other.say(ack, 0x24, 0x20);
  assert.deepEqual(await sending, Uint8Array.of(0x24, 0x20), "What follows is not lost");
});

Deno.test("Block numbers go round after 255", async () => {
  using other = scripted();
  const sending = sendXmodem(other.receiver, [content(128 * 257)]);
  await other.say(nak);
  for (let number = 1; number <= 257; number++) {
    const block = await other.hear(132);
    assert.deepEqual(block.slice(1, 3), [number & 0xff, ~number & 0xff]);
    await other.say(ack);
  }
  assert.deepEqual(await other.hear(1), [eot]);
  await other.say(ack);
  await sending;
});

Deno.test("A letter in the middle of what the device says is no request, and one cancel is noise", async () => {
  using other = scripted();
  const sending = sendXmodem(other.receiver, [content(1)]);
  await other.say(...new TextEncoder().encode("Ready for CRC"), can, 0x0a);
  await other.say(nak);
  await other.hear(132);
  await other.say(can, ack);
  await other.hear(1);
  await other.say(can, can);
  await assert.rejects(sending, { code: "aborted" });
});

Deno.test("Where nobody asks, or nobody answers, the transfer ends with what was waited for", async () => {
  using silent = scripted();
  await assert.rejects(sendXmodem(silent.receiver, [content(1)], { startMs: 20 }), {
    code: "deadline_exceeded",
    message: "Nobody asked for the file within 0.02 s",
    hint: /^Start the receiver first/,
  });
  using gone = scripted();
  await gone.say(nak);
  const sending = sendXmodem(gone.receiver, [content(1)], { answerMs: 20, tries: 3 });
  await assert.rejects(sending, { code: "deadline_exceeded", message: "Block 1 was sent 3 times and not taken" });
  await gone.hear(3 * 132);
  assert.deepEqual(await gone.hear(8), Array(8).fill(can), "The receiver is told");
});

Deno.test("A console that ends in the middle ends the transfer", async () => {
  const other = scripted();
  const sending = sendXmodem(other.receiver, [content(1000)]);
  await other.say(nak);
  await other.hear(132);
  other[Symbol.dispose]();
  await assert.rejects(sending);
});
