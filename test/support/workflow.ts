// Takes a workflow file as it is; executes the `run:` steps of its jobs in order with GitHub's semantics: needs, if, env,
// GITHUB_ENV, GITHUB_OUTPUT, GITHUB_STEP_SUMMARY, masks, `bash -eo pipefail`. A `uses:` step runs a stand-in.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { removeDevServer } from '../../scripts/devserver/devserver.ts';
import { cleanUpAfterTest } from './cleanup.ts';
import { type Contexts, evaluate, type Functions, interpolate, truthy } from './expressions.ts';
import { type Job, readWorkflow, type Step, type Variables, type Workflow } from './workflow-file.ts';

export interface WorkflowRun {
  readonly inputs: Variables;
  /** Variables of the GitHub Environment. */
  readonly vars: Variables;
  /** Secrets of the GitHub Environment. */
  readonly secrets?: Variables;
  readonly github: Variables;
  /** The event that started the run, as `github.event`. */
  readonly event?: unknown;
  /** Only these jobs; all if left out. */
  readonly only?: readonly string[];
  /** What stands in `env` for the address of a service container (host:port), and where that service really is. */
  readonly service?: { readonly written: string; readonly real: string };
  /** What the runner machine has: PATH, HOME … */
  readonly machine: Variables;
  /** By the action's name without version: what a `uses:` step does in the workspace. */
  readonly actions: Readonly<Record<string, (input: ActionInput) => Promise<void> | void>>;
}

export interface ActionInput {
  readonly with: Variables;
  readonly workspace: string;
}

export interface StepResult {
  readonly job: string;
  readonly name: string;
  readonly outcome: 'success' | 'failure' | 'skipped';
}

export interface WorkflowResult {
  readonly jobs: Readonly<Record<string, 'success' | 'failure' | 'skipped'>>;
  readonly steps: readonly StepResult[];
  /** The log as GitHub shows it: masked, without the mask commands themselves. */
  readonly log: string;
  /** The same before masking: whatever a process wrote. For telling what only the mask hides. */
  readonly rawLog: string;
  readonly summary: string;
}

/** Runs all jobs, in the order of the file, each in a workspace of its own. */
export async function runWorkflow(path: string, run: WorkflowRun): Promise<WorkflowResult> {
  const workflow = readWorkflow(path);
  const folder = mkdtempSync(join(tmpdir(), 'migrate-workflow-'));
  cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const record: Recording = { masks: [], log: [], summary: [], steps: [] };
  const jobs: Record<string, StepResult['outcome']> = {};
  const outputs: Record<string, Variables> = {};
  for (const [id, job] of Object.entries(workflow.jobs)) {
    if (run.only?.includes(id) === false) continue;
    const needed = [job.needs ?? []].flat();
    const results = needed.map((name) => jobs[name]);
    const failed = results.includes('failure');
    const needs = Object.fromEntries(
      needed.map((name) => [name, { result: jobs[name], outputs: outputs[name] ?? {} }]),
    );
    const condition = bare(job.if ?? 'success()');
    const scope = { ...contextsOf(run), needs, env: {} };
    const wanted = truthy(evaluate(condition, scope, statusFunctions(failed)));
    const reached = asksForStatus.test(condition) || results.every((result) => result === 'success');
    const skipped = { outcome: 'skipped', outputs: {} } as const;
    const ended =
      wanted && reached ? await runJob(workflow, id, job, run, join(folder, id), record) : skipped;
    jobs[id] = ended.outcome;
    outputs[id] = ended.outputs;
  }
  const rawLog = record.log.join('');
  return {
    jobs,
    steps: record.steps,
    rawLog,
    log: masked(rawLog, record.masks),
    summary: record.summary.join(''),
  };
}

interface Recording {
  readonly masks: string[];
  readonly log: string[];
  readonly summary: string[];
  readonly steps: StepResult[];
}

const bare = (expression: string) => expression.replace(/^\s*\$\{\{(.*)\}\}\s*$/s, '$1');

