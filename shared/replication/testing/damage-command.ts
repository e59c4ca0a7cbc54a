/**
 * `pnpm damage --files N --seed S`: damages N databases in seeded ways and judges what becomes of each.
 */
import { parseArgs } from 'node:util';
import { runDamageTrials } from './damage-run.ts';

const { values } = parseArgs({
  options: { files: { type: 'string', default: '1000' }, seed: { type: 'string', default: '0' } },
});
const begunAt = performance.now();
let done = 0;
const { problems, summary } = await runDamageTrials({
  files: Number(values.files),
  seed: Number(values.seed),
  done: () => {
    done += 1;
    if (done % 50 === 0) console.log(`${done} of ${values.files}`);
  },
});
for (const problem of problems) console.log(problem);
console.log(
  `${summary}; ${problems.length} problems (${((performance.now() - begunAt) / 1000).toFixed(0)} s)`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
