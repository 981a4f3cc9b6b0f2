import assert from "node:assert/strict";
import fc from "fast-check";
import { COM_PORT, escaped, subnegotiation, Telnet } from "../../drivers/serial/telnet.ts";

const [SE, SB, WILL, WONT, DO, DONT, IAC] = [240, 250, 251, 252, 253, 254, 255];

/** One side, and what it does. */
function telnet() {
  const sent: number[][] = [];
  const told: unknown[] = [];
  const side = new Telnet({
    send: (bytes) => sent.push([...bytes]),
    onAgreed: (option, yes) => told.push([option, yes]),
    onSub: (option, content) => told.push([option, [...content]]),
  });
  return { sent, told, receive: (...bytes: number[]) => [...side.receive(Uint8Array.from(bytes))], side };
}

Deno.test("Bytes survive the line however they are cut, with commands between them", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
    fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
    (pieces, cuts) => {
      const { side, told } = telnet();
      const command = subnegotiation(COM_PORT, [101, 255, 240, 255]);
      const wire = Uint8Array.from(pieces.flatMap((piece) => [...escaped(piece), ...command]));
      const got: number[] = [];
      for (let at = 0; at < wire.length;) {
        const next = at + cuts.next().value!;
        got.push(...side.receive(wire.subarray(at, next)));
        at = next;
      }
      assert.deepEqual(got, pieces.flatMap((piece) => [...piece]));
      assert.deepEqual(told, pieces.map(() => [COM_PORT, [101, 255, 240, 255]]));
    },
  ));
});

Deno.test("Options that were asked for need no answer, others are answered once and refused ones each time", () => {
  const { sent, told, receive, side } = telnet();
  side.begin();
  sent.length = 0;
  receive(IAC, DO, COM_PORT, IAC, WILL, 0, IAC, DO, 0);
  assert.deepEqual(sent, []);
  assert.deepEqual(told, [[COM_PORT, true], [0, true]]);
  const [ECHO, NAWS] = [1, 31];
  receive(IAC, WILL, ECHO, IAC, DO, NAWS);
  assert.deepEqual(sent.splice(0), [[IAC, DONT, ECHO], [IAC, WONT, NAWS]]);
  receive(IAC, DONT, COM_PORT, IAC, DONT, COM_PORT);
  assert.deepEqual(sent, [[IAC, WONT, COM_PORT]]);
});

Deno.test("A command that never ends is an error and not memory", () => {
  const { receive } = telnet();
  receive(IAC, SB, COM_PORT);
  assert.throws(() => receive(...new Array(2000).fill(7)), /does not speak telnet/);
  assert.deepEqual(telnet().receive(IAC, SB, IAC, SE, 65), [65]);
});
