declare module 'pg/lib/crypto/utils.js' {
  type Bytes = Uint8Array;
  const scram: {
    deriveKey(password: string, salt: Uint8Array, iterations: number): Promise<Bytes>;
    hmacSha256(key: Bytes, text: string): Promise<Bytes>;
    sha256(bytes: Bytes): Promise<Bytes>;
  };
  export = scram;
}
