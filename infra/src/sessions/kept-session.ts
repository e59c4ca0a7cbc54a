/**
 * What a client keeps of its session between two requests, and sends back with the next one.
 */

/** `cookie`: like a browser or curl with a jar, it knows of no token. `header`: it sends back the last token. */
export type SessionMode = 'cookie' | 'header';

/** A session as its client keeps it. */
export class KeptSession {
  /** Longest token or cookie that was given, in characters. */
  longest = 0;
  readonly #mode: SessionMode;
  #kept = '';

  constructor(mode: SessionMode) {
    this.#mode = mode;
  }

  /** What goes with a request. */
  headers(): Record<string, string> {
    if (this.#kept === '') return {};
    return this.#mode === 'cookie' ? { cookie: this.#kept } : { 'consistency-token': this.#kept };
  }

  /** Keeps what an answer gave. */
  keep(headers: Headers): void {
    if (this.#mode === 'header') this.#kept = headers.get('consistency-token') ?? this.#kept;
    else for (const cookie of headers.getSetCookie()) this.#kept = cookie.split(';')[0] ?? '';
    this.longest = Math.max(this.longest, this.#kept.length);
  }
}
