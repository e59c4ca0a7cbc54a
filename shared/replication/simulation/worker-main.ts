/**
 * A worker of the simulation: a process of its own that runs one history after another.
 *
 *   argument: the name of a planted bug, or nothing      stdin: one plan or seed a line      stdout: one result a line
 *
 * The library is loaded only after the hooks are in place.
 */
import { createInterface } from 'node:readline';
import { hookModules } from './module-hooks.ts';
import { plantedBugs } from './planted-bugs.ts';
import type { WorkerJob } from './worker-job.ts';

const [, , bugName] = process.argv;
const bug = plantedBugs.find(({ name }) => name === bugName);
if (bugName !== undefined && !bug) throw new Error(`there is no planted bug '${bugName}'`);
hookModules(bug);
const { drawPlan } = await import('./plan.ts');
const { runHistory } = await import('./run-history.ts');
const { chooseSqliteClient } = await import('../src/sqlite-driver.ts');

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line) as WorkerJob;
  const plan = 'seed' in job ? drawPlan(job.seed) : job.plan;
  const print = job.isTraced === true ? (text: string) => void process.stderr.write(text) : undefined;
  chooseSqliteClient(job.sqliteClient ?? 'better-sqlite3');
  const result = await runHistory(plan, print);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
