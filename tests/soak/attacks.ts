/**
 * Attacks on an exporter from outside, as a stranger on the network can make them. Each goes on until it is told to stop.
 *
 * @module
 */
import { ErrorCode } from "../../lib/wire/http2/error_code.ts";
import { Flag, FrameType, preface } from "../../lib/wire/http2/frames.ts";
import { HpackEncoder } from "../../lib/wire/http2/hpack_encoder.ts";
import type { HeaderField, HeaderList } from "../../lib/wire/http2/hpack_table.ts";
import { frame, grpcRequest, uint32 } from "../wire/raw_peer.ts";
import type { Attacker } from "./attacker.ts";

/** Goes on until the attacker's time is over. */
export type Attack = (attacker: Attacker) => Promise<void>;

const settings = frame(FrameType.SETTINGS, 0, 0);
const ping = frame(FrameType.PING, 0, 0, Array(8).fill(0));
const call = "/jumpstarter.v1.ExporterService/GetReport";
const logs = "/jumpstarter.v1.ExporterService/LogStream";
const native = "/jumpstarter.interfaces.power.v1.PowerInterface/On";
const stream = "/jumpstarter.v1.RouterService/Stream";

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function repeated(part: Uint8Array, times: number): Uint8Array {
  return joined(Array<Uint8Array>(times).fill(part));
}

function headers(encoder: HpackEncoder, streamId: number, request: HeaderList): Uint8Array {
  return frame(FrameType.HEADERS, Flag.END_HEADERS, streamId, encoder.encode(request));
}

/** Requests that are opened one after the other on a connection, each followed by what `more` says. */
function requests(path: string, more: (streamId: number) => Uint8Array): () => Uint8Array {
  const encoder = new HpackEncoder();
  let streamId = -1;
  return () =>
    joined(Array.from({ length: 100 }, () => {
      streamId += 2;
      return joined([headers(encoder, streamId, grpcRequest(path)), more(streamId)]);
    }));
}

/** An attack by a few connections that greet and then send without end; one that is thrown out comes back. */
function flood(connections: number, bytes: () => () => Uint8Array, reads = true): Attack {
  return (attacker) =>
    attacker.crowd(connections, async (stranger) => {
      if (reads) stranger.discard();
      await stranger.send(preface, settings);
      const next = bytes();
      while (!attacker.over) await stranger.send(next());
    });
}

/** An attack by many connections that say something, byte by byte, and stay. */
function slow(connections: number, text: Uint8Array): Attack {
  return (attacker) =>
    attacker.crowd(connections, async (stranger) => {
      for (const byte of text) {
        await stranger.send(Uint8Array.of(byte));
        await attacker.pause(100);
      }
      await stranger.discard();
    });
}

/** An attack by HTTP/1.1 requests that have to be refused with one of those statuses. */
function refused(statuses: readonly number[], head: Record<string, string>): Attack {
  return (attacker) =>
    attacker.crowd(4, async (stranger) => {
      const lines = Object.entries({ "content-length": "2", ...head }).map(([name, value]) => `${name}: ${value}\r\n`);
      await stranger.send(new TextEncoder().encode(`POST ${native} HTTP/1.1\r\n${lines.join("")}\r\n{}`));
      const status = Number((await stranger.read()).split(" ")[1]);
      if (!statuses.includes(status)) attacker.complaints.add(`Expected one of ${statuses}, got ${status}`);
    });
}

const encode = (text: string) => new TextEncoder().encode(text);

/** A header block that names one long field, and then that field again and again: each byte stands for 4 000. */
function headerBomb(): Uint8Array {
  const encoder = new HpackEncoder();
  const block = encoder.encode([...grpcRequest(call), ["x-bomb", "b".repeat(3_900)]]);
  const again = encoder.encode([["x-bomb", "b".repeat(3_900)]]);
  return joined([block, repeated(again, 60_000 / again.length)]);
}

/** Streams of requests that nobody ever reads, or whose end nobody ever hears, each of them full of the same body. */
function unread(request: HeaderList, body: Iterable<number>): Attack {
  return (attacker) =>
    attacker.crowd(8, async (stranger) => {
      const encoder = new HpackEncoder();
      stranger.discard();
      await stranger.send(preface, settings);
      for (let streamId = 1; streamId < 500; streamId += 2) {
        const messages = frame(FrameType.DATA, 0, streamId, body);
        await stranger.send(headers(encoder, streamId, request), repeated(messages, 15));
      }
      await attacker.pause(1_000);
    });
}

const jsonRequest = grpcRequest(native)
  .map(([name, value]): HeaderField => [name, name === "content-type" ? "application/json" : value]);

