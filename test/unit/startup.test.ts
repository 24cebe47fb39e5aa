// Start-up is a feature: what is loaded is held here, so that no import slows every command down unnoticed.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { recordLoading } from '../support/loaded.ts';

describe('what a command loads', () => {
  before('compile what was changed since', async () => {
    expectExit(await (await project()).run(['--help']), 0);
  });

  it('is only the command line for --help: no pg, no zod, no parser, no engine', async () => {
    const recording = recordLoading();
    const { run } = await project();
    expectExit(await run(['--help'], recording), 0);
    expect(recording.loaded().packages).to.deep.equal(['commander', 'picocolors']);
  });

  it('is the same for the help of one command and for a command that does not exist', async () => {
    const { run } = await project();
    for (const [args, code] of [
      [['up', '--help'], 0],
      [['upp'], 2],
    ] as const) {
      const recording = recordLoading();
      expectExit(await run(args, recording), code);
      expect(recording.loaded().packages).to.deep.equal(['commander', 'picocolors']);
    }
  });

  it('is no driver and no parser where the settings are wrong', async () => {
    const recording = recordLoading();
    const { run } = await project();
    expectExit(await run(['up'], { env: { ...recording.env, MIGRATE_WAIT: 'long' } }), 2);
    expect(recording.loaded().packages).to.not.include.members(['pg']);
    expect(recording.loaded().packages).to.not.include.members(['libpg-query']);
  });
});
