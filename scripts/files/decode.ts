// Takes the bytes of a file; gives its text and its checksum, or says where it is no text. It knows nothing of SQL.
import { createHash } from 'node:crypto';

/** Why bytes are no text; the line is 1-based. */
export interface TextFault {
  readonly line: number;
  readonly message: string;
}

/**
 * Strict UTF-8 without BOM, its line ends LF: every checkout then builds the same schema, function bodies and literals
 * included. Where that is not what the bytes are, the text is as near to them as may be.
 */
export function decode(bytes: Buffer): { readonly text: string; readonly faults: readonly TextFault[] } {
  const nul = bytes.indexOf(0);
  const cr = loneCarriageReturn(bytes);
  const faults = [
    ...(nul === -1
      ? []
      : [{ line: lineOf(bytes, nul), message: 'contains a NUL byte, which PostgreSQL cannot store' }]),
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
    return { text: unifyLineEnds(text), faults };
  } catch {
    const fault = { line: firstBadLine(bytes), message: 'is not valid UTF-8: save it as UTF-8' };
    return { text: unifyLineEnds(bytes.toString('utf8')), faults: [...faults, fault] };
  }
}

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
