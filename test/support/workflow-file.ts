// Takes a workflow file; gives its jobs and steps as data, and its scripts. It runs nothing.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export type Variables = Record<string, string>;

export interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly with?: Variables;
  readonly run?: string;
  readonly shell?: string;
  readonly env?: Variables;
}

export interface Job {
  readonly needs?: string | readonly string[];
  readonly if?: string;
  readonly env?: Variables;
  readonly outputs?: Variables;
  readonly services?: Readonly<Record<string, { readonly image: string; readonly env?: Variables }>>;
  readonly environment?: string;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly env?: Variables;
  readonly defaults?: { readonly run?: { readonly shell?: string } };
  readonly jobs: Readonly<Record<string, Job>>;
}

export function readWorkflow(path: string): Workflow {
  return parse(readFileSync(path, 'utf8')) as Workflow;
}

/** All `run:` texts with where they stand, expressions replaced by a harmless word, for a syntax check. */
export function runBlocks(workflow: Workflow): { where: string; script: string }[] {
  return Object.entries(workflow.jobs).flatMap(([job, { steps = [] }]) =>
    steps.flatMap(({ run, name }, i) =>
      run === undefined
        ? []
        : [
            {
              where: `${job}, ${name ?? `step ${i + 1}`}`,
              script: run.replaceAll(/\$\{\{.*?\}\}/gs, 'expression'),
            },
          ],
    ),
  );
}
