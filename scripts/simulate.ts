/**
 * `pnpm simulate`: whole clusters of replicas under faults, in histories that a seed decides.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import {
  drawPlan,
  type HistoryResult,
  MAX_SEEDS,
  type Plan,
  plantedBugs,
  runAlone,
  runCampaign,
  searchBug,
  shrinkPlan,
} from '@dbsync/replication/simulation';

/** Failed seeds of one run that are made smaller; what is wrong with more is most often the same. */
const MAX_SHRUNK = 3;

const HELP = `pnpm simulate: whole clusters of replicas under faults, in histories that a seed decides

  --seed N         first seed (default 1)
  --histories M    how many seeds from there on (default 500; the long run is 20000)
  --trace          prints everything that happens in the history of --seed
  --plan FILE      runs the plan in FILE (a file of regression-seeds) instead of a seed
  --shrink         makes the plan of --seed smaller as long as it fails, and prints both; done by itself for the first
                   ${MAX_SHRUNK} seeds that fail
  --bugs           looks for a seed that catches each planted bug: the one in the file of --report first, where there is
                   one, then the first of ${MAX_SEEDS}
  --workers W      processes (default: one a core)
  --report FILE    writes the report, or the seeds of --bugs, as JSON
  --help           this text

exit: 0 all passed, 1 something failed or a fault did not take hold, 2 wrong usage`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      histories: { type: 'string', default: '500' },
      trace: { type: 'boolean', default: false },
      plan: { type: 'string' },
      shrink: { type: 'boolean', default: false },
      bugs: { type: 'boolean', default: false },
      workers: { type: 'string', default: String(availableParallelism()) },
      report: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(HELP);
    return 0;
  }
  const [firstSeed, histories, workers] = [values.seed, values.histories, values.workers].map(wholeNumber);
  if (!firstSeed || !histories || !workers)
    throw new Error('--seed, --histories and --workers are whole numbers from 1 on');
  if (values.bugs) return findBugs(workers, values.report);
  if (values.plan !== undefined) {
    const { plan } = JSON.parse(readFileSync(values.plan, 'utf8')) as { plan: Plan };
    return tell(await runAlone({ plan, isTraced: values.trace }));
  }
  if (values.trace) return tell(await runAlone({ seed: values.seed, isTraced: true }));
  if (values.shrink) return shrink(values.seed);
  return campaign({ firstSeed, histories, workers, report: values.report });
}

async function campaign(options: {
  firstSeed: number;
  histories: number;
  workers: number;
  report: string | undefined;
}): Promise<number> {
  const startedMs = performance.now();
  let saidAtMs = startedMs;
  let bad = 0;
  const report = await runCampaign({
    ...options,
    ended: (result, done) => {
      if (result.verdict !== 'passed') {
        bad += 1;
        tell(result);
      }
      if (performance.now() - saidAtMs < 5000) return;
      saidAtMs = performance.now();
      const perSecond = (done / (saidAtMs - startedMs)) * 1000;
      say(`${done} of ${options.histories} histories, ${bad} bad, ${perSecond.toFixed(1)} a second`);
    },
  });
  if (options.report !== undefined) writeFileSync(options.report, `${JSON.stringify(report, null, 2)}\n`);
  for (const { seed } of report.failed.slice(0, MAX_SHRUNK)) await shrink(seed);
  const { passed, failed, inconclusive, rows, operations, fewest, longestDrainMs, tookMs } = report;
  say(`faults that took hold: ${JSON.stringify(report.faults)}`);
  say(`crashes by place: ${JSON.stringify(report.crashes)}`);
  say(
    `${operations} operations, ${rows.attempted} rows attempted, ${rows.acknowledged} acknowledged, ${rows.excused} lost with their last copy`,
  );
  say(
    `at least ${fewest.operations} operations and ${fewest.faults} faults a history; quiet within ${longestDrainMs} simulated ms`,
  );
  const verdict = passed === report.histories ? 'passed' : 'FAILED';
  say(
    `${verdict}: ${passed} of ${report.histories} histories passed, ${failed.length} failed, ${inconclusive.length} inconclusive, seeds ${options.firstSeed} to ${options.firstSeed + options.histories - 1}, ${Math.round(tookMs / 1000)} s`,
  );
  return passed === report.histories ? 0 : 1;
}

function tell({ seed, verdict, violations, faults, fingerprint }: HistoryResult): number {
  say(`seed ${seed}: ${verdict} (fingerprint ${fingerprint})`);
  if (verdict === 'passed') return 0;
  for (const { rule, what } of violations) say(`  ${rule}: ${what}`);
  for (const { kind, effect } of faults) say(`  fault ${kind}: ${effect ?? 'DID NOT TAKE HOLD'}`);
  return 1;
}

async function shrink(seed: string): Promise<number> {
  const failure = await runAlone({ seed });
  if (tell(failure) === 0) return 0;
  const drawn = drawPlan(seed);
  say(`the plan of seed ${seed}:`);
  say(JSON.stringify({ plan: drawn }));
  const { plan, runs } = await shrinkPlan(drawn, failure, (smaller) => runAlone({ plan: smaller }));
  say(
    `after ${runs} histories: ${plan.faults.length} of ${drawn.faults.length} faults and ${plan.operations.length} of ${drawn.operations.length} operations are left:`,
  );
  say(JSON.stringify({ plan }));
  return 1;
}

async function findBugs(workers: number, report: string | undefined): Promise<number> {
  const found: Record<string, string> = {};
  // A seed that caught it before often still does, and its neighbours were looked at then.
  const before = report !== undefined && existsSync(report) ? readFileSync(report, 'utf8') : '{}';
  const known = JSON.parse(before) as Record<string, string>;
  for (const { name } of plantedBugs) {
    const { caught, tried } = await searchBug(name, { workers, first: known[name] });
    const [first] = caught?.violations ?? [];
    if (!caught) say(`${name}: NOT CAUGHT by ${tried} seeds`);
    else if ((await runAlone({ seed: caught.seed })).verdict !== 'passed')
      say(`${name}: seed ${caught.seed} fails without it, too`);
    else {
      found[name] = caught.seed;
      say(`${name}: seed ${caught.seed}, ${first?.rule}: ${first?.what}`);
    }
  }
  const count = Object.keys(found).length;
  if (report !== undefined) writeFileSync(report, `${JSON.stringify(found, null, 2)}\n`);
  say(`${count} of ${plantedBugs.length} planted bugs caught within ${MAX_SEEDS} seeds`);
  return count === plantedBugs.length ? 0 : 1;
}

function wholeNumber(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  },
);
