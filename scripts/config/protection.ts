// Takes the configuration and --confirm; refuses to change a protected environment by accident. Pure.

import { MigrateError } from '../base/errors.ts';
import type { Config } from './config.ts';

export interface ConfirmFlags {
  readonly confirm?: string;
  readonly dryRun?: boolean;
}

/** `production` always, and whatever db/config.json lists under `protected`. */
export function isProtected({ project }: Config, environment: string): boolean {
  return environment === 'production' || (project.protected ?? []).includes(environment);
}

/**
 * For commands that take something back or rewrite history; with --dry-run only a wrong name is refused.
 * @throws MigrateError `refused` without --confirm in a protected environment, or with the name of another one anywhere
 */
export function refuseUnconfirmed(config: Config, { confirm, dryRun }: ConfirmFlags): void {
  const { environmentName: name, command } = config;
  if (confirm === name) return;
  if (confirm === undefined && (dryRun || !isProtected(config, name))) return;
  const message =
    confirm === undefined
      ? `${name} is protected: ${command} needs --confirm ${name}`
      : `--confirm says ${confirm}, and MIGRATE_ENV is ${name}`;
  throw new MigrateError('refused', message, {
    hint: `If you are sure: npm run migrate -- ${command} … --confirm ${name} (with make: confirm=${name})`,
    state: 'Nothing was changed.',
  });
}
