/**
 * Every measure of the bench, in the order of the table.
 */
import type { BenchGround } from './bench-ground.ts';
import type { Measured } from './bench-row.ts';
import { measureApply } from './measures/apply.ts';
import { measureCluster } from './measures/cluster.ts';
import { measureCost } from './measures/cost.ts';
import { measureGateway } from './measures/gateway.ts';
import { measureGrowth } from './measures/growth.ts';
import { measureLag } from './measures/lag.ts';
import { measureLarge } from './measures/large.ts';
import { measureReadPath } from './measures/read-path.ts';
import { measureWritePath } from './measures/write-path.ts';

/** One measure: it may yield several rows. */
export interface Measure {
  /** What `--only` takes. */
  readonly name: string;
  readonly run: (ground: BenchGround) => Promise<readonly Measured[]>;
}

/** The table. */
export const measures: readonly Measure[] = [
  { name: 'write-path', run: measureWritePath },
  { name: 'read-path', run: measureReadPath },
  { name: 'cluster', run: measureCluster },
  { name: 'lag', run: measureLag },
  { name: 'apply', run: measureApply },
  { name: 'large', run: measureLarge },
  { name: 'growth', run: measureGrowth },
  { name: 'cost', run: measureCost },
  { name: 'gateway', run: measureGateway },
];
