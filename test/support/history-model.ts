// A plain model of files and of what a database must hold of them: which tokens were written, which migrations count,
// which stopped half-way, and how each command must end. It knows nothing of SQL or of the tool.
import { type Line, lostTable, runLines, type Script, sameLine, sameLines } from './history-scripts.ts';

export interface Pair {
  readonly up: Script;
  readonly down: Script;
}

export interface Half {
  readonly id: string;
  readonly direction: 'up' | 'down';
  /** Lines that ran, in order. */
  readonly done: readonly Line[];
  /** Of a batch: the key up to which it is done; null for what ran statement by statement. */
  readonly position: number | null;
  /** The pair as the attempt saw it. */
  readonly pair: Pair;
}

/** How far a batch came is the database's to say: the tokens are known when the position is. */
interface Unknown {
  readonly token: string;
  readonly from: number;
  /** A key that it cannot have reached. */
  readonly below: number;
}

/** What is compared with the database. */
export interface Found {
  readonly log: readonly string[];
  readonly tracked: readonly string[];
  readonly half: readonly string[];
  /** Of the journal's batch. */
  readonly position: number | null;
}

export interface UpOptions {
  readonly count?: number;
  readonly to?: string;
  readonly outOfOrder?: boolean;
  readonly together?: boolean;
  readonly afterDeploy?: boolean;
  readonly killed?: boolean;
}

export interface DownOptions {
  readonly count?: number;
  /** Everything newer than this one; empty for all. */
  readonly to?: string;
  readonly fromDisk?: boolean;
  readonly killed?: boolean;
}

/** Exit codes by name. */
export const exit = {
  ok: 0,
  usage: 2,
  failed: 3,
  history: 4,
  drift: 5,
  refused: 7,
  pending: 10,
  killed: 137,
} as const;

/** Thrown where the run of a model is cut off. */
class CutOff extends Error {}

/** The keys that batches walk along: 1 to this. */
export const lastKey = 12;

export class HistoryModel {
  readonly files = new Map<string, Pair>();
  readonly applied = new Map<string, Pair>();
  half: Half | null = null;
  unknown: Unknown | null = null;
  /** Somebody changed the schema by hand. */
  drifted = false;
  /** A run was cut off or stopped half-way since the schema was last looked at. */
  unsettled = false;
  /** Rows of the table that deferred constraints look at. */
  parents: ReadonlySet<string> = new Set();
  /** Everything that was written and kept, in order: token and what was set then. */
  log: readonly string[] = [];
  /** How many commits are left until the run is cut off. */
  commits = Number.POSITIVE_INFINITY;

  clone(): HistoryModel {
    const copy = new HistoryModel();
    for (const [id, pair] of this.files) copy.files.set(id, pair);
    for (const [id, pair] of this.applied) copy.applied.set(id, pair);
    return Object.assign(copy, {
      half: this.half,
      unknown: this.unknown,
      drifted: this.drifted,
      unsettled: this.unsettled,
      parents: this.parents,
      log: this.log,
    });
  }

  /** Every state in which the command may have been cut off, the last one being its end. */
  cutOffs(command: (model: HistoryModel) => number): HistoryModel[] {
    const states: HistoryModel[] = [];
    for (let commits = 0; ; commits += 1) {
      const copy = this.clone();
      copy.commits = commits;
      states.push(copy);
      try {
        command(copy);
        return states;
      } catch (error) {
        if (!(error instanceof CutOff)) throw error;
      }
    }
  }

  /** Called where something is about to be committed. */
  commit(): void {
    if (this.commits === 0) throw new CutOff();
    this.commits -= 1;
  }

  /** Takes over what only the database knows; false where it cannot be. */
  learn({ position }: Found): boolean {
    if (this.unknown === null || this.half === null) return true;
    const { token, from, below } = this.unknown;
    const reached = position ?? 0;
    if (reached < from || reached >= below) return false;
    this.writeKeys(token, from, reached);
    this.half = { ...this.half, position: reached };
    this.unknown = null;
    return true;
  }

  /** What the database must hold. */
  expected(): Found {
    const { half } = this;
    const done = half === null ? [] : [`${half.id} ${half.direction} ${half.done.length}`];
    return {
      log: this.log,
      tracked: [...this.applied.keys()].sort(),
      half: done,
      position: half?.position ? half.position : null,
    };
  }

  ids(): string[] {
    return [...this.files.keys()].sort();
  }

  newestApplied(): string | undefined {
    return [...this.applied.keys()].sort().at(-1);
  }

