// A plain model of files and of what a database must hold of them: which tokens were written, which migrations count,
// which stopped half-way, and how each command must end. It knows nothing of SQL or of the tool.

/**
 * `insert` writes its token and what is set; `gate` too, where a killed run is killed; `set` sets its token for what
 * follows in the script; `table` changes the schema; `boom` fails.
 */
export interface Line {
  readonly kind: 'insert' | 'gate' | 'set' | 'table' | 'boom';
  readonly token: string;
}

export interface Script {
  readonly outside: boolean;
  readonly lines: readonly Line[];
}

export interface Pair {
  readonly up: Script;
  readonly down: Script;
}

export interface Half {
  readonly id: string;
  readonly direction: 'up' | 'down';
  /** Lines that ran, in order. */
  readonly done: readonly Line[];
  /** The pair as the attempt saw it. */
  readonly pair: Pair;
}

/** Exit codes by name. */
export const exit = { ok: 0, usage: 2, failed: 3, history: 4, refused: 7, pending: 10, killed: 137 } as const;

export class HistoryModel {
  readonly files = new Map<string, Pair>();
  readonly applied = new Map<string, Pair>();
  half: Half | null = null;
  /** Everything that was written and kept, in order: token and what was set then. */
  log: readonly string[] = [];

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

  up({ count, outOfOrder, killed }: { count?: number; outOfOrder?: boolean; killed?: boolean }): number {
    if (this.broken(outOfOrder ? ['out of order'] : [])) return exit.history;
    if (this.half !== null && (this.half.direction === 'down' || this.stuck())) return exit.history;
    const pending = this.ids().filter((id) => !this.applied.has(id));
    const begun = pending.filter((id) => id === this.half?.id);
    const order = [...begun, ...pending.filter((id) => id !== this.half?.id)].slice(0, count);
    for (const id of order) {
      const pair = this.files.get(id) as Pair;
      const code = this.runScript(id, 'up', pair.up, pair, killed ?? false);
      if (code !== exit.ok) return code;
      this.applied.set(id, pair);
    }
    return exit.ok;
  }

  down({ fromDisk, killed }: { fromDisk?: boolean; killed?: boolean }): number {
    if (this.broken(['missing', 'renamed', 'out of order', 'modified down'])) return exit.history;
    if (this.half?.direction === 'up') return exit.history;
    const id = this.half?.id ?? this.newestApplied();
    if (id === undefined) return exit.ok;
    const recorded = this.applied.get(id) as Pair;
    const file = this.files.get(id);
    const script = fromDisk && file !== undefined ? file.down : recorded.down;
    const code = this.runScript(id, 'down', script, recorded, killed ?? false);
    if (code === exit.ok) this.applied.delete(id);
    return code;
  }

  redo(): number {
    const id = this.newestApplied();
    const others = [...this.states()].filter(([other]) => other !== id);
    if (this.broken(['modified', 'modified down', 'out of order']) || this.half !== null) return exit.history;
    if (others.some(([, state]) => state === 'modified' || state === 'modified down')) return exit.history;
    if (id === undefined) return exit.ok;
    const pair = this.files.get(id);
    // A database that is ahead of the files: the newest is not here.
    if (pair === undefined) return exit.history;
    if (pair.up.outside || pair.down.outside) return exit.refused;
    if ([...pair.down.lines, ...pair.up.lines].some(({ kind }) => kind === 'boom')) return exit.failed;
    this.write(pair.down.lines);
    this.write(pair.up.lines);
    this.applied.set(id, pair);
    return exit.ok;
  }

  resolve(id: string, state: 'applied' | 'pending'): number {
    if (this.half?.id !== id) return exit.usage;
    const pair = this.applied.get(id) ?? this.files.get(id) ?? this.half.pair;
    if (state === 'applied') this.applied.set(id, pair);
    else this.applied.delete(id);
    this.half = null;
    return exit.ok;
  }

  forget(id: string): number {
    if (this.files.has(id) || (!this.applied.has(id) && this.half?.id !== id)) return exit.usage;
    this.applied.delete(id);
    if (this.half?.id === id) this.half = null;
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

  /** Runs what is left of a script and says how that ends. */
  runScript(id: string, direction: 'up' | 'down', script: Script, pair: Pair, killed: boolean): number {
    const resumed = this.half?.id === id ? this.half : null;
    const stop = script.lines.findIndex(({ kind }, i) => {
      const ran = i < (resumed?.done.length ?? 0);
      return !ran && (kind === 'boom' || (killed && kind === 'gate'));
    });
    const code = script.lines[stop]?.kind === 'boom' ? exit.failed : exit.killed;
    if (resumed === null && !script.outside) {
      if (stop !== -1) return code;
      this.write(script.lines);
      return exit.ok;
    }
    const done = resumed?.done ?? [];
    if (done.some((line, i) => !sameLine(line, script.lines[i]))) return exit.history;
    const reached = script.lines.slice(0, stop === -1 ? undefined : stop);
    this.write(reached, done.length);
    const attempt = stop === -1 ? resumed : { id, direction, done: reached, pair };
    this.half = stop === -1 ? null : attempt;
    return stop === -1 ? exit.ok : code;
  }

  /** @param done how many of the lines wrote before; what they set counts all the same */
  write(lines: readonly Line[], done = 0): void {
    let setting = '';
    lines.forEach(({ kind, token }, i) => {
      if (kind === 'set') setting = token;
      else if (kind !== 'table' && i >= done) this.log = [...this.log, `${token}/${setting}`];
    });
  }
}

function sameLine(a: Line, b: Line | undefined): boolean {
  return a.kind === b?.kind && a.token === b.token;
}

function sameLines(a: Script, b: Script): boolean {
  return a.lines.length === b.lines.length && a.lines.every((line, i) => sameLine(line, b.lines[i]));
}
