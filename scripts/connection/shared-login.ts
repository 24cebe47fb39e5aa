// Makes many logins of one process cheaper: what pg computes for each of them from the same password is computed once, and
// short hashes are not handed to a thread. It must not know targets.
import { createHash, createHmac } from 'node:crypto';
import scram from 'pg/lib/crypto/utils.js';

/**
 * The key that SCRAM makes of a password takes a millisecond (4,096 rounds), and is the same for each database of a server:
 * the salt is the role's. https://www.rfc-editor.org/rfc/rfc5802#section-3
 */
export function shareLoginWork(): void {
  const { deriveKey } = scram;
  const keys = new Map<string, Promise<Uint8Array>>();
  scram.deriveKey = (password, salt, iterations) => {
    const made = JSON.stringify([password, Buffer.from(salt).toString('base64'), iterations]);
    const key = keys.get(made) ?? deriveKey(password, salt, iterations);
    keys.set(made, key);
    return key;
  };
  scram.hmacSha256 = async (key, text) => createHmac('sha256', Buffer.from(key)).update(text).digest();
  scram.sha256 = async (bytes) => createHash('sha256').update(Buffer.from(bytes)).digest();
}
