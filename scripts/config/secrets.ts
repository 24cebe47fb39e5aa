// Takes variables; gives the credentials in them, as they may turn up in a text. It connects to nothing.
import type { Environment } from './environment.ts';

const passwordParameter =
  /[?&](?:(?:ssl)?password|oauth_client_secret|scram_(?:client|server)_key)=([^&#]*)/gi;

/**
 * Every value of the environment that is a credential. A password that is also the name of the user, the database, the
 * host or the environment hides nothing, and blanking it out would spoil what is shown of those.
 */
export function secretsOf(variables: Environment): string[] {
  const urls = [variables.DATABASE_URL, variables.SHADOW_DATABASE_URL, variables.TEST_DATABASE_URL].map(
    partsOf,
  );
  const secrets = [
    variables.PGPASSWORD,
    variables.PGSSLPASSWORD,
    ...urls.flatMap(({ passwords }) => passwords),
  ];
  const { PGUSER, PGDATABASE, PGHOST, MIGRATE_ENV = 'development' } = variables;
  const open = new Set([PGUSER, PGDATABASE, PGHOST, MIGRATE_ENV, ...urls.flatMap((url) => url.names)]);
  const hidden = secrets.filter((secret) => secret !== undefined && secret !== '' && !open.has(secret));
  return [...new Set(hidden as string[])];
}

/** Read by pattern: what no parser of URLs understands may hold a password all the same. */
function partsOf(url = ''): { passwords: string[]; names: string[] } {
  const inQuery = [...url.matchAll(passwordParameter)].map(([, password = '']) => password);
  const match = /^[^:]+:\/\/([^:@/]*)(?::(.*))?@([^:/?]*)(?::\d+)?(?:\/([^?]*))?/.exec(url);
  const [, user = '', password = '', host = '', database = ''] = match ?? [];
  return {
    passwords: [password, ...inQuery, parsedPassword(url)].flatMap((text) => [decoded(text), text]),
    names: [user, host, database].map(decoded),
  };
}

/** As a parser has it, which drops line ends and tabs. */
function parsedPassword(url: string): string {
  try {
    return new URL(url).password;
  } catch {
    return '';
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
