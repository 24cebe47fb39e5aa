// Every line of the Azure CLI that we show or run, held against the CLI's reference: that the command exists, takes what it
// is given, and is given what it needs. The CLI itself parses its lines at first use, in front of the person.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type KnownExtension, problemOf } from '../../scripts/execute/extensions.ts';
import { productRoot } from '../support/cli.ts';

/** What each command must be given, and what it may be given, of its reference (learn.microsoft.com/cli/azure). */
const reference: Readonly<Record<string, { needs: readonly string[]; takes?: readonly string[] }>> = {
  login: { needs: [] },
  'account get-access-token': { needs: [], takes: ['resource', 'resource-type', 'scope', 'tenant', 'name'] },
  'containerapp job execution show': { needs: ['name', 'resource-group', 'job-execution-name'] },
  'containerapp job logs show': {
    needs: ['name', 'resource-group', 'container'],
    takes: ['execution', 'follow', 'format', 'replica', 'tail'],
  },
  'containerapp job start': {
    needs: ['name', 'resource-group'],
    takes: ['image', 'container-name', 'command', 'args', 'env-vars', 'cpu', 'memory', 'yaml', 'no-wait'],
  },
  'containerapp job update': {
    needs: ['name', 'resource-group'],
    takes: ['image', 'container-name', 'command', 'args', 'set-env-vars', 'remove-env-vars', 'no-wait'],
  },
  'containerapp update': {
    needs: ['name', 'resource-group'],
    takes: ['image', 'container-name', 'revision-suffix', 'set-env-vars', 'no-wait'],
  },
  'extension add': { needs: ['name'], takes: ['upgrade', 'yes', 'version', 'allow-preview'] },
  'keyvault secret show': { needs: ['vault-name', 'name'], takes: ['version', 'id'] },
  'postgres flexible-server parameter set': {
    needs: ['resource-group', 'server-name', 'name'],
    takes: ['value', 'source', 'ids'],
  },
  'postgres flexible-server restart': { needs: ['resource-group', 'name'], takes: ['failover', 'ids'] },
  'webapp config container set': {
    needs: ['resource-group', 'name'],
    takes: ['container-image-name', 'container-registry-url', 'slot', 'enable-app-service-storage'],
  },
};
const everywhere = ['query', 'output', 'subscription', 'only-show-errors', 'verbose', 'debug', 'help'];
const switches = ['upgrade', 'yes', 'only-show-errors', 'verbose', 'debug', 'help', 'no-wait'];

interface Line {
  readonly text: string;
  readonly command: string;
  /** Options with their values; of one that has none, null. */
  readonly options: readonly (readonly [name: string, value: string | null])[];
  /** Some of it is left out, for a reader. */
  readonly shortened: boolean;
}

/** Up to what ends a command of a shell, or the code of a sentence. */
function linesOf(text: string): Line[] {
  return [...text.matchAll(/\baz (?=[a-z])((?:"[^"\n]*"|[^\n`);|&,'"])+)/g)].map(([whole, line = '']) => {
    const words = [...line.matchAll(/"[^"]*"|\S+/g)].map(([word]) => word);
    const first = words.findIndex((word) => word.startsWith('-') || word === '…');
    const command = words.slice(0, first < 0 ? undefined : first).join(' ');
    const options: [string, string | null][] = [];
    for (const word of first < 0 ? [] : words.slice(first)) {
      const last = options.at(-1);
      if (word.startsWith('-')) options.push([word.replace(/^--/, ''), null]);
      else if (word !== '…' && last !== undefined) last[1] = last[1] === null ? word : `${last[1]} ${word}`;
    }
    return { text: whole, command, options, shortened: words.includes('…') };
  });
}

function complaintsOf({ text, command, options, shortened }: Line): string[] {
  const known = reference[command];
  if (known === undefined) return [`${text}: no such command: ${command}`];
  const names = options.map(([name]) => name);
  const allowed = [...known.needs, ...(known.takes ?? []), ...everywhere];
  const missing = shortened ? [] : known.needs.filter((name) => !names.includes(name));
  return [
    ...names.filter((name) => !allowed.includes(name)).map((name) => `${text}: takes no --${name}`),
    ...missing.map((name) => `${text}: needs --${name}`),
    ...options
      .filter(([name, value]) => switches.includes(name) !== (value === null) && !shortened)
      .map(([name, value]) => `${text}: --${name} with ${value ?? 'nothing'}`),
    ...options
      .filter(([, value]) => value !== null && /^[^"].* /.test(value))
      .map(([name, value]) => `${text}: --${name} has several values: ${value}`),
  ];
}

/** The texts of refusals that tell a line: one for each parameter. */
function told(): string {
  const azure: KnownExtension = {
    name: 'pg_cron',
    statement: 'pg_cron',
    installed: false,
    available: true,
    forSuperuser: true,
    isSuperuser: false,
    role: 'shop',
    azure: 'hstore',
    azureAdmin: true,
    preloaded: 'pgaudit',
  };
  return [azure, { ...azure, azure: 'hstore,pg_cron' }]
    .map((known) => problemOf(known, 'shop.postgres.database.azure.com')?.help)
    .join('\n');
}

const folders = ['', '.github', '.github/workflows', 'db', 'db/templates/init', 'scripts'];
const files = folders.flatMap((folder) =>
  readdirSync(join(productRoot, folder))
    .filter((name) => /\.(?:md|yml|sql|mk)$|Dockerfile$/.test(name))
    .map((name) => join(folder, name)),
);

describe('Lines of the Azure CLI', () => {
  const sources = [
    ...files.map((file) => [file, readFileSync(join(productRoot, file), 'utf8')] as const),
    ['what is told of extensions', told()] as const,
  ].filter(([, text]) => linesOf(text).length > 0);

  it('are found where they are', () => {
    expect(sources.map(([name]) => name)).to.include.members([
      '.github/DEPLOY.md',
      '.github/workflows/deploy.yml',
      'what is told of extensions',
    ]);
  });

  for (const [name, text] of sources)
    it(`in ${name} are such that az takes them`, () => {
      expect(linesOf(text).flatMap(complaintsOf)).to.deep.equal([]);
    });

  it('that az would not take are noticed', () => {
    const wrong = [
      'az postgres flexible-server parameter set --resource-group g --name azure.extensions --value a',
      'az containerapp job show-logs --name a',
      'az containerapp update --resource-group g --name a --tag b',
      'az keyvault secret show --vault-name --name b',
      'az postgres flexible-server restart --resource-group g --name a b',
    ];
    for (const line of wrong) expect(linesOf(line).flatMap(complaintsOf), line).not.to.have.length(0);
  });
});
