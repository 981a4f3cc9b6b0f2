import assert from "node:assert/strict";
import fc from "fast-check";
import { type Code, JumpstarterError } from "../../lib/core/errors.ts";
import { errorOfHttp, errorOfTrailers, maxMessageTextBytes, statusFields } from "../../lib/wire/rpc/status.ts";
import { formatTimeout, parseTimeout } from "../../lib/wire/rpc/timeout.ts";

const codes: Code[] = [
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

Deno.test("statusFields() and errorOfTrailers() carry every code and any text", () => {
  fc.assert(fc.property(fc.constantFrom(...codes), fc.string({ unit: "binary", maxLength: 200 }), (code, message) => {
    const text = new TextDecoder().decode(new TextEncoder().encode(message));
    const fields = statusFields(new JumpstarterError(code, text));
    for (const [, value] of fields) assert.match(value, /^[\x20-\x7e]*$/);
    const error = errorOfTrailers(fields)!;
    assert.deepEqual([error.code, error.message], [code, text]);
  }));
});

Deno.test("statusFields() numbers the codes as gRPC does", () => {
  assert.deepEqual(codes.map((code) => statusFields(new JumpstarterError(code, ""))), [
    ...codes.map((_, index) => [["grpc-status", String(index + 1)]]),
  ]);
  assert.deepEqual(statusFields(), [["grpc-status", "0"]]);
});

Deno.test("statusFields() cuts a long text between characters", () => {
  const error = errorOfTrailers(statusFields(new JumpstarterError("unknown", "x" + "ä".repeat(1_000))))!;
  assert.equal(error.message, "x" + "ä".repeat((maxMessageTextBytes - 1) >> 1));
});

Deno.test("errorOfTrailers() leaves a text alone that is not validly escaped", () => {
  const error = errorOfTrailers([["grpc-status", "2"], ["grpc-message", "50 % done %zz %4"]])!;
  assert.equal(error.message, "50 % done %zz %4");
});

Deno.test("errorOfTrailers() takes a missing status for `internal` and an unknown one for `unknown`", () => {
  assert.equal(errorOfTrailers([])?.code, "internal");
  assert.equal(errorOfTrailers([["grpc-status", "77"]])?.code, "unknown");
});

Deno.test("errorOfHttp() maps HTTP statuses as gRPC says", () => {
  const statuses = [400, 401, 403, 404, 429, 500, 502, 503, 504, 200];
  assert.deepEqual(statuses.map((status) => errorOfHttp(status, "text/html").code), [
    "internal",
    "unauthenticated",
    "permission_denied",
    "unimplemented",
    "unavailable",
    "unknown",
    "unavailable",
    "unavailable",
    "unavailable",
    "unknown",
  ]);
});

Deno.test("parseTimeout() reads what formatTimeout() writes, at most rounded up", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 1e14, noNaN: true }), (ms) => {
    const text = formatTimeout(ms);
    assert.match(text, /^[0-9]{1,8}[HMSm]$/);
    const read = parseTimeout(text)!;
    assert.ok(read >= ms && read <= ms + Math.max(1, ms / 100), `${ms} became ${text}`);
  }));
});

Deno.test("parseTimeout() knows every unit and refuses everything else", () => {
  assert.deepEqual(["1H", "2M", "3S", "4m", "5u", "6n"].map(parseTimeout), [3_600_000, 120_000, 3_000, 4, 0.005, 6e-6]);
  assert.deepEqual(["", "5", "m", "-1S", "1.5S", "123456789m", "1s"].map(parseTimeout), Array(7).fill(undefined));
});