/** A condition that names the status itself is not bound to success. */
const asksForStatus = /\b(success|failure|always|cancelled)\(/;

function contextsOf({ inputs, vars, secrets = {}, github, event }: WorkflowRun): Contexts {
  return {
    inputs,
    vars,
    secrets,
    github: { ...github, event, token: 'the-run-token' },
    runner: { os: 'Linux' },
  };
}

function statusFunctions(failed: boolean): Functions {
  return { success: () => !failed, failure: () => failed, always: () => true, cancelled: () => false };
}

async function runJob(
  workflow: Workflow,
  id: string,
  job: Job,
  run: WorkflowRun,
  folder: string,
  record: Recording,
): Promise<{ readonly outcome: 'success' | 'failure'; readonly outputs: Variables }> {
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace, { recursive: true });
  // A plan starts a scratch server of its own there, which outlives the command.
  cleanUpAfterTest(() => removeDevServer(workspace));
  const contexts = contextsOf(run);
  const resolve = (env: Variables | undefined, scope: Contexts) =>
    Object.fromEntries(
      Object.entries(env ?? {}).map(([name, value]) => {
        const text = interpolate(String(value), scope);
        return [
          name,
          run.service === undefined ? text : text.replaceAll(run.service.written, run.service.real),
        ];
      }),
    );
  let environment: Variables = { ...resolve(workflow.env, contexts), ...resolve(job.env, contexts) };
  const outputs: Record<string, { outputs: Variables }> = {};
  let failed = false;
  for (const [i, step] of job.steps.entries()) {
    const name = step.name ?? step.uses ?? step.run?.split('\n')[0] ?? '';
    const scope = { ...contexts, env: environment, steps: outputs };
    const condition = bare(step.if ?? 'success()');
    const functions = {
      ...statusFunctions(failed),
      hashFiles: (path: unknown) => (existsSync(join(workspace, String(path))) ? 'hash' : ''),
    };
    const wanted =
      truthy(evaluate(condition, scope, functions)) && (asksForStatus.test(condition) || !failed);
    if (!wanted) {
      record.steps.push({ job: id, name, outcome: 'skipped' });
      continue;
    }
    const files = commandFiles(folder, i);
    const env = { ...environment, ...resolve(step.env, scope) };
    const ok = await (step.run === undefined
      ? runAction(step, resolve(step.with, scope), workspace, run, record)
      : runScript(
          step,
          workflow,
          interpolate(step.run, scope),
          { ...run.machine, ...githubVariables(run, workspace), ...env, ...files },
          workspace,
          record,
        ));
    record.summary.push(readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8'));
    environment = { ...environment, ...readPairs(files.GITHUB_ENV) };
    if (step.id !== undefined) outputs[step.id] = { outputs: readPairs(files.GITHUB_OUTPUT) };
    record.steps.push({ job: id, name, outcome: ok ? 'success' : 'failure' });
    failed ||= !ok;
  }
  const scope = { ...contexts, env: environment, steps: outputs };
  return { outcome: failed ? 'failure' : 'success', outputs: resolve(job.outputs, scope) };
}

function githubVariables({ github }: WorkflowRun, workspace: string): Variables {
  const named = Object.entries(github).map(([name, value]) => [`GITHUB_${name.toUpperCase()}`, value]);
  return { ...Object.fromEntries(named), GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: workspace, CI: 'true' };
}

function commandFiles(folder: string, step: number) {
  const file = (name: string) => {
    const path = join(folder, `${name}-${step}`);
    writeFileSync(path, '');
    return path;
  };
  return { GITHUB_ENV: file('env'), GITHUB_OUTPUT: file('output'), GITHUB_STEP_SUMMARY: file('summary') };
}

/** `name=value` and `name<<DELIMITER` lines. */
function readPairs(path: string): Variables {
  const text = readFileSync(path, 'utf8');
  const pairs = text.matchAll(/^(\w[\w-]*)(?:=(.*)|<<(\S+)\n([\s\S]*?)\n\3)$/gm);
  return Object.fromEntries([...pairs].map(([, name = '', value, , block]) => [name, value ?? block ?? '']));
}

async function runAction(
  step: Step,
  inputs: Variables,
  workspace: string,
  run: WorkflowRun,
  record: Recording,
): Promise<boolean> {
  const name = (step.uses ?? '').replace(/@.*$/, '');
  const action = run.actions[name];
  if (action === undefined) throw new Error(`No stand-in for ${name}`);
  try {
    await action({ with: inputs, workspace });
    return true;
  } catch (error) {
    record.log.push(`${(error as Error).message}\n`);
    return false;
  }
}

async function runScript(
  step: Step,
  workflow: Workflow,
  script: string,
  env: Variables,
  workspace: string,
  record: Recording,
): Promise<boolean> {
  const shell = step.shell ?? workflow.defaults?.run?.shell;
  // Without a name GitHub runs `bash -e`, with it `bash --noprofile --norc -eo pipefail`.
  const options = shell === 'bash' ? ['--noprofile', '--norc', '-eo', 'pipefail'] : ['-e'];
  const file = join(workspace, '..', 'script.sh');
  writeFileSync(file, script);
  const { all, exitCode } = await execa('bash', [...options, file], {
    cwd: workspace,
    extendEnv: false,
    env,
    input: '',
    all: true,
    reject: false,
    stripFinalNewline: false,
    timeout: 120_000,
  });
  for (const line of all.split('\n')) {
    const [, value] = /^\s*::add-mask::(.+)$/.exec(line) ?? [];
    if (value !== undefined) record.masks.push(value.replaceAll('%0A', '\n').replaceAll('%25', '%'));
  }
  // The runner takes its commands out of the log.
  record.log.push(all.replaceAll(/^\s*::add-mask::.*\n?/gm, ''));
  return exitCode === 0;
}

function masked(log: string, masks: readonly string[]): string {
  return masks.reduce((text, mask) => text.replaceAll(mask, '***'), log);
}
