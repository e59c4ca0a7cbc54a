/**
 * What the supervisor of a hurt cluster says: all of it goes to the run's log, and a process that ended by itself
 * breaks a promise: nobody but the faults ends one, and they end replicas only, by SIGKILL or by asking for it.
 */
import type { Report, ServiceLine } from '../cluster/cluster-options.ts';
import type { Violations } from '../judge/violations.ts';

const endedByItself =
  /^(?:order-\d+ ended unexpectedly \((?!SIGKILL)|(?:gateway|user-service) ended unexpectedly)/;

/** Listeners for a cluster. */
export function watchSupervisor({
  onLogLine = () => undefined,
  violations,
}: {
  readonly onLogLine: ((line: string) => void) | undefined;
  readonly violations: Violations;
}): { onLine(line: ServiceLine): void; onReport(report: Report): void } {
  return {
    onLine: ({ source, text }) => onLogLine(`${source} ${text}`),
    onReport: ({ level, message }) => {
      onLogLine(`supervisor ${level} ${message}`);
      if (endedByItself.test(message)) violations.add('I10', 'ended by itself', message);
    },
  };
}
