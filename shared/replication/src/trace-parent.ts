/**
 * Where a write belongs in its client's trace: the `traceparent` of W3C Trace Context, as far as it is passed on.
 *
 * It goes with a row from the request into the event's header of the same name, for those who follow a trace through
 * the topic. It is in memory only and no link covers it, so it proves nothing; a row that is published from the table
 * (after a restart, or after a backlog that memory does not hold) goes without it.
 */

/** 55 characters; all zeros and version ff are invalid by the standard. */
const FORM = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What a client sent, where it has the form of the standard; anything else is left out, as the standard says. */
export function traceParentOf(given: string | undefined): string | undefined {
  return given !== undefined && FORM.test(given) ? given : undefined;
}