  /** What is wrong with each migration, as the history check calls it. */
  states(): Map<string, string> {
    const newest = this.newestApplied() ?? '';
    const states = new Map<string, string>();
    for (const id of new Set([
      ...this.files.keys(),
      ...this.applied.keys(),
      ...(this.half ? [this.half.id] : []),
    ])) {
      const file = this.files.get(id);
      const recorded = this.applied.get(id);
      if (this.half?.id === id) states.set(id, 'partial');
      else if (recorded === undefined) states.set(id, id < newest ? 'out of order' : 'pending');
      else if (file === undefined) states.set(id, this.twinOf(id) ? 'renamed' : 'missing');
      else if (!sameLines(file.up, recorded.up)) states.set(id, 'modified');
      else states.set(id, sameLines(file.down, recorded.down) ? 'applied' : 'modified down');
    }
    return this.withAhead(states);
  }

  withAhead(states: Map<string, string>): Map<string, string> {
    const newest = this.ids().at(-1);
    if (newest === undefined || this.ids().some((id) => states.get(id) !== 'applied')) return states;
    const missing = [...states].filter(([, state]) => state === 'missing').map(([id]) => id);
    if (missing.some((id) => id < newest)) return states;
    for (const id of missing) states.set(id, 'ahead');
    return states;
  }

  /** The one unapplied file that says what the applied, missing one said. */
  twinOf(id: string): string | undefined {
    const recorded = this.applied.get(id);
    if (recorded === undefined || this.files.has(id)) return undefined;
    const twins = this.ids().filter((other) => {
      const file = this.files.get(other);
      return !this.applied.has(other) && file !== undefined && sameLines(file.up, recorded.up);
    });
    return twins.length === 1 ? twins[0] : undefined;
  }

  broken(tolerated: readonly string[]): boolean {
    const states = this.states();
    const twins = new Set([...this.applied.keys()].map((id) => this.twinOf(id)));
    return [...states].some(
      ([id, state]) =>
        !['applied', 'pending', 'partial', 'ahead', ...tolerated].includes(state) &&
        // The pending half of a renamed pair is told with the applied half.
        !(twins.has(id) && !this.applied.has(id)),
    );
  }

  /** True where no `up` or `down` can finish what is half done. */
  stuck(): boolean {
    return this.half?.direction === 'up' && !this.files.has(this.half.id);
  }

  up({ count, to, outOfOrder, together, afterDeploy, killed }: UpOptions): number {
    if (this.broken(outOfOrder ? ['out of order'] : [])) return exit.history;
    if (this.drifted) return exit.drift;
    const pending = this.ids().filter((id) => !this.applied.has(id));
    const begun = pending.filter((id) => id === this.half?.id && this.half.direction === 'up');
    const order = [...begun, ...pending.filter((id) => !begun.includes(id))];
    const chosen = order.filter((id) => to === undefined || id <= to).slice(0, count);
    const waits = (id: string) => !afterDeploy && this.files.get(id)?.up.afterDeploy === true;
    const first = chosen.findIndex(waits);
    const now = first === -1 ? chosen : chosen.slice(0, first);
    const blocked =
      first !== -1 && chosen.slice(first).some((id) => this.files.get(id)?.up.afterDeploy !== true);
    const scripts = now.map((id) => (this.files.get(id) as Pair).up);
    const isOutside = now.some((id, i) => id === this.half?.id || scripts[i]?.mode !== 'inside');
    if (together && isOutside) return exit.usage;
    if (this.half !== null && !(this.half.direction === 'up' && now.includes(this.half.id)))
      return exit.history;
    const code = together ? this.runTogether(scripts) : this.runUps(now, killed ?? false);
    if (code !== exit.ok) return code;
    for (const id of together ? now : []) this.applied.set(id, this.files.get(id) as Pair);
    return blocked ? exit.pending : exit.ok;
  }

  runUps(ids: readonly string[], killed: boolean): number {
    for (const id of ids) {
      const pair = this.files.get(id) as Pair;
      const code = this.runScript(id, 'up', pair.up, pair, killed);
      if (code !== exit.ok) return code;
    }
    return exit.ok;
  }

