/**
 * A fault under way: injected, and sooner or later seen to take hold; or not, and then the history proves nothing.
 */
import type { Fault as PlannedFault } from './plan.ts';

/** One fault of a history. */
export class FaultUnderWay {
  readonly planned: PlannedFault;
  /** What it did, once that was seen. */
  effect: string | undefined;

  constructor(planned: PlannedFault) {
    this.planned = planned;
  }

  /** It was seen to take hold; the first effect counts. */
  held(effect: string): void {
    this.effect ??= effect;
  }
}
