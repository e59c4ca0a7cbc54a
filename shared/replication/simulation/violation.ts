/**
 * A violation: an invariant that did not hold.
 *
 *   I1 acknowledged and lost, or twice      I6 replicas differ, or rows and chains do
 *   I2 never attempted, or not as written   I7 a read went back or missed its write
 *   I3 no prefix, or rows and seq differ    I8 refused, but stored
 *   I4 `published`, but not in the log      I9 not quiet in time
 *   I5 an offset passed without a reason    I10 a process had to end
 */

/** Names of the invariants that are judged; I11 is judged by whether the faults took hold. */
export type Rule = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10';

/** What did not hold, in words. */
export interface Violation {
  readonly rule: Rule;
  readonly what: string;
}