  down({ count, to, fromDisk, killed }: DownOptions): number {
    if (this.broken(['missing', 'renamed', 'out of order', 'modified down'])) return exit.history;
    if (this.drifted) return exit.drift;
    if (to !== undefined && to !== '' && !this.applied.has(to)) return exit.usage;
    const applied = [...this.applied.keys()].sort().reverse();
    const begun = applied.filter((id) => id === this.half?.id && this.half.direction === 'down');
    const order = [...begun, ...applied.filter((id) => !begun.includes(id))];
    const ids = to === undefined ? order.slice(0, count ?? 1) : order.filter((id) => id > to);
    if (this.half !== null && !(this.half.direction === 'down' && ids.includes(this.half.id)))
      return exit.history;
    const steps = ids.map((id) => {
      const recorded = this.applied.get(id) as Pair;
      const file = this.files.get(id);
      return { id, recorded, script: fromDisk && file !== undefined ? file.down : recorded.down };
    });
    if (steps.some(({ script }) => script.irreversible)) return exit.refused;
    for (const { id, recorded, script } of steps) {
      const code = this.runScript(id, 'down', script, recorded, killed ?? false);
      if (code !== exit.ok) return code;
    }
    return exit.ok;
  }

  redo(): number {
    const id = this.newestApplied();
    const others = [...this.states()].filter(([other]) => other !== id);
    if (this.broken(['modified', 'modified down', 'out of order'])) return exit.history;
    if (this.drifted) return exit.drift;
    if (this.half !== null) return exit.history;
    if (others.some(([, state]) => state === 'modified' || state === 'modified down')) return exit.history;
    if (id === undefined) return exit.ok;
    const pair = this.files.get(id);
    // A database that is ahead of the files: the newest is not here.
    if (pair === undefined) return exit.history;
    if (pair.up.mode !== 'inside' || pair.down.mode !== 'inside' || pair.down.irreversible)
      return exit.refused;
    const code = this.runTogether([pair.down, pair.up]);
    if (code === exit.ok) this.applied.set(id, pair);
    return code;
  }

  resolve(id: string, state: 'applied' | 'pending'): number {
    if (this.half?.id !== id) return exit.usage;
    const pair = this.applied.get(id) ?? this.files.get(id) ?? this.half.pair;
    if (state === 'applied') this.applied.set(id, pair);
    else this.applied.delete(id);
    this.half = null;
    this.drifted = false;
    return exit.ok;
  }

  record(id: string, state: 'applied' | 'pending'): number {
    if (this.half?.id === id) return exit.usage;
    if (this.applied.has(id) === (state === 'applied')) return exit.usage;
    if (state === 'pending') this.applied.delete(id);
    else this.applied.set(id, this.files.get(id) as Pair);
    this.drifted = false;
    return exit.ok;
  }

  accept(id: string, side: 'up' | 'down'): number {
    const file = this.files.get(id);
    const recorded = this.applied.get(id);
    if (file === undefined || recorded === undefined || this.half?.id === id) return exit.usage;
    if (sameLines(file[side], recorded[side])) return exit.usage;
    this.applied.set(id, { ...recorded, [side]: file[side] });
    return exit.ok;
  }

  forget(id: string): number {
    if (this.files.has(id) || (!this.applied.has(id) && this.half?.id !== id)) return exit.usage;
    this.applied.delete(id);
    if (this.half?.id === id) this.half = null;
    return exit.ok;
  }

  /** The remedy of a renamed pair. */
  followRename(id: string): number {
    const twin = this.twinOf(id) ?? '';
    this.applied.delete(id);
    this.applied.set(twin, this.files.get(twin) as Pair);
    this.drifted = false;
    return exit.ok;
  }

  baseline(to: string): number {
    if (this.half !== null || this.broken(['out of order'])) return exit.history;
    const items = this.ids().filter((id) => id.slice(0, 14) <= to.slice(0, 14) && !this.applied.has(id));
    const beyond = [...this.applied.keys()].some((id) => id.slice(0, 14) > to.slice(0, 14));
    if (items.length > 0 && beyond) return exit.history;
    for (const id of items) this.applied.set(id, this.files.get(id) as Pair);
    return exit.ok;
  }

  /** Scripts that share a transaction: all of them or none. */
  runTogether(scripts: readonly Script[]): number {
    if (scripts.slice(0, -1).some(({ lines }) => lines.some(({ kind }) => kind === 'immediate')))
      return exit.refused;
    let parents = this.parents;
    const written: string[] = [];
    for (const script of scripts) {
      const ran = runLines(script.lines, { inside: true, parents });
      if (ran.failed) return exit.failed;
      parents = ran.parents;
      written.push(...ran.written);
    }
    if (scripts.length > 0) this.commit();
    this.keep(written, parents);
    return exit.ok;
  }

