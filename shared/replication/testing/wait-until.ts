/**
 * Waiting in tests: for a condition, with a deadline that reports the last difference. Never for a time.
 */

/** Resolves with the first answer of `look` that is not undefined; rejects with what `look` last said was wrong. */
export async function waitUntil(
  what: string,
  look: () => boolean | string | Promise<boolean | string>,
  deadlineMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  let last: boolean | string = false;
  do {
    last = await answerOf(look, deadline);
    if (last === true) return;
    await new Promise<void>((resolve) => setTimeout(resolve, 10));
  } while (performance.now() < deadline);
  throw new Error(
    `${what} did not happen within ${deadlineMs} ms${typeof last === 'string' ? `: ${last}` : ''}`,
  );
}

/** What a look says, or that it says nothing before the deadline: it may ask somebody who never answers. */
async function answerOf(
  look: () => boolean | string | Promise<boolean | string>,
  deadline: number,
): Promise<boolean | string> {
  let timer: NodeJS.Timeout | undefined;
  const unanswered = new Promise<string>((resolve) => {
    const leftMs = Math.max(0, deadline - performance.now());
    timer = setTimeout(() => resolve('the last look has not ended'), leftMs);
  });
  try {
    return await Promise.race([look(), unanswered]);
  } finally {
    clearTimeout(timer);
  }
}
