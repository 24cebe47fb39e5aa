// Why an extension cannot be made: what each kind of server says, and the line that helps.
import { expect } from 'chai';
import { type KnownExtension, problemOf } from '../../scripts/execute/extensions.ts';

const plain: KnownExtension = {
  name: 'pg_cron',
  statement: 'pg_cron',
  installed: false,
  available: true,
  forSuperuser: true,
  isSuperuser: true,
  role: 'shop',
  azure: null,
  azureAdmin: null,
  preloaded: 'pg_cron',
};
const azure: KnownExtension = { ...plain, isSuperuser: false, azure: 'pg_cron,hstore', azureAdmin: true };
const host = 'shop.postgres.database.azure.com';
const set = 'az postgres flexible-server parameter set --resource-group <group> --server-name shop --name';

describe('An extension that a migration makes', () => {
  const cases: readonly (readonly [title: string, known: KnownExtension, help: string | null])[] = [
    ['is there: nothing is asked', { ...azure, installed: true, available: false, azure: '' }, null],
    ['may be made', plain, null],
    ['may be made on Azure, where no superuser is', azure, null],
    [
      'is not preloaded',
      { ...plain, preloaded: 'pgaudit' },
      "shared_preload_libraries = 'pgaudit,pg_cron', then restart",
    ],
    [
      'is not preloaded, and nothing is',
      { ...plain, preloaded: '' },
      "shared_preload_libraries = 'pg_cron', then",
    ],
    [
      'is not preloaded on Azure',
      { ...azure, preloaded: 'pgaudit, pg_stat_statements' },
      `${set} shared_preload_libraries --value "pgaudit,pg_stat_statements,pg_cron", then az postgres flexible-server restart --resource-group <group> --name shop`,
    ],
    ['is preloaded beside others, in any case', { ...azure, preloaded: 'pgaudit, PG_Cron' }, null],
    ['has preloads that this role may not see', { ...plain, preloaded: null }, null],
    ['needs no preload', { ...plain, name: 'hstore', preloaded: '' }, null],
    [
      'is not allowed on Azure, which comes before all else',
      { ...azure, azure: 'hstore', available: false, preloaded: '' },
      `${set} azure.extensions --value "hstore,pg_cron"`,
    ],
    ['is the first that Azure allows', { ...azure, azure: '' }, `${set} azure.extensions --value "pg_cron"`],
    [
      'is not allowed on Azure, whose setting holds what a shell would run',
      { ...azure, azure: 'hstore,"$(id)",`id`' },
      `${set} azure.extensions --value "hstore,pg_cron"`,
    ],
    [
      'is called as none of Azure’s is, and as a shell would run',
      { ...azure, name: '$(id)', available: false },
      'Install it on the server',
    ],
    [
      'is not preloaded where a library has a path',
      { ...plain, preloaded: "$libdir/it's" },
      "shared_preload_libraries = '$libdir/it''s,pg_cron', then",
    ],
    [
      'is allowed on Azure to members only',
      { ...azure, azureAdmin: false },
      'GRANT azure_pg_admin TO "shop"',
    ],
    ['is unknown to the server', { ...plain, available: false }, 'Install it on the server'],
    ['is for superusers', { ...plain, isSuperuser: false }, 'Name pg_cron in the list of db/roles.sql'],
  ];
  for (const [title, known, help] of cases) {
    it(title, () => {
      const problem = problemOf(known, host);
      if (help === null) expect(problem).to.equal(null);
      else expect(problem?.help).to.include(help);
    });
  }

  it('is named with all others that a parameter lacks: setting it twice would take the first back', () => {
    const names = ['pg_cron', 'hstore', 'pgaudit', 'citext'];
    const wanted = names.map((name) => ({
      ...azure,
      name,
      statement: name,
      azure: 'citext',
      preloaded: '',
      installed: name === 'hstore',
    }));
    expect(problemOf(wanted[0]!, host, wanted)?.help).to.include('--value "citext,pg_cron,pgaudit"');
    const allowed = wanted.map((each) => ({ ...each, azure: names.join(',') }));
    expect(problemOf(allowed[2]!, host, allowed)?.help).to.include('--value "pg_cron,pgaudit", then');
  });

  it('is told apart from one that CASCADE makes for it', () => {
    const pulled = { ...azure, name: 'cube', statement: 'earthdistance' };
    const messages = [
      pulled,
      { ...pulled, azure: 'cube', available: false },
      { ...pulled, azure: 'cube', azureAdmin: false },
      { ...pulled, azure: null, azureAdmin: null },
    ].map((known) => problemOf(known, host)?.message);
    expect(messages).to.have.length(4);
    for (const message of messages)
      expect(message).to.include('extension cube, which earthdistance brings with CASCADE');
  });
});