  /** Runs what is left of a script, records it, and says how that ends. */
  runScript(id: string, direction: 'up' | 'down', script: Script, pair: Pair, killed: boolean): number {
    const resumed = this.half?.id === id ? this.half : null;
    if (resumed === null && script.mode === 'inside') {
      const ran = runLines(script.lines, { inside: true, parents: this.parents, killed });
      if (ran.failed) return exit.failed;
      if (ran.killed) return exit.killed;
      this.commit();
      this.keep(ran.written, ran.parents);
      return this.recordScript(id, direction, pair);
    }
    if (this.refusesToResume(script, resumed)) return exit.history;
    const code =
      script.mode === 'batch'
        ? this.runBatch(id, direction, script, pair, killed)
        : this.runOutside(id, direction, script, pair, killed);
    if (code !== exit.ok) return code;
    this.commit();
    this.half = null;
    return this.recordScript(id, direction, pair);
  }

  recordScript(id: string, direction: 'up' | 'down', pair: Pair): number {
    if (direction === 'up') this.applied.set(id, pair);
    else this.applied.delete(id);
    return exit.ok;
  }

  /** True where what ran of it and what the file says now do not fit together. */
  refusesToResume({ mode, lines }: Script, resumed: Half | null): boolean {
    if (resumed === null) return false;
    const { done, position } = resumed;
    if (mode === 'batch' && position === null && done.length > 0) return true;
    if (mode !== 'batch' && position !== null && position > 0 && done.length === 0) return true;
    if (mode === 'batch') return false;
    if (done.some((line, i) => !sameLine(line, lines[i]))) return true;
    const left = lines.slice(done.length);
    const local = left.some(({ kind }) => kind === 'local' || kind === 'immediate');
    return (mode === 'inside' && local) || lostTable(lines, done.length);
  }

  runOutside(id: string, direction: 'up' | 'down', script: Script, pair: Pair, killed: boolean): number {
    const resumed = this.half?.id === id ? this.half : null;
    const begun = resumed?.done.length ?? 0;
    for (let i = begun; i < script.lines.length; i += 1) {
      this.commit();
      const position = this.half?.position ?? null;
      this.half = {
        id,
        direction,
        done: script.lines.slice(0, i),
        position: i === 0 ? null : position,
        pair,
      };
      const ran = runLines(script.lines.slice(0, i + 1), {
        inside: false,
        parents: this.parents,
        killed,
        from: i,
      });
      if (ran.failed || ran.killed) return ran.failed ? exit.failed : exit.killed;
      this.commit();
      this.half = { ...this.half, done: script.lines.slice(0, i + 1) };
      this.keep(ran.written, ran.parents);
    }
    return exit.ok;
  }

  runBatch(
    id: string,
    direction: 'up' | 'down',
    { lines: [line] }: Script,
    pair: Pair,
    killed: boolean,
  ): number {
    const { token = '', at, gate } = line ?? {};
    const resumed = this.half?.id === id ? this.half : null;
    if (resumed !== null && resumed.done.length > 0) return exit.ok;
    const from = resumed?.position ?? 0;
    const ahead = (key: number | undefined) => (key !== undefined && key > from ? key : lastKey + 1);
    const stop = Math.min(ahead(at), killed ? ahead(gate) : lastKey + 1);
    if (resumed?.position == null) {
      this.commit();
      this.half = { id, direction, done: [], position: 0, pair };
    }
    if (stop <= lastKey) {
      this.unknown = { token, from, below: stop };
      // Of two in one range the smaller key comes first.
      return stop === ahead(at) ? exit.failed : exit.killed;
    }
    if (this.commits !== Number.POSITIVE_INFINITY) this.unknown = { token, from, below: lastKey + 1 };
    this.commit();
    this.unknown = null;
    this.writeKeys(token, from, lastKey);
    this.half = { ...(this.half as Half), position: lastKey, done: line === undefined ? [] : [line] };
    return exit.ok;
  }

  writeKeys(token: string, from: number, to: number): void {
    const keys = Array.from({ length: to - from }, (_, i) => `${token}.${from + i + 1}/@`);
    this.log = [...this.log, ...keys];
  }

  keep(written: readonly string[], parents: ReadonlySet<string>): void {
    this.log = [...this.log, ...written];
    this.parents = parents;
  }
}

/** Gives a model the state of another. */
export function takeOver(
  model: HistoryModel,
  { applied, half, unknown, drifted, unsettled, parents, log }: HistoryModel,
): void {
  Object.assign(model, { half, unknown, drifted, unsettled, parents, log });
  model.applied.clear();
  for (const [id, pair] of applied) model.applied.set(id, pair);
}
