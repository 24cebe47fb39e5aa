// What `init` does to a package.json that somebody else wrote: it adds scripts, and nothing else changes.
import { expect } from 'chai';
import fc from 'fast-check';
import { withScripts } from '../../scripts/commands/package-scripts.ts';

const wanted = { migrate: 'migrate', 'migrate:up': 'migrate up' };

describe('Scripts in a package.json', () => {
  const cases: Readonly<Record<string, readonly [before: string, after: string]>> = {
    'behind those that are there': [
      '{\n  "name": "shop",\n  "scripts": {\n    "test": "mocha"\n  },\n  "files": ["a", "b"]\n}\n',
      '{\n  "name": "shop",\n  "scripts": {\n    "test": "mocha",\n    "migrate": "migrate",\n    "migrate:up": "migrate up"\n  },\n  "files": ["a", "b"]\n}\n',
    ],
    'in tabs, with CRLF, a byte order mark and no last line end': [
      '\ufeff{\r\n\t"scripts": {}\r\n}',
      '\ufeff{\r\n\t"scripts": {\r\n\t\t"migrate": "migrate",\r\n\t\t"migrate:up": "migrate up"\r\n\t}\r\n}',
    ],
    'where there are none': [
      '{\n    "name": "shop"\n}\n',
      '{\n    "name": "shop",\n    "scripts": {\n        "migrate": "migrate",\n        "migrate:up": "migrate up"\n    }\n}\n',
    ],
    'of an empty object, on one line': [
      '{}',
      '{\n  "scripts": {\n    "migrate": "migrate",\n    "migrate:up": "migrate up"\n  }\n}',
    ],
    'not in another object of that name': [
      '{ "config": { "scripts": { "x": "}" } }, "type": "module" }',
      '{ "config": { "scripts": { "x": "}" } }, "type": "module",\n  "scripts": {\n    "migrate": "migrate",\n    "migrate:up": "migrate up"\n  }\n}',
    ],
  };
  for (const [title, [before, after]] of Object.entries(cases)) {
    it(`are added ${title}`, () => {
      expect(withScripts(before, wanted).text).to.equal(after);
      expect(withScripts(after, wanted)).to.deep.equal({ text: after, added: 0, others: [] });
    });
  }

  it('stay as they are where the name is taken, and that is told', () => {
    const before = '{ "scripts": { "migrate": "knex migrate:latest" } }';
    const { text, added, others } = withScripts(before, wanted);
    expect([added, others]).to.deep.equal([1, ['migrate']]);
    expect(JSON.parse(text).scripts).to.deep.equal({
      migrate: 'knex migrate:latest',
      'migrate:up': 'migrate up',
    });
  });

  it('are refused in what is no package.json', () => {
    for (const text of ['', '[]', 'null', '"x"', '{ "scripts": ["a"] }', '{ "scripts": 1 }', '{ // x\n}'])
      expect(() => withScripts(text, wanted), text).to.throw(/package\.json is no/);
  });

  it('change nothing but the scripts, whatever the file holds', () => {
    const anything = fc.dictionary(fc.string(), fc.jsonValue());
    const scripts = fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined });
    const spaces = fc.constantFrom('', 2, 4, '\t');
    fc.assert(
      fc.property(anything, scripts, spaces, (rest, own, space) => {
        const content = own === undefined ? rest : { ...rest, scripts: own };
        if (own === undefined) delete (content as Record<string, unknown>).scripts;
        const before = JSON.stringify(content, null, space);
        const { text } = withScripts(before, wanted);
        // As text, for a key "__proto__" is one here.
        const parsed = JSON.parse(text);
        expect(parsed.scripts).to.deep.equal({ ...wanted, ...(own ?? {}) });
        const { scripts: _, ...others } = parsed;
        const { scripts: __, ...expected } = JSON.parse(before);
        expect(others).to.deep.equal(expected);
      }),
      { numRuns: 200 },
    );
  });
});
