/**
 * What an append may hold: rows of one run, each right behind the one before it, and the first right behind one that was
 * in the log. A log without losses then shows every run in its order.
 */
import type { LoggedRows } from './ledger.ts';
import type { Violation } from './violation.ts';

/** Place of a row; undefined for what is no genuine event. */
type Place = { readonly origin: string; readonly seq: number } | undefined;

/** I4, for what one machine sends. `everLogged`: every row that the log held before. */
export function checkAppend(
  places: readonly Place[],
  { machine, everLogged }: { readonly machine: string; readonly everLogged: LoggedRows },
): Violation[] {
  const [first] = places;
  const isInOrder = places.every(
    (place, i) => place && place.origin === first?.origin && place.seq === first.seq + i,
  );
  if (!isInOrder) {
    const told = places.map((place) => (place ? `${place.origin}:${place.seq}` : 'no event'));
    return [{ rule: 'I4', what: `${machine}: it publishes out of order: ${told.join(', ')}` }];
  }
  if (!first || first.seq === 1 || everLogged.get(first.origin)?.has(first.seq - 1)) return [];
  return [
    {
      rule: 'I4',
      what: `${machine}: it publishes row ${first.seq} of ${first.origin}, and the one before was never in the log`,
    },
  ];
}
