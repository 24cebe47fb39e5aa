// Takes a service container of a workflow's job as it is written; gives a real server of that kind: its password, its way of
// logging in, its database. It must not know what runs on it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type OwnServer, ownServer } from './server.ts';
import type { Job } from './workflow-file.ts';

/** As the image postgres understands its variables. @returns the address, `host:port`, in place of `localhost:5432` */
export async function serviceServer({ services = {} }: Job): Promise<string> {
  const { POSTGRES_PASSWORD = '', POSTGRES_HOST_AUTH_METHOD, POSTGRES_DB } = services.postgres?.env ?? {};
  const server = await ownServer();
  if (POSTGRES_DB !== undefined) await server.query(`CREATE DATABASE ${pg.escapeIdentifier(POSTGRES_DB)}`);
  await setMethod(server, POSTGRES_HOST_AUTH_METHOD ?? 'scram-sha-256');
  await server.query(`ALTER ROLE postgres PASSWORD ${pg.escapeLiteral(POSTGRES_PASSWORD)}`);
  return `${server.host}:${server.port}`;
}

async function setMethod(server: OwnServer, method: string): Promise<void> {
  const path = join(server.cluster, 'pg_hba.conf');
  const rules = readFileSync(path, 'utf8').replaceAll(/^(host\s.*\s)[\w-]+$/gm, `$1${method}`);
  server.write('pg_hba.conf', rules);
  await server.query('SELECT pg_reload_conf()');
}
