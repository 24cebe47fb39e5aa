// How two lists of objects differ, and how that is said in one line.
import { expect } from 'chai';
import { fingerprint } from '../../scripts/schema/catalog/fingerprint.ts';
import { describeDifference, diffObjects, diffSnapshots } from '../../scripts/schema/change/diff.ts';
import { parseDefinition } from '../../scripts/schema/definition.ts';
import { type ClassHashes, objectClasses, type SchemaObject } from '../../scripts/schema/types.ts';

const object = (kind: SchemaObject['class'], identity: string, definition: string): SchemaObject => ({
  class: kind,
  identity,
  definition,
});

const email = (parts: string) => object('column', 'public.users.email', `table=public.users\n${parts}`);
const say = (expected: SchemaObject[], actual: SchemaObject[]) =>
  diffSnapshots(expected, actual).map(describeDifference);

describe('the comparison of two schemas', () => {
  const users = [
    object('relation', 'public.users', 'kind=table'),
    email('type=text\nnullable=yes'),
    object('column-order', 'public.users', 'columns=email'),
    object('constraint', 'public.users.users_pkey', 'table=public.users\ndefinition=PRIMARY KEY (email)'),
    object('index', 'public.users_pkey', 'table=public.users\ndefinition=CREATE …\nconstraint=users_pkey'),
    object('comment', 'table public.users', 'table=public.users\ntext=People'),
  ];

  it('finds nothing between equal schemas, whatever their order', () => {
    expect(say(users, users.toReversed())).to.deep.equal([]);
  });

  it('says a whole table in one line', () => {
    expect(say([], users)).to.deep.equal(['+ table public.users']);
    expect(say(users, [])).to.deep.equal(['- table public.users']);
    expect(diffObjects([], users)).to.have.length(users.length);
  });

  it('says a constraint and its index in one line', () => {
    const without = users.filter(({ class: kind }) => kind !== 'constraint' && kind !== 'index');
    expect(say(without, users)).to.deep.equal(['+ constraint public.users.users_pkey']);
  });

  it('names what changed of a column', () => {
    const before = email('type=text\nnullable=yes');
    expect(say([before], [email('type=varchar(50)\nnullable=yes')])).to.deep.equal([
      '~ column public.users.email: text → varchar(50)',
    ]);
    expect(say([before], [email(`type=text\nnullable=no\ndefault='x'`)])).to.deep.equal([
      `~ column public.users.email: nullable: yes → no; default: none → 'x'`,
    ]);
  });

  it('says a moved column as a warning, and not at all when columns came or went', () => {
    const order = (columns: string) => object('column-order', 'public.users', `columns=${columns}`);
    const [moved] = diffSnapshots([order('a, b')], [order('b, a')]);
    expect(moved?.severity).to.equal('warning');
    const added = diffSnapshots([order('a')], [order('a, email'), email('type=text')]);
    expect(added.map(describeDifference)).to.deep.equal(['+ column public.users.email: text']);
  });

  it('cuts long definitions to where they differ', () => {
    const view = (condition: string) =>
      object(
        'relation',
        'public.v',
        `kind=view\ndefinition=SELECT ${'column_name, '.repeat(20)}x\n   FROM t\n  WHERE ${condition}`,
      );
    const [line] = say([view('a > 1')], [view('a > 2')]);
    expect(line)
      .to.match(/^~ view public\.v: definition: … .*a > 1 → … .*a > 2$/)
      .and.to.have.length.below(160);
  });

  it('says that only white space changed instead of showing two equal texts', () => {
    const body = (text: string) => object('routine', 'public.f()', `kind=function\nbody=${text}`);
    expect(say([body('a\n  b')], [body('a b')])).to.deep.equal([
      '~ function public.f(): body: white space changed',
    ]);
  });

  it('takes options of a user mapping that a reader may not see for equal', () => {
    const mapping = (options: string) =>
      object('user-mapping', 'a on b', `kind=user mapping\noptions=${options}`);
    expect(say([mapping('password')], [mapping('?')])).to.deep.equal([]);
    expect(say([mapping('password')], [mapping('user')])).to.have.length(1);
  });

  it('keeps the lines of a value together', () => {
    expect([...parseDefinition('kind=function\nbody=BEGIN\n    x = 1;\n  END\ncost=5')]).to.deep.equal([
      ['kind', 'function'],
      ['body', 'BEGIN\n  x = 1;\nEND'],
      ['cost', '5'],
    ]);
  });
});

describe('the fingerprint', () => {
  const hashes = (changed: Partial<ClassHashes>): ClassHashes =>
    ({ ...Object.fromEntries(objectClasses.map((name) => [name, 'x'])), ...changed }) as ClassHashes;

  it('is 16 hex digits, changes with any class, and not with the order of columns nor the spread over a cluster', () => {
    const usual = fingerprint(hashes({}));
    expect(usual).to.match(/^[0-9a-f]{16}$/);
    const left = ['column-order', 'distribution'] as const;
    for (const name of left) expect(fingerprint(hashes({ [name]: 'y' })), name).to.equal(usual);
    for (const name of objectClasses.filter((each) => !left.some((other) => other === each))) {
      expect(fingerprint(hashes({ [name]: 'y' })), name).not.to.equal(usual);
    }
  });
});
