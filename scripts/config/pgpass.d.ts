declare module 'pgpass/lib/helper.js' {
  import type { Readable } from 'node:stream';

  interface ConnectionInfo {
    host: string;
    port: number;
    user: string;
    database: string;
  }
  const helper: {
    getPassword(
      connection: ConnectionInfo,
      file: Readable,
      callback: (password: string | undefined) => void,
    ): void;
  };
  export = helper;
}
