import assert from "node:assert/strict";
import { parseBlockMap } from "../../lib/hardware/block_map.ts";

const map = (mapped: string, blocks: string) =>
  `<?xml version="1.0" ?><bmap version="2.0"><ImageSize>20480</ImageSize><BlockSize>4096</BlockSize>${mapped}${blocks}</bmap>`;
const count = (blocks: number) => `<MappedBlocksCount> ${blocks} </MappedBlocksCount>`;

Deno.test("A block map that was cut short is refused, so that nothing is left out and called proven", () => {
  const whole = "<BlockMap><Range>0-1</Range><Range>4</Range></BlockMap>";
  assert.equal(parseBlockMap(map(count(3), whole)).ranges.length, 2);
  assert.equal(parseBlockMap(map("", whole)).ranges.length, 2);
  const refused = { code: "invalid_argument", message: /^This is no block map: / };
  for (const blocks of ["", "<BlockMap></BlockMap>", "<BlockMap><Range>0-1</Range></BlockMap>"]) {
    assert.throws(() => parseBlockMap(map(count(3), blocks)), refused, blocks);
  }
  assert.throws(() => parseBlockMap(map("", "")), refused);
});
