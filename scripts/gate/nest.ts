// Takes the gate's options; gives a NestJS module that lets an application start, or turn ready, only on the right schema.
// NestJS is loaded only by the application itself: nothing here needs it but for types and the default logger.
import type {
  DynamicModule,
  InjectionToken,
  ModuleMetadata,
  OptionalFactoryDependency,
} from '@nestjs/common';
import { undisturbing } from '../base/logger.ts';
import { number, type Shapes } from '../base/options.ts';
import { assertSchema, checkSchema, type GateLogger, type GateOptions, type SchemaState } from './gate.ts';
import { gateShapes, refuseWrongOptions } from './gate-options.ts';

export interface MigrationGateOptions extends GateOptions {
  /**
   * What a database that is behind, modified or of another environment means: `refuse` (the default) ends the start with
   * the reason; `not-ready` starts, and the health indicator says down until the migrations have run.
   */
  readonly onMismatch?: 'refuse' | 'not-ready';
  /** How long a good answer of the health indicator is kept, in ms; a bad one never is. 30 s if left out. */
  readonly keepMs?: number;
}

const onMismatch = {
  fits: (value: unknown) => value === 'refuse' || value === 'not-ready',
  words: "'refuse' or 'not-ready'",
};
const moduleShapes: Shapes = { ...gateShapes, onMismatch, keepMs: number };

export interface MigrationGateAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  readonly inject?: readonly (InjectionToken | OptionalFactoryDependency)[];
  // biome-ignore lint/suspicious/noExplicitAny: what is injected is the application's to say
  readonly useFactory: (...injected: any[]) => MigrationGateOptions | Promise<MigrationGateOptions>;
}

/** A result as @nestjs/terminus (11 or newer) reads it. */
export type MigrationHealth = Readonly<
  Record<string, { readonly status: 'up' | 'down'; readonly message: string }>
>;

/** For readiness probes; injectable wherever the module is imported. */
export class MigrationHealthIndicator {
  #good: { readonly state: SchemaState; readonly until: number } | null = null;

  constructor(private readonly options: MigrationGateOptions) {}

  /** Never rejects: a database that cannot be asked is down. @param key the name in Terminus's answer */
  async check(key = 'migrations'): Promise<MigrationHealth> {
    try {
      const { ready, message } = await this.state();
      return { [key]: { status: ready ? 'up' : 'down', message } };
    } catch (error) {
      return { [key]: { status: 'down', message: (error as Error).message } };
    }
  }

  /** What the gate sees now, or saw less than `keepMs` ago when that was good. */
  async state(): Promise<SchemaState> {
    if (this.#good !== null && this.#good.until > Date.now()) return this.#good.state;
    const { onMismatch: _, keepMs = 30_000, ...options } = this.options;
    const state = await checkSchema(options);
    this.#good = state.ready ? { state, until: Date.now() + keepMs } : null;
    return state;
  }
}

const optionsToken = Symbol('MigrationGateOptions');

/** Import it in the root module: `MigrationGateModule.forRoot()`. NestJS wants a class. */
// biome-ignore lint/complexity/noStaticOnlyClass: a dynamic module is named by a class
export class MigrationGateModule {
  static forRoot(options: MigrationGateOptions = {}): DynamicModule {
    return gateModule({ useFactory: () => options });
  }

  /** With what only the application's container has, such as its pool or DataSource. */
  static forRootAsync(options: MigrationGateAsyncOptions): DynamicModule {
    return gateModule(options);
  }
}

/** Outside of the class: one that names itself is renamed by the build, and NestJS's log would show that name. */
function gateModule({ imports, inject, useFactory }: MigrationGateAsyncOptions): DynamicModule {
  return {
    module: MigrationGateModule,
    global: true,
    imports: imports ?? [],
    providers: [
      { provide: optionsToken, inject: [...(inject ?? [])], useFactory },
      { provide: MigrationHealthIndicator, inject: [optionsToken], useFactory: openGate },
    ],
    exports: [MigrationHealthIndicator],
  };
}

/** NestJS awaits this before it creates the application: nothing of it runs, no port is opened, when it rejects. */
async function openGate(options: MigrationGateOptions): Promise<MigrationHealthIndicator> {
  refuseWrongOptions('MigrationGateModule', options, moduleShapes);
  const logger = undisturbing(options.logger ?? (await nestLogger()));
  const { onMismatch: meaning, keepMs: _, ...gate } = options;
  const indicator = new MigrationHealthIndicator({ ...options, logger });
  if (meaning !== 'not-ready') {
    await assertSchema({ ...gate, logger });
    return indicator;
  }
  const { migrations } = await indicator.check();
  if (migrations?.status === 'up') logger.log(migrations.message);
  else logger.warn(`Not ready: ${migrations?.message}`);
  return indicator;
}

async function nestLogger(): Promise<GateLogger> {
  const { Logger } = await import('@nestjs/common');
  return new Logger('MigrationGate');
}
