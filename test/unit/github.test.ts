// What GitHub Actions gets to read: workflow commands escaped as the runner unescapes them, and Markdown.
import { expect } from 'chai';
import { MigrateError } from '../../scripts/base/errors.ts';
import { annotation, annotations, defuse, group, summaryMarkdown } from '../../scripts/report/github.ts';

const ended = {
  command: 'up',
  environment: 'staging',
  exitCode: 0,
  durationMs: 1234,
  error: null,
  document: {},
  lines: [],
  blockedBy: [],
};

const finding = {
  rule: 'create-index-blocking',
  severity: 'warning' as const,
  file: 'db/migrations/20250101000000_x.up.sql',
  line: 3,
  column: 1,
  message: 'CREATE INDEX blocks writes',
  help: 'Use CONCURRENTLY',
};

describe('annotations for GitHub', () => {
  it('escape per cent signs and line ends in the message', () => {
    expect(annotation('error', {}, '100% wrong\r\nreally')).to.equal('::error::100%25 wrong%0Areally');
  });

  it('escape commas and colons in the properties, which separate them', () => {
    expect(annotation('warning', { file: 'a,b:c.sql', line: 2, col: 7, title: 'x: y' }, 'm')).to.equal(
      '::warning file=a%2Cb%3Ac.sql,line=2,col=7,title=x%3A y::m',
    );
  });

  it('put an SQL failure at its place in the file, with SQLSTATE, detail, state and what to do', () => {
    const error = new MigrateError('migration-failed', 'relation "a" does not exist', {
      location: { file: 'db/migrations/20250101000000_x.up.sql', line: 4, column: 9 },
      database: { sqlState: '42P01', detail: 'none' },
      state: 'rolled back',
      hint: 'Mend the file.',
    });
    expect(annotations({ ...ended, exitCode: 3, error })).to.deep.equal([
      '::error file=db/migrations/20250101000000_x.up.sql,line=4,col=9,title=migrate up::' +
        'relation "a" does not exist (SQLSTATE 42P01)%0ADETAIL: none%0AState: rolled back%0ANext: Mend the file.',
    ]);
  });

  it('put each of several problems at its own file', () => {
    const error = new MigrateError('usage', '2 problems in the migration files', {
      problems: ['db/migrations/a.up.sql:3: BEGIN: no', 'db/migrations/b.up.sql: is empty'],
    });
    expect(annotations({ ...ended, error })).to.deep.equal([
      '::error file=db/migrations/a.up.sql,line=3,title=migrate up::BEGIN: no',
      '::error file=db/migrations/b.up.sql,title=migrate up::is empty',
    ]);
  });

  it('keep problems that belong to no file in one message', () => {
    const error = new MigrateError('locked', 'canceling statement due to lock timeout', {
      problems: ['blocked by pid 7, user app'],
    });
    expect(annotations({ ...ended, error })).to.deep.equal([
      '::error title=migrate up::canceling statement due to lock timeout%0A- blocked by pid 7, user app',
    ]);
  });

  it('show a finding with its severity, rule, place and help', () => {
    const document = { findings: [finding, { ...finding, severity: 'info', help: '' }] };
    expect(annotations({ ...ended, command: 'lint', document })).to.deep.equal([
      '::warning file=db/migrations/20250101000000_x.up.sql,line=3,col=1,title=create-index-blocking::CREATE INDEX blocks writes%0AUse CONCURRENTLY',
      '::notice file=db/migrations/20250101000000_x.up.sql,line=3,col=1,title=create-index-blocking::CREATE INDEX blocks writes',
    ]);
  });

  it('name files from the repository’s root when the project is in a folder of it', () => {
    const [line] = annotations({ ...ended, document: { findings: [finding] } }, 'packages/database/');
    expect(line).to.match(/^::warning file=packages\/database\/db\/migrations\//);
  });

  it('tell a bug by its message', () => {
    expect(annotations({ ...ended, error: new TypeError('x is undefined') })).to.deep.equal([
      '::error title=migrate up::x is undefined',
    ]);
  });
});

describe('text of others in a GitHub log', () => {
  it('is never a workflow command', () => {
    for (const evil of ['::add-mask::x', '  ::error::x', 'a\n::set-output name=a::b', 'x ##[group]y']) {
      for (const line of defuse(evil).split('\n')) {
        expect(line).not.to.match(/^\s*::/);
        expect(line).not.to.include('##[');
      }
    }
  });

  it('is left as it is where it is harmless', () => {
    expect(defuse('x::text and 1::int')).to.equal('x::text and 1::int');
  });

  it('can be folded in a group', () => {
    expect(group('  applying 20250101000000_x (1 of 2)')).to.equal(
      '::group::applying 20250101000000_x (1 of 2)',
    );
  });
});

describe('the summary of a run on GitHub', () => {
  it('shows what ran, how long, the result, the fingerprint and who blocked', () => {
    const markdown = summaryMarkdown({
      ...ended,
      document: {
        fingerprint: 'f00d',
        migrations: [
          { version: '20250101000000', name: 'a', direction: 'up', outcome: 'applied', durationMs: 34 },
        ],
      },
      lines: ['Applied 1 migration in 34 ms.'],
      blockedBy: ['pid 7, user app'],
    });
    expect(markdown).to.include('### ✅ migrate up · staging');
    expect(markdown).to.include('| Result | ok: Applied 1 migration in 34 ms. |');
    expect(markdown).to.include('| Duration | 1.2 s |');
    expect(markdown).to.include('| Fingerprint | f00d |');
    expect(markdown).to.include('| Blocked by | pid 7, user app |');
    expect(markdown).to.include('| 20250101000000_a | up | applied | 34 ms |');
  });

  it('shows a failure with its excerpt in a fence that its text cannot close', () => {
    const error = new MigrateError('migration-failed', 'syntax error at ```', {
      location: { file: 'x.up.sql', line: 1, column: 2 },
      excerpt: '1 | SELEC 1',
    });
    const markdown = summaryMarkdown({ ...ended, exitCode: 3, error });
    expect(markdown).to.include('### ❌ migrate up');
    expect(markdown).to.include('````text\nERROR x.up.sql:1:2\nsyntax error at ```\n\n  1 | SELEC 1\n\n````');
  });

  it('keeps pipes, line ends and HTML of a cell from breaking the table', () => {
    const markdown = summaryMarkdown({
      ...ended,
      document: { findings: [{ ...finding, message: 'a|b\n<img src=x>' }] },
    });
    expect(markdown).to.include('a\\|b<br>&lt;img src=x>');
  });

  it('lists what has drifted', () => {
    const drift = { differences: [{ kind: 'column', identity: 'public.t.c', change: 'added' }] };
    expect(summaryMarkdown({ ...ended, document: { drift } })).to.include('| column | public.t.c | added |');
  });

  it('stays readable with very many rows', () => {
    const migrations = Array.from({ length: 500 }, (_, i) => ({ version: String(i), name: 'a' }));
    const markdown = summaryMarkdown({ ...ended, document: { migrations } });
    expect(markdown).to.include('… and 400 more');
    expect(markdown.split('\n').length).to.be.lessThan(130);
  });

  it('shows a plan statement by statement', () => {
    const lines = [
      '  up 20250101000000_a, in one transaction',
      '       1: SELECT 1',
      'Would apply 1 migration.',
    ];
    expect(summaryMarkdown({ ...ended, command: 'plan', lines })).to.include('       1: SELECT 1');
  });
});
