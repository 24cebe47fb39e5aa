// The schema as a document: what a reader finds in it, and that the same schema always gives the same text.
import { expect } from 'chai';
import { renderDocument } from '../../scripts/schema/document/markdown.ts';
import { defaultSchemaOptions } from '../../scripts/schema/types.ts';
import { createDatabase } from '../support/database.ts';
import { decoded, diagramsIn, expectValidDiagram } from '../support/mermaid.ts';
import { queryOn, schemaFixture } from '../support/schema.ts';

async function documentOf(sql: string): Promise<string> {
  const query = queryOn(await (await createDatabase()).client());
  await query(sql);
  return renderDocument(query, defaultSchemaOptions);
}

describe('the schema as a document', () => {
  it('shows columns, types, keys and comments, and how tables refer to each other', async () => {
    const text = await documentOf(`
      CREATE TYPE public.colour AS ENUM ('red', 'green');
      CREATE TABLE public.users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE,
        note varchar(20) DEFAULT 'a|b' CHECK (note <> ''));
      CREATE TABLE public.orders (id integer PRIMARY KEY, "user" bigint NOT NULL REFERENCES public.users, tags text[]);
      CREATE TABLE public.profile (id bigint PRIMARY KEY REFERENCES public.users);
      CREATE INDEX orders_user ON public.orders ("user") WHERE id > 5;
      CREATE VIEW public.names AS SELECT email FROM public.users;
      CREATE TABLE public.pgmigrations (id serial, name text);
      COMMENT ON TABLE public.users IS 'Who may log in'; COMMENT ON COLUMN public.users.note IS E'one | two\\n<b>';`);
    for (const line of [
      '### public.users',
      'Who may log in',
      '| `id` | `bigint` | no | identity (always) | primary |  |',
      '| `email` | `text` | no |  | unique |  |',
      "| `note` | `character varying(20)` | yes | `'a\\|b'::character varying` |  | one \\| two<br>&lt;b> |",
      '| `"user"` | `bigint` | no |  | → `public.users` |  |',
      '- `public.orders_user`: `btree ("user") WHERE (id > 5)`',
      "- `public.colour`: enum `'red', 'green'`",
      '  "public.users" ||--o{ "public.orders" : "orders_user_fkey"',
      '  "public.users" ||--o| "public.profile" : "profile_id_fkey"',
      '    bigint user FK',
      '    text_array tags',
      '### public.names',
      'A view.',
    ]) {
      expect(text.split('\n')).to.include(line);
    }
    expect(text).not.to.include('pgmigrations');
  });

  it('is the same for one schema, with partitions listed under their table', async () => {
    const fixture = schemaFixture('one-of-everything.sql');
    const text = await documentOf(fixture);
    expect(await documentOf(fixture)).to.equal(text);
    expect(text).to.include('- `app.event_2025` FOR VALUES FROM').and.not.to.include('### app.event_2025');
  });

  it('draws tables, columns and keys of any name as Mermaid can read them', async () => {
    const text = await documentOf(`
      CREATE TABLE public."a%\\b ""c"" \n) REFERENCES x(" (pk int PRIMARY KEY, fk int, uk int UNIQUE, "1st" text, "),(" int);
      CREATE TABLE public."primary → unique" (id int PRIMARY KEY, "),(" int UNIQUE);
      ALTER TABLE public."a%\\b ""c"" \n) REFERENCES x(" ADD CONSTRAINT "to ""it""\n" FOREIGN KEY ("),(")
        REFERENCES public."primary → unique" ("),(");`);
    const [diagram = ''] = diagramsIn(text);
    await expectValidDiagram(diagram);
    expect(diagram.split('\n').map(decoded)).to.include.members([
      '  "public."a%\\b ""c"" \\n) REFERENCES x("" {',
      '    integer pk_ PK "pk"',
      '    integer fk_ "fk"',
      '    integer uk_ UK "uk"',
      '    text _1st "1st"',
      '    integer _ FK "),("',
      '    integer _ UK "),("',
      '  "public."primary → unique"" |o--o{ "public."a%\\b ""c"" \\n) REFERENCES x("" : ""to ""it""\\n""',
    ]);
  });

  it('says that an empty database has no tables', async () => {
    expect(await documentOf('')).to.include('There are no tables.');
  });
});