/** Every attack by its name. */
export const attacks: Readonly<Record<string, Attack>> = {
  "2 000 idle connections": (attacker) => attacker.crowd(2_000, (stranger) => stranger.discard()),
  "2 000 idle connections that have greeted": (attacker) =>
    attacker.crowd(2_000, async (stranger) => {
      await stranger.send(preface, settings);
      await stranger.discard();
    }),
  "a preface that comes byte by byte": slow(200, joined([preface, settings])),
  "an HTTP/1.1 request that comes byte by byte": slow(
    200,
    encode(`POST ${call} HTTP/1.1\r\nx-slow: ${"s".repeat(999)}`),
  ),
  "half prefaces": (attacker) => attacker.crowd(50, (stranger) => stranger.send(preface.subarray(0, 12))),
  "random bytes": (attacker) =>
    attacker.crowd(20, (stranger) => stranger.send(crypto.getRandomValues(new Uint8Array(4_096)))),
  "random bytes behind a greeting": flood(20, () => () => crypto.getRandomValues(new Uint8Array(4_096))),
  "random payloads in frames": flood(
    8,
    () => () => {
      const [type, flags, streamId, ...payload] = crypto.getRandomValues(new Uint8Array(64));
      return frame(type % 10, flags, streamId, payload);
    },
  ),
  "header bombs": flood(4, () => {
    const bomb = headerBomb();
    let streamId = -1;
    return () => frame(FrameType.HEADERS, Flag.END_HEADERS, streamId += 2, bomb);
  }),
  "CONTINUATION without end": flood(4, () => {
    const first = frame(FrameType.HEADERS, 0, 1, Array(100).fill(0x82));
    const more = repeated(frame(FrameType.CONTINUATION, 0, 1, Array(100).fill(0x82)), 100);
    let begun = false;
    return () => begun ? more : (begun = true, first);
  }),
  "rapid reset": flood(
    4,
    () => requests(stream, (streamId) => frame(FrameType.RST_STREAM, 0, streamId, uint32(ErrorCode.CANCEL))),
  ),
  "SETTINGS": flood(4, () => () => repeated(settings, 100)),
  "PING": flood(4, () => () => repeated(ping, 100)),
  "PING whose answers are never read": flood(4, () => () => repeated(ping, 100), false),
  "streams that are opened and left": flood(8, () => requests(stream, () => new Uint8Array())),
  "calls": flood(
    8,
    () => requests(call, (streamId) => frame(FrameType.DATA, Flag.END_STREAM, streamId, [0, 0, 0, 0, 0])),
  ),
  "calls whose answers are never read": flood(
    8,
    () => requests(call, (streamId) => frame(FrameType.DATA, Flag.END_STREAM, streamId, [0, 0, 0, 0, 0])),
    false,
  ),
  "messages that are declared huge": flood(
    8,
    () => requests(call, (streamId) => frame(FrameType.DATA, 0, streamId, [0, ...uint32(60 << 20), 1, 2, 3])),
  ),
  "frames that are declared huge": flood(8, () => () => Uint8Array.of(255, 255, 255, 0, 0, 0, 0, 0, 1)),
  "messages that nobody reads": unread(grpcRequest(logs), [0, 0, 0, 0x40, 0, ...new Uint8Array(0x4000)]),
  "empty messages that nobody reads": unread(grpcRequest(logs), new Uint8Array(0x4000)),
  "JSON that does not end": unread(jsonRequest, new Uint8Array(0x4000).fill(0x20)),
  "JSON over HTTP/1.1 that does not end": (attacker) =>
    attacker.crowd(200, async (stranger) => {
      stranger.discard();
      const head = ["host: 127.0.0.1", "content-type: application/json", "content-length: 31000000"].join("\r\n");
      await stranger.send(encode(`POST ${native} HTTP/1.1\r\n${head}\r\n\r\n`), new Uint8Array(30_000_000).fill(0x20));
      await attacker.pause(1_000);
    }),
  "messages that do not end": (attacker) =>
    attacker.crowd(4, async (stranger) => {
      const encoder = new HpackEncoder();
      stranger.discard();
      await stranger.send(preface, settings);
      const streams = Array.from({ length: 50 }, (_, index) => 2 * index + 1);
      for (const streamId of streams) {
        const begin = frame(FrameType.DATA, 0, streamId, [0, ...uint32(60 << 20)]);
        await stranger.send(headers(encoder, streamId, grpcRequest(call)), begin);
      }
      const more = joined(streams.map((streamId) => frame(FrameType.DATA, 0, streamId, new Uint8Array(16_000))));
      while (!attacker.over) {
        await stranger.send(more);
        // As fast as flow control lets a patient sender be.
        await attacker.pause(20);
      }
    }),
  "connections that are reset in the middle of a call": (attacker) =>
    attacker.crowd(20, async (stranger) => {
      const encoder = new HpackEncoder();
      await stranger.send(
        preface,
        settings,
        headers(encoder, 1, grpcRequest(call)),
        frame(FrameType.DATA, 0, 1, [0, 0]),
      );
    }),
  "pages of another site": refused([403, 415], {
    "host": "127.0.0.1",
    "origin": "https://evil.example",
    "content-type": "application/json",
  }),
  "forms of another site": refused([403, 415], { "host": "127.0.0.1", "content-type": "text/plain" }),
  "names of another site that lead here": refused([403, 421], {
    "host": "evil.example",
    "content-type": "application/json",
  }),
};
