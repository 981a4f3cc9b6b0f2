/** The checksum of XMODEM and YMODEM. @module */

/** CRC-16 with polynomial 0x1021, from zero, most significant bit first (CRC-16/XMODEM). */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc;
}
