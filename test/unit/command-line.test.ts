// Options as they are typed: none of them is dropped without a word.
import { expect } from 'chai';
import { parseCommandLine } from '../../scripts/cli/cli.ts';
import { commandLines } from '../../scripts/cli/command-lines.ts';
import { commonOptions } from '../../scripts/cli/options.ts';

const parse = (...argv: string[]) => parseCommandLine(argv, () => undefined);
const refusal = (...argv: string[]) =>
  parse(...argv).then(
    () => null,
    (error: Error) => error.message,
  );

describe('The command line', () => {
  it('refuses every option with a value that is given twice: the last alone would count', async () => {
    let tried = 0;
    for (const { name, options = [] } of commandLines)
      for (const [flags] of [...options, ...commonOptions]) {
        const [, option = '', many] = /^(--[a-z-]+) [<[][^.\]>]+(\.{3})?/.exec(flags) ?? [];
        if (option === '') continue;
        tried += 1;
        const said = await refusal(name, option, 'a', `${option}=b`);
        expect(said, `${name} ${option}`).to.equal(many === undefined ? `${option} is given twice` : null);
      }
    expect(tried).to.be.at.least(40);
    expect(await refusal('status', '--verbose', '--verbose', '--json', '--json')).to.equal(null);
  });

  it('refuses what is said of many databases where no list names them', async () => {
    const many = commandLines.filter(({ options = [] }) =>
      options.some(([flags]) => flags.startsWith('--canary')),
    );
    expect(many.map(({ name }) => name)).to.deep.equal(['up', 'status', 'plan', 'drift']);
    for (const { name } of many) {
      expect(await refusal(name, '--parallel', '8', '--max-failures=3')).to.equal(
        '--parallel, --max-failures is for many databases',
      );
      expect(await refusal(name, '--canary', '1', '--targets', 'list')).to.equal(null);
      expect(await refusal(name, '--canary', '1', '--targets-query', 'SELECT')).to.equal(null);
    }
  });
});
