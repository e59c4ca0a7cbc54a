/**
 * `pnpm check`: types, lint and format, dead code, import direction; all of them, even when one fails.
 */
import { ownChecks, runChecks } from '@dbsync/infra';

process.exitCode = await runChecks({
  steps: ownChecks(),
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
});
