/**
 * What differs between two replicas, down to the row: origins that one lacks, rows that one lacks at the end of an
 * origin, and the first row at which two histories of one origin part.
 */
import type { ProbedVector, ReplicaProbe } from './replica-probe.ts';

/** A replica with a name for the lines. */
export interface NamedProbe {
  readonly name: string;
  readonly probe: Pick<ReplicaProbe, 'vector' | 'change'>;
}

/** Lines printed for one pair of replicas at most. */
const MAX_LINES = 20;

/** Describes what differs between `a` and `b`; empty when their vectors are equal. */
export async function describeDifferences(a: NamedProbe, b: NamedProbe): Promise<string[]> {
  const [ofA, ofB] = await Promise.all([a.probe.vector(), b.probe.vector()]);
  const origins = [...new Set([...Object.keys(ofA), ...Object.keys(ofB)])].sort();
  const lines: string[] = [];
  for (const origin of origins) {
    if (lines.length >= MAX_LINES) return [...lines, 'and more'];
    lines.push(...(await originDifferences(origin, { a, b, ofA, ofB })));
  }
  return lines;
}

async function originDifferences(
  origin: string,
  { a, b, ofA, ofB }: { a: NamedProbe; b: NamedProbe; ofA: ProbedVector; ofB: ProbedVector },
): Promise<string[]> {
  const endA = ofA[origin]?.seq ?? 0;
  const endB = ofB[origin]?.seq ?? 0;
  const common = Math.min(endA, endB);
  const parts = await firstDifference(origin, { a, b, ofA, ofB, common });
  if (parts !== undefined) {
    const [rowA, rowB] = await Promise.all([rowText(a, origin, parts), rowText(b, origin, parts)]);
    return [`${origin}: row ${parts} differs: ${a.name} has ${rowA}, ${b.name} has ${rowB}`];
  }
  if (endA === endB) return [];
  const [longer, shorter] = endA > endB ? [a, b] : [b, a];
  const first = await rowText(longer, origin, common + 1);
  const range =
    Math.max(endA, endB) === common + 1 ? `row ${common + 1}` : `rows ${common + 1}..${Math.max(endA, endB)}`;
  return [`${origin}: ${shorter.name} lacks ${range}, which ${longer.name} holds; the first is ${first}`];
}

/** The first row in which the common part differs, found by halving: links cover everything before them. */
async function firstDifference(
  origin: string,
  {
    a,
    b,
    ofA,
    ofB,
    common,
  }: { a: NamedProbe; b: NamedProbe; ofA: ProbedVector; ofB: ProbedVector; common: number },
): Promise<number | undefined> {
  const linkAt = async (side: NamedProbe, vector: ProbedVector, seq: number): Promise<string | undefined> =>
    vector[origin]?.seq === seq ? vector[origin].chain : (await side.probe.change(origin, seq))?.chain;
  const differs = async (seq: number): Promise<boolean> => {
    const [linkA, linkB] = await Promise.all([linkAt(a, ofA, seq), linkAt(b, ofB, seq)]);
    // What a replica does not show yet (its own rows before they are published) cannot be held against it.
    return linkA !== undefined && linkB !== undefined && linkA !== linkB;
  };
  if (common === 0 || !(await differs(common))) return undefined;
  let [low, high] = [1, common];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await differs(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function rowText(side: NamedProbe, origin: string, seq: number): Promise<string> {
  const change = await side.probe.change(origin, seq);
  if (!change) return 'not published yet';
  return `${change.table} ${Buffer.from(change.value, 'base64').toString('utf8').slice(0, 300)}`;
}
