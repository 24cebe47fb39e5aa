declare module 'pgpass' {
  interface ConnectionInfo {
    host: string;
    port: number;
    user: string;
    database: string;
  }
  function pgpass(connection: ConnectionInfo, callback: (password: string | undefined) => void): void;
  export = pgpass;
}
