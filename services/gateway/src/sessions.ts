/**
 * Sessions: what a client has seen, kept by the client itself, so that it never sees less.
 *
 *   header and cookie of the request -> what the answer must include -> the answer's own token added ->
 *   header and cookie of the answer
 *
 * A token names each living run that the client has read from or written to, and each ended run of which some
 * known replica, in balance or not, may still lack rows. What every known replica announces to hold of an ended run
 * is dropped from the client's token and remembered here: should somebody be known again who lacks it, the entry goes
 * along with each request, and is waited for. The bound of a token is therefore the number of living replicas and the
 * runs that ended a moment ago, and `MAX_ENTRIES` in any case; what is remembered here takes less than 64 KiB.
 */
import { isCovering, type KnownReplica } from '@dbsync/balancing';
import { joinToken, mergeTokens, parseToken, runOf, type Token } from '@dbsync/replication';
import type { Request, Response } from 'express';

const COOKIE = 'dbsync-token';
/** Entries that a client is given: 1.7 kB as a rule, 4.3 kB with the longest replica ids. */
const MAX_ENTRIES = 40;
/** Browsers take a cookie of 4096 characters with its name and attributes. */
const MAX_COOKIE_LENGTH = 3_800;
/** A cookie must not hold commas. */
const COOKIE_COMMA = '~';
/** Entries remembered for clients; the earliest runs are forgotten first. */
const MAX_DROPPED = 256;
/** Entries that a replica takes. */
const MAX_SENT = 64;

/** What one request brought along. */
export interface Session {
  readonly token: Token;
  readonly cookie: string | undefined;
}

/** See the head of the file. */
export class Sessions {
  readonly #hasCookie: boolean;
  readonly #known: () => readonly KnownReplica[];
  readonly #dropped = new Map<string, number>();

  /** `known`: everybody who may be asked, in balance or not. */
  constructor(options: { hasCookie: boolean; known: () => readonly KnownReplica[] }) {
    this.#hasCookie = options.hasCookie;
    this.#known = options.known;
  }

  /** Reads header and cookie. @throws `malformed-token` for the header; a cookie that cannot be read is ignored. */
  open(req: Request): Session {
    const header = req.get('Consistency-Token');
    const cookie = this.#hasCookie ? cookieOf(req.headers.cookie) : undefined;
    const fromHeader = header === undefined ? undefined : parseToken(header);
    const fromCookie = cookie === undefined ? undefined : readCookie(cookie);
    return { token: mergeTokens(fromHeader, fromCookie), cookie };
  }

  /** What a replica must hold to answer: the client's token, and what was dropped from it, where that matters. */
  needs({ token }: Session): Token {
    // Who has seen nothing can see nothing go back.
    if (token.size === 0) return token;
    const known = this.#known();
    const missed = [...this.#dropped].filter(
      (entry) => !known.every((replica) => isCovering(replica, new Map([entry]))),
    );
    // Header and cookie together may name more than a replica takes.
    return latest(mergeTokens(token, new Map(missed)), MAX_SENT);
  }

  /** Gives the client what it has seen now: its own token and the answer's. */
  keep(res: Response, session: Session, answered: Token | undefined): void {
    this.#give(res, session, this.#shorten(mergeTokens(session.token, answered)));
  }

  /** A write is gone: the client's token becomes what the replica says is left of what the request needed. */
  replace(res: Response, session: Session, gone: { needed: Token; left: Token | undefined }): void {
    const token = gone.left ?? new Map<string, number>();
    for (const [origin, seq] of gone.needed) {
      // Only what the replica was asked for: its word is about no other entry, and others still need those.
      const isAsked = this.#dropped.get(origin) === seq;
      if (isAsked && (token.get(origin) ?? 0) < seq) this.#dropped.delete(origin);
    }
    this.#give(res, session, token);
  }

  #give(res: Response, { cookie }: Session, token: Token): void {
    if (token.size > 0) res.set('Consistency-Token', joinToken(token));
    if (!this.#hasCookie) return;
    const value = joinToken(token).replaceAll(',', COOKIE_COMMA);
    if (value === (cookie ?? '')) return;
    const age = value === '' ? '; Max-Age=0' : '';
    res.append('Set-Cookie', `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Lax${age}`);
  }

  #shorten(token: Token): Token {
    const known = this.#known();
    const living = new Set(known.map(({ origin }) => origin));
    const kept = new Map<string, number>();
    for (const [origin, seq] of token) {
      const isHeld =
        known.length > 0 &&
        !living.has(origin) &&
        known.every((replica) => (replica.vector.get(origin) ?? 0) >= seq);
      if (isHeld) this.#drop(origin, seq);
      else kept.set(origin, seq);
    }
    return this.#fit(kept);
  }

  /**
   * Past the bound the earliest runs are remembered for the client instead of by it: those that a replica has told of
   * itself. What a client alone says would be waited for in the name of all others, and might never have been.
   */
  #fit(token: Map<string, number>): Token {
    const entries = [...token].sort(byRun);
    while (entries.length > MAX_ENTRIES || joinToken(new Map(entries)).length > MAX_COOKIE_LENGTH) {
      const [earliest] = entries.splice(0, 1);
      if (earliest && this.#isTold(earliest)) this.#drop(...earliest);
    }
    return new Map(entries);
  }

  #isTold([origin, seq]: [string, number]): boolean {
    return this.#known().some(({ vector }) => (vector.get(origin) ?? 0) >= seq);
  }

  #drop(origin: string, seq: number): void {
    this.#dropped.set(origin, Math.max(seq, this.#dropped.get(origin) ?? 0));
    if (this.#dropped.size <= MAX_DROPPED) return;
    const [earliest] = [...this.#dropped].sort(byRun);
    if (earliest) this.#dropped.delete(earliest[0]);
  }
}

/** The entries of the latest runs. */
function latest(token: Token, count: number): Token {
  return token.size <= count ? token : new Map([...token].sort(byRun).slice(-count));
}

function byRun([a]: [string, number], [b]: [string, number]): number {
  return runOf(a) < runOf(b) ? -1 : 1;
}

function cookieOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (pair.slice(0, equals).trim() === COOKIE) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

function readCookie(value: string): Token | undefined {
  try {
    return parseToken(value.replaceAll(COOKIE_COMMA, ','));
  } catch {
    // Not one of ours, or of an earlier build: it says nothing, and the answer replaces it.
    return undefined;
  }
}
