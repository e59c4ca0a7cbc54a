/**
 * A fault that was not seen to take hold: it proves nothing, so the run is inconclusive.
 */
import { InfraError } from '../infra-error.ts';

/** Says what was seen instead. */
export function notHeld(seen: string): InfraError {
  return new InfraError({
    code: 'not-held',
    message: `A fault did not take hold: ${seen}.`,
    hint: 'Run the same seed again; when it happens again, the fault or its evidence is wrong.',
  });
}
