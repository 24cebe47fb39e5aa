// Takes what a plan makes and drops; gives what of it stands on views, though it is of a kind that tables may stand on: it comes
// after the tables with the views, and goes with them. Pure.
import { groupBy, type Item, type Model } from '../render/model.ts';

import type { Piece } from '../render/order.ts';
import { ranks } from '../render/tables.ts';
import { parentOf } from '../sql.ts';
import { namesIn } from './named.ts';
import { waitsForParent } from './partitions.ts';
import { type ChangePlan, type Drop, mentions } from './plan.ts';

const identityOf = (key: string) => key.slice(key.indexOf(' ') + 1);

/** A body that the server has read; empty of a routine whose body is a text. */
function bodyRead({ parts }: Item): string {
  const body = parts.get('body') ?? '';
  return /^(?:BEGIN ATOMIC|RETURN )/.test(body) ? body : '';
}

/** What the server holds a routine to: its signature, and a body that it has read. */
function signatureOf(routine: Item): string {
  const { identity, parts } = routine;
  return [identity, parts.get('arguments'), parts.get('returns'), bodyRead(routine)].join('\n');
}

/** Whether a routine may read a column that is not the same in both schemas, of a table that is in both. */
function readsColumns(
  { differences, from, to }: ChangePlan,
  routine: Item,
  except: 'added' | 'removed',
): boolean {
  const body = bodyRead(routine);
  return differences.some(({ kind, change, identity }) => {
    if (body === '' || kind !== 'column' || change === except) return false;
    const table = parentOf(identity);
    return [from, to].every((model) => model.find('relation', table) !== undefined) && mentions(body, table);
  });
}

/** Whether it makes a routine that may read a column which comes, and that no statement on a table calls. */
function waitsForColumns(plan: ChangePlan, { key }: Piece): boolean {
  const routine = key.startsWith('routine ') ? plan.to.find('routine', identityOf(key)) : undefined;
  if (routine === undefined || !readsColumns(plan, routine, 'removed')) return false;
  return !plan.alters.some(({ sql }) => mentions(sql, identityOf(key)));
}

/** The text in which another object is named that must be there. */
function needingText(model: Model, { key, sql }: Piece): string {
  const routine = key.startsWith('routine ') ? model.find('routine', identityOf(key)) : undefined;
  return routine === undefined ? sql : signatureOf(routine);
}

/** Keys of the pieces that come after all changes of tables: what stands on tables, and what stands on that. */
export function madeLate(plan: ChangePlan, creates: readonly Piece[]): ReadonlySet<string> {
  const late = new Set(
    creates
      .filter(
        (piece) => piece.rank > ranks.table || waitsForParent(plan, piece) || waitsForColumns(plan, piece),
      )
      .map(({ key }) => key),
  );
  const keys = creates.map(({ key }) => key).filter((key) => /^(relation|routine|aggregate|type) /.test(key));
  const byName = groupBy(keys, identityOf);
  const found = namesIn([...byName.keys()]);
  for (const piece of creates) {
    if (late.has(piece.key)) continue;
    const names = found(needingText(plan.to, piece)).flatMap((name) => byName.get(name) ?? []);
    if (names.some((key) => late.has(key))) late.add(piece.key);
  }
  return late;
}

/** Whether a routine takes or gives rows of a view that goes, or is a statement over it, or over a column that goes. */
export function goesWithViews(plan: ChangePlan, { key }: Drop): boolean {
  const routine = key.startsWith('routine ') ? plan.from.find('routine', identityOf(key)) : undefined;
  if (routine === undefined) return false;
  if (readsColumns(plan, routine, 'added')) return true;
  const text = signatureOf(routine);
  return plan.drops.some(({ rank, key: other }) => rank === ranks.view && mentions(text, identityOf(other)));
}
