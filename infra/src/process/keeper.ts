/**
 * Keeps one process going: when it dies, it is begun again after a pause that doubles, 250 ms up to 5 s.
 *
 *   idle -> running -> waiting -> running …      by death and by the end of the pause
 *   any of them -> held down -> running          by takeDown() and restart()
 *   any of them -> stopping -> stopped           by stop()
 *
 * A life that lasted longer than ten seconds counts as healthy, and the next pause is short again. What a life
 * is, a service or the broker, the caller says in `begin`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { errorText } from '../infra-error.ts';

/** The slice of a process that keeping needs; `Life` fits as it is. */
export interface KeptLife {
  readonly pid: number | null;
  readonly ended: Promise<string>;
  signal(name: NodeJS.Signals): void;
  stop(graceMs: number): Promise<void>;
}

/** What to keep. */
export interface KeeperOptions {
  readonly name: string;
  /** Begins a life. What it throws counts as a death, except at the very first time. */
  readonly begin: () => Promise<KeptLife>;
  /** False: a death is reported and that is all. */
  readonly isRestarting: boolean;
  /** Grace between SIGTERM and SIGKILL when it is stopped. */
  readonly stopGraceMs: number;
  /** Called at each death that nobody asked for, with a sentence. */
  readonly onDeath: (sentence: string) => void;
  /** Called whenever the pid has changed. */
  readonly onChange: () => void;
}

const firstPauseMs = 250;
const longestPauseMs = 5000;
const healthyAfterMs = 10_000;

/** Keeps one process going. */
export class Keeper {
  readonly name: string;
  readonly #options: KeeperOptions;
  readonly #stopping = new AbortController();
  #life: KeptLife | null = null;
  #loop: Promise<void> = Promise.resolve();
  #deaths = 0;
  #isAskedToEnd = false;
  #isHeldDown = false;
  /** Aborted to cut a pause short. */
  #hurry = new AbortController();

  constructor(options: KeeperOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Pid of the present life; null while there is none. */
  get pid(): number | null {
    return this.#life?.pid ?? null;
  }

  /** Deaths that nobody asked for, so far. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Begins the first life. Throws what `begin` throws. */
  async start(): Promise<void> {
    await this.#begin();
    this.#loop = this.#keep();
  }

  /** Sends a signal to the present life; a death from it counts as one that nobody asked for. */
  kill(signal: NodeJS.Signals): void {
    this.#life?.signal(signal);
  }

  /**
   * Ends the present life in order; the next one begins at once, also where deaths are not answered. Where there
   * is no present life, one is begun, and the pause before it is cut short.
   */
  async restart(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    if (this.#life !== null) {
      this.#isAskedToEnd = true;
      await this.#life.stop(this.#options.stopGraceMs);
    } else if (!this.#options.isRestarting || this.#isHeldDown) {
      this.#isHeldDown = false;
      await this.start();
    } else {
      this.#hurry.abort();
    }
  }

  /**
   * Ends the present life, in order by SIGTERM or at once by SIGKILL, and begins none before `restart()`; resolves
   * when it is gone.
   */
  async takeDown(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isHeldDown = true;
    if (signal === 'SIGTERM') await this.#life?.stop(this.#options.stopGraceMs);
    else this.#life?.signal(signal);
    await this.#loop;
  }

  /** Ends it for good; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#life?.stop(this.#options.stopGraceMs);
    await this.#loop;
  }

  /** SIGKILL for good; resolves when it is gone. */
  async stopAtOnce(): Promise<void> {
    this.#stopping.abort();
    this.#life?.signal('SIGKILL');
    await this.#loop;
  }

  async #keep(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (this.#life !== null) {
      const begun = performance.now();
      const how = await this.#life.ended;
      this.#setLife(null);
      if (this.#isOver) return;
      if (this.#isAskedToEnd) {
        this.#isAskedToEnd = false;
        pauseMs = 0;
      } else {
        this.#deaths += 1;
        if (performance.now() - begun > healthyAfterMs) pauseMs = firstPauseMs;
        this.#options.onDeath(this.#deathSentence(how, pauseMs));
        if (!this.#options.isRestarting) return;
      }
      pauseMs = await this.#beginAfter(pauseMs);
    }
  }

  /** Pauses and begins, again and again until it succeeds or is stopped; returns the next pause. */
  async #beginAfter(firstMs: number): Promise<number> {
    let pauseMs = firstMs;
    for (;;) {
      this.#hurry = new AbortController();
      const signal = AbortSignal.any([this.#stopping.signal, this.#hurry.signal]);
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
      if (this.#isOver) return pauseMs;
      pauseMs = Math.min(longestPauseMs, Math.max(firstPauseMs, pauseMs * 2));
      try {
        await this.#begin();
        return pauseMs;
      } catch (error) {
        if (this.#isOver) return pauseMs;
        this.#options.onDeath(`${this.name} does not come back: ${errorText(error)}; trying again.`);
      }
    }
  }

  async #begin(): Promise<void> {
    const life = await this.#options.begin();
    this.#setLife(life);
    // Asked to end while it was being born: the caller of stop() or takeDown() saw no life to end.
    if (this.#isOver) await life.stop(this.#options.stopGraceMs);
  }

  /** No further life is to begin. */
  get #isOver(): boolean {
    return this.#stopping.signal.aborted || this.#isHeldDown;
  }

  #setLife(life: KeptLife | null): void {
    this.#life = life;
    this.#options.onChange();
  }

  #deathSentence(how: string, pauseMs: number): string {
    const next = this.#options.isRestarting ? `starting it again in ${pauseMs} ms` : 'it stays down';
    return `${this.name} ended unexpectedly (${how}); ${next}.`;
  }
}
