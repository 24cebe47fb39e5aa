// Takes the bytes of a file; gives its text and its checksum, or says where it is no text. It knows nothing of SQL.
import { createHash } from 'node:crypto';
import { plainDump } from './psql.ts';

/** Why bytes are no text; the line is 1-based. */
export interface TextFault {
  readonly line: number;
  readonly message: string;
}

export interface Decoded {
  /** Empty where the bytes are no text at all. */
  readonly text: string;
  readonly faults: readonly TextFault[];
  /** False where nothing in them is worth a second complaint. */
  readonly isText: boolean;
}

/**
 * Strict UTF-8 without BOM, its line ends LF: every checkout then builds the same schema, function bodies and literals
 * included. Where that is not what the bytes are, the text is as near to them as may be.
 */
export function decode(bytes: Buffer): Decoded {
  const noText = (line: number, message: string) => ({
    text: '',
    faults: [{ line, message }],
    isText: false,
  });
  const disguise = disguiseOf(bytes);
  if (disguise !== null) return noText(1, disguise);
  const nul = bytes.indexOf(0);
  if (nul !== -1) return noText(lineOf(bytes, nul), 'contains a NUL byte, which PostgreSQL cannot store');
  const cr = loneCarriageReturn(bytes);
  const faults = [
    ...(cr === -1
      ? []
      : [
          {
            line: lineOf(bytes, cr),
            message:
              'contains a carriage return without a line feed: it ends a comment for PostgreSQL and not for the reader; save the file with LF line ends',
          },
        ]),
  ];
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text: unifyLineEnds(text), faults, isText: true };
  } catch {
    const fault = { line: firstBadLine(bytes), message: 'is not valid UTF-8: save it as UTF-8' };
    return { text: unifyLineEnds(bytes.toString('utf8')), faults: [...faults, fault], isText: true };
  }
}

/** What files are that a byte or two at their head, or their NUL bytes, give away; null for all others. */
function disguiseOf(bytes: Buffer): string | null {
  const begins = (...head: number[]) => bytes.subarray(0, head.length).equals(Buffer.from(head));
  if (bytes.toString('latin1', 0, 5) === 'PGDMP' || bytes.toString('latin1', 257, 262) === 'ustar')
    return `is an archive (pg_dump --format=custom or tar), no SQL: ${plainDump}`;
  if (begins(0x1f, 0x8b) || begins(0x50, 0x4b, 3, 4) || begins(0x28, 0xb5, 0x2f, 0xfd))
    return 'is compressed, no SQL: put the file that is in it here';
  const encoding = markedEncoding(begins) ?? wideEncoding(bytes);
  return encoding === null ? null : `is ${encoding}: save it as UTF-8 (PowerShell's > writes UTF-16)`;
}

/** https://www.unicode.org/faq/utf_bom.html#bom4 */
function markedEncoding(begins: (...head: number[]) => boolean): string | null {
  if (begins(0xff, 0xfe, 0, 0)) return 'UTF-32 (little-endian)';
  if (begins(0, 0, 0xfe, 0xff)) return 'UTF-32 (big-endian)';
  if (begins(0xff, 0xfe)) return 'UTF-16 (little-endian)';
  return begins(0xfe, 0xff) ? 'UTF-16 (big-endian)' : null;
}

/** Without a mark: in SQL nearly every character is ASCII, so that the NUL bytes of wider ones stand at one place of each. */
function wideEncoding(bytes: Buffer): string | null {
  const head = bytes.subarray(0, 4096);
  const zeros = [0, 0, 0, 0];
  for (const [at, byte] of head.entries()) if (byte === 0) zeros[at % 4] = (zeros[at % 4] ?? 0) + 1;
  const most = head.length / 8;
  const pattern = zeros.map((count) => (count > most ? '0' : 'x')).join('');
  return wideEncodings[pattern] ?? null;
}

/** Which bytes of four are NUL, for the most part. */
const wideEncodings: Readonly<Record<string, string>> = {
  x0x0: 'UTF-16 (little-endian)',
  '0x0x': 'UTF-16 (big-endian)',
  x000: 'UTF-32 (little-endian)',
  '000x': 'UTF-32 (big-endian)',
};

/** CRLF as LF; a lone CR stays what it is. */
export function unifyLineEnds(text: string): string {
  return text.includes('\r') ? text.replaceAll('\r\n', '\n') : text;
}

/** Offset of the first CR that no LF follows, or -1. */
function loneCarriageReturn(bytes: Buffer): number {
  let at = bytes.indexOf(13);
  while (at !== -1 && bytes[at + 1] === 10) at = bytes.indexOf(13, at + 1);
  return at;
}

function lineOf(bytes: Buffer, offset: number): number {
  let line = 1;
  for (let at = bytes.indexOf(10); at !== -1 && at < offset; at = bytes.indexOf(10, at + 1)) line += 1;
  return line;
}

function firstBadLine(bytes: Buffer): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let start = 0;
  for (let line = 1; ; line += 1) {
    const end = bytes.indexOf(10, start);
    try {
      decoder.decode(bytes.subarray(start, end === -1 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end === -1) return line;
    start = end + 1;
  }
}

/** sha256 in hex of a text with its line ends made equal, so that a checkout with CRLF is the same text. */
export function checksum(text: string | Buffer): string {
  return createHash('sha256')
    .update(text.includes('\r') ? unifyLineEnds(text.toString()) : text)
    .digest('hex');
}

/** https://www.unicode.org/faq/utf_bom.html#bom1 */
const bom = Buffer.of(0xef, 0xbb, 0xbf);

/** `checksum` of what `decode` gives; 50 MB of text need not be made into bytes again for it. */
export function checksumOfFile(bytes: Buffer): string {
  const hasBom = bytes.subarray(0, bom.length).equals(bom);
  return checksum(hasBom ? bytes.subarray(bom.length) : bytes);
}
