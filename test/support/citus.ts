// Takes TEST_CITUS_URL, the coordinator of a cluster; gives fresh databases on all of its nodes, one per test, dropped
// after it. Where the variable is not set, the tests that ask are skipped and say so.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type WorkerProxy, workerProxy } from './citus-proxy.ts';
import { cleanUpAfterTest } from './cleanup.ts';

export interface Cluster {
  /** On the coordinator. */
  query<R extends pg.QueryResultRow = Record<string, unknown>>(sql: string): Promise<R[]>;
  /** A connection to a node, 0 being the coordinator; closed after the test. */
  client(node: number, applicationName?: string): Promise<pg.Client>;
  /** For a child process: the database on a node. */
  env(node?: number): Record<string, string>;
  readonly name: string;
  /** `host:port` of each node, the coordinator first. */
  readonly nodes: readonly string[];
}

/** To be called first in a suite. */
export function needsCluster(): void {
  before(function skipLoudly() {
    if (process.env.TEST_CITUS_URL) return;
    process.stderr.write(
      '      SKIPPED: set TEST_CITUS_URL to the coordinator of a Citus cluster to run these\n',
    );
    this.skip();
  });
}

/** To be called in a suite whose proxies read what the nodes say to each other: they do so without TLS meanwhile. */
export function readableBetweenNodes(): void {
  const onEachNode = async (statement: string) => {
    if (!process.env.TEST_CITUS_URL) return;
    const coordinator = new pg.Client(process.env.TEST_CITUS_URL);
    await coordinator.connect();
    await coordinator.query(
      "SELECT run_command_on_all_nodes($1), run_command_on_all_nodes('SELECT pg_reload_conf()')",
      [statement],
    );
    await coordinator.end();
  };
  before(() => onEachNode("ALTER SYSTEM SET citus.node_conninfo = 'sslmode=prefer'"));
  after(() => onEachNode('ALTER SYSTEM RESET citus.node_conninfo'));
}

/** As `clusterDatabase`, with the cluster's first worker behind a proxy. */
export async function clusterBehindProxy(): Promise<{ cluster: Cluster; proxy: WorkerProxy }> {
  let proxy: WorkerProxy | undefined;
  const cluster = await clusterDatabase(async (index, { host, port }) => {
    if (index > 1) return port;
    proxy = await workerProxy(host, port);
    return proxy.port;
  });
  return { cluster, proxy: proxy as unknown as WorkerProxy };
}

interface Node {
  readonly host: string;
  readonly port: number;
}

/** @param portOf where the other nodes are to reach a worker; the first has index 1 */
export async function clusterDatabase(
  portOf: (index: number, node: Node) => Promise<number> = async (_, { port }) => port,
): Promise<Cluster> {
  const url = new URL(process.env.TEST_CITUS_URL ?? '');
  const opened: pg.Client[] = [];
  const open = async (host: string, port: number, database: string, applicationName = 'migrate tests') => {
    const login = { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    const client = new pg.Client({ host, port, database, ...login, application_name: applicationName });
    client.on('error', () => {});
    await client.connect();
    opened.push(client);
    return client;
  };
  const admin = await open(url.hostname, Number(url.port || 5432), url.pathname.slice(1));
  const { rows } = await admin.query<Node>(
    "SELECT nodename AS host, nodeport AS port FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid",
  );
  const nodes = rows.map(({ host, port }) => ({ host, port }));
  const name = `migrate_citus_${process.pid}_${randomBytes(4).toString('hex')}`;
  const admins = await Promise.all(nodes.map(({ host, port }) => open(host, port, url.pathname.slice(1))));
  cleanUpAfterTest(async () => {
    await Promise.all(opened.filter((client) => !admins.includes(client)).map((client) => client.end()));
    for (const each of admins) await each.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await Promise.all(admins.map((client) => client.end()));
  });
  for (const each of admins) await each.query(`CREATE DATABASE ${name}`);
  const clients: pg.Client[] = [];
  for (const { host, port } of nodes) {
    const client = await open(host, port, name);
    await client.query('CREATE EXTENSION citus');
    clients.push(client);
  }
  const [coordinator] = clients as [pg.Client];
  await coordinator.query('SELECT citus_set_coordinator_host($1, $2)', [nodes[0]?.host, nodes[0]?.port]);
  for (const [i, node] of nodes.slice(1).entries())
    await coordinator.query('SELECT citus_add_node($1, $2)', [node.host, await portOf(i + 1, node)]);
  const node = (index: number) => nodes[index] as Node;
  return {
    name,
    nodes: nodes.map(({ host, port }) => `${host}:${port}`),
    query: async <R extends pg.QueryResultRow>(sql: string) => {
      const answer = await coordinator.query<R>(sql);
      return Array.isArray(answer) ? (answer.at(-1)?.rows ?? []) : answer.rows;
    },
    client: (index, applicationName) => open(node(index).host, node(index).port, name, applicationName),
    env: (index = 0) => ({
      DATABASE_URL: `postgresql://${url.username}@${node(index).host}:${node(index).port}/${name}`,
      ...(url.password === '' ? {} : { PGPASSWORD: decodeURIComponent(url.password) }),
      MIGRATE_ENV: 'test',
    }),
  };
}
