/**
 * Orders, and the store that the use cases need: replicated SQLite here, another one elsewhere.
 */

/** An order as clients see it. */
export interface Order {
  readonly orderId: string;
  readonly userId: string;
  readonly productId: string;
  readonly quantity: number;
  /** Minor units. */
  readonly unitPrice: number;
  /** Minor units: quantity times unit price. */
  readonly totalPrice: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly createdAt: string;
}

/** `local`: on this replica's disk. `log`: acknowledged by the log, too. */
export type WriteConcern = 'local' | 'log';

/** The order is stored, now or earlier, but not as sure as the client asked for; `cause` says what is missing. */
export class OrderStoredOnly extends Error {
  readonly order: Order;

  constructor(order: Order, cause: Error) {
    super(cause.message, { cause });
    this.order = order;
  }
}

/** A place in a user's list of orders. */
export interface OrderPlace {
  readonly createdAt: string;
  readonly id: string;
}

/** Where orders are kept. */
export interface OrderStore {
  /**
   * Stores an order unless one with its id is shown already, and answers with the one that is there then, as sure as
   * `concern` asks, and the token with which a later read sees it. `mayExist` says that the id may have been stored
   * before, here or elsewhere: worth a look first. It is safe either way, and to be called at the same time.
   * @throws OrderStoredOnly when it is stored, but the log has not acknowledged it in time.
   */
  insert(
    order: Order,
    options: { concern: WriteConcern; mayExist: boolean },
  ): Promise<{ order: Order; token: string }>;
  /**
   * Orders of a user by createdAt, then orderId, after a place; sees at least what `token` names. The answer's token
   * makes a later read see at least this, and includes what was given.
   */
  list(request: {
    userId: string;
    after: OrderPlace | undefined;
    limit: number;
    token: string | undefined;
  }): Promise<{ orders: Order[]; token: string }>;
  /** One order of a user; sees at least what `token` names. The answer's token is as a list's. */
  find(request: {
    userId: string;
    orderId: string;
    token: string | undefined;
  }): Promise<{ order: Order; token: string } | undefined>;
}
