/**
 * Consistency tokens: `<origin>:<seq>`, comma-joined. A token names writes that a later read must include.
 */
import { ReplicationError } from './errors.ts';
import { isOrigin } from './origin.ts';

/** Origins with the seq that a reader wants to see. */
export type Token = ReadonlyMap<string, number>;

/** The most entries that a token may have. */
export const MAX_TOKEN_ENTRIES = 64;

/** Writes a token for one write. */
export function formatToken(origin: string, seq: number): string {
  return `${origin}:${seq}`;
}

/** Writes a token; empty for one without entries. */
export function joinToken(token: Token): string {
  return [...token].map(([origin, seq]) => formatToken(origin, seq)).join(',');
}

/** A token that includes what each of them includes. */
export function mergeTokens(...tokens: readonly (Token | undefined)[]): Token {
  const merged = new Map<string, number>();
  for (const token of tokens) {
    for (const [origin, seq] of token ?? []) merged.set(origin, Math.max(seq, merged.get(origin) ?? 0));
  }
  return merged;
}

/**
 * Reads a token; of two entries for one origin the higher counts.
 * @throws `malformed-token` with the entry that is wrong.
 */
export function parseToken(text: string): Token {
  const token = new Map<string, number>();
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.length > MAX_TOKEN_ENTRIES) {
    throw malformed(`it has ${entries.length} entries, ${MAX_TOKEN_ENTRIES} are allowed`);
  }
  for (const entry of entries) {
    const colon = entry.lastIndexOf(':');
    const origin = entry.slice(0, Math.max(colon, 0));
    const seq = entry.slice(colon + 1);
    if (!isOrigin(origin) || !/^[1-9][0-9]{0,14}$/.test(seq)) {
      throw malformed(`'${entry.slice(0, 120)}' is not <origin>:<seq>`);
    }
    token.set(origin, Math.max(Number(seq), token.get(origin) ?? 0));
  }
  return token;
}

function malformed(what: string): ReplicationError {
  return new ReplicationError({
    code: 'malformed-token',
    message: `The Consistency-Token cannot be read: ${what}.`,
    hint: 'Send back the tokens of earlier answers unchanged, joined by commas.',
  });
}
