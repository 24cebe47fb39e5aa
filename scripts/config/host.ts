// Takes the name of a host as a person or a URL spells it; gives the one spelling that stands for all that reach the
// same place, and whether that place is this machine. It asks no name server.
import { isIP, isIPv4 } from 'node:net';
import { withoutTrailing } from '../base/ends.ts';

/**
 * One spelling for `LOCALHOST`, `127.1`, `0x7f.0.0.1`, `db.example.com.`, `[::FFFF:10.0.0.1]` and their kin: lower case,
 * no trailing dot, addresses written out, an IPv4 address as such. The folder of a Unix socket stays as it is.
 */
export function canonicalHost(host: string): string {
  if (host.startsWith('/') || host.startsWith('@')) return host;
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace(/%.*/s, '');
  if (isIP(bare) === 6) return mappedIPv4(parsed(`[${bare}]`) ?? bare.toLowerCase());
  return withoutTrailing(parsed(bare) ?? bare.toLowerCase(), '.');
}

/** What the URL standard makes of a host: it knows every spelling of an IPv4 address that resolvers know. */
function parsed(host: string): string | null {
  // What ends a host in a URL is a part of it here: `evil@127.0.0.1` is one name, for whoever resolves it.
  if (/[\s/@#?\\]/.test(host) || (!host.startsWith('[') && host.includes(':'))) return null;
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return null;
  }
}

/** `[::ffff:7f00:1]` is 127.0.0.1 to a socket. */
function mappedIPv4(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const words = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(bare);
  if (words === null) return bare;
  const bytes = [words[1], words[2]].flatMap((word) => {
    const value = Number.parseInt(word ?? '0', 16);
    return [value >> 8, value & 255];
  });
  return bytes.join('.');
}

/** Loopback and Unix sockets cannot be listened to from outside, so TLS is only taken there where the server asks. */
export function isLoopback(host: string): boolean {
  const name = canonicalHost(host);
  if (name.startsWith('/') || name.startsWith('@')) return true;
  return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'));
}

/** All spellings under which a pattern may mean this host; those of this machine are one place. */
export function hostSpellings(host: string): readonly string[] {
  const spellings = [host, withoutTrailing(host.toLowerCase(), '.'), canonicalHost(host)];
  if (isLoopback(host)) spellings.push('localhost', '127.0.0.1', '::1');
  return [...new Set(spellings)];
}
