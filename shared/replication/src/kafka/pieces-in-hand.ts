/**
 * Pieces in hand: what was fetched and waits to be taken, in order, one at a time. It lets the next answer of the
 * broker be fetched and decoded while the last one is being stored; how many may wait is the reader's to say.
 */
import type { LogRead } from '../change-log.ts';

/** Hands pieces on. */
export class PiecesInHand {
  readonly #take: (piece: LogRead) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  #waiting: LogRead[] = [];
  #taking: Promise<void> | undefined;
  #isOver = false;
  #changed = Promise.withResolvers<void>();

  /** `take` takes one piece and seeks where its answer says so; `failed` is told of what it throws, and no other follows. */
  constructor(options: { take: (piece: LogRead) => Promise<void>; failed: (error: unknown) => void }) {
    this.#take = options.take;
    this.#failed = options.failed;
  }

  /** Pieces that wait or are being taken. */
  get count(): number {
    return this.#waiting.length + (this.#taking ? 1 : 0);
  }

  /** Adds pieces behind those that wait. */
  add(...pieces: readonly LogRead[]): void {
    if (this.#isOver || pieces.length === 0) return;
    this.#waiting.push(...pieces);
    this.#taking ??= this.#takeAll();
  }

  /** Lets go of what waits of a partition: it is fetched again, from elsewhere. */
  drop(partition: number): void {
    this.#waiting = this.#waiting.filter((piece) => piece.partition !== partition);
    this.#tell();
  }

  /** Resolves when the next piece was taken or let go of; at once where there is none. */
  async oneLess(): Promise<void> {
    if (this.count > 0) await this.#changed.promise;
  }

  /** Lets go of everything; resolves when the piece that is being taken is taken. Not to be awaited by a take. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#waiting = [];
    this.#tell();
    await this.#taking;
  }

  async #takeAll(): Promise<void> {
    try {
      for (let piece = this.#waiting.shift(); piece; piece = this.#waiting.shift()) {
        const [following] = this.#waiting;
        await this.#take(following ? { ...piece, ahead: following.records } : piece);
        if (this.#waiting.length > 0) this.#tell();
      }
    } catch (error) {
      this.#isOver = true;
      this.#waiting = [];
      this.#failed(error);
    } finally {
      this.#taking = undefined;
      this.#tell();
    }
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
