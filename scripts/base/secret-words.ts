// Takes a name; tells whether what is assigned to it is a secret. Pure.

const endings = [
  ...['password', 'passwd', 'passphrase', 'passcode', 'pwd', 'secret', 'token', 'credential', 'credentials'],
  ...['secretkey', 'accesskey', 'apikey', 'accountkey', 'privatekey', 'sharedkey', 'storagekey'],
  ...['subscriptionkey', 'encryptionkey', 'masterkey', 'signingkey', 'secretvalue', 'passwort'],
];
const longestEnding = Math.max(...endings.map(({ length }) => length));

/** `password`, `MY_API_KEY`, `secret_access_key`, `"x-auth-token"`; not `password_hash`. */
export function isSecretName(name: string): boolean {
  if (!anyEnding.test(name)) return false;
  if (/(?:^|[_.-])pw$|[_.-]pass$/i.test(name)) return true;
  const plain = name
    .slice(-2 * longestEnding)
    .toLowerCase()
    .replaceAll(/[^a-z]/g, '');
  return endings.some((ending) => plain.endsWith(ending));
}

/** A literal that names a secret: `smtp_password`, `{smtp,password}`, `%.token`; not a sentence that ends with such a word. */
export function isSecretKey(text: string): boolean {
  return text.length < 200 && /^[{%^]?[\w.,:/-]+[}%$]?$/.test(text) && isSecretName(text);
}

const anyEnding =
  /pass(?:[wpc]|(?![a-z]))|pwd|bearer|(?:\b|_)pw(?![a-z])|secret|token|credential|[a-z][_-]?key|crypt|hmac|account_add|authorization|:\/\//i;

const taking = new Set([
  'crypt',
  'pgp_sym_encrypt',
  'pgp_sym_decrypt',
  'encrypt',
  'decrypt',
  'encrypt_iv',
  'decrypt_iv',
  'hmac',
  // Of Azure's storage extension: the account's key.
  'account_add',
]);

/** A function whose literals are secrets: `crypt('…', …)`, `create_secret('…')`, `set_password(…, '…')`. */
export function takesSecrets(name: string): boolean {
  return taking.has(name.toLowerCase()) || isSecretName(name);
}

/** Whether a word of it is the name of a secret, in a literal or not: what the server says of its values may be one. */
export function namesSecret(text: string): boolean {
  return anyEnding.test(text) && (text.match(/[\w$-]+/g) ?? []).some(isSecretName);
}

/** False for most texts, found out faster than by reading them. */
export function mayHoldSecrets(text: string): boolean {
  return anyEnding.test(text);
}
