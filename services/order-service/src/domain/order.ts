/**
 * Orders, and the store that the use cases need.
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
  /** Absent where the client said nothing. */
  readonly note?: string;
}

/** `local`: on this replica's disk. `log`: acknowledged by the log, too. */
export type WriteConcern = 'local' | 'log';

/** The order is stored, now or earlier, but not as sure as the client asked for; `cause` says what is missing. */
export class OrderStoredOnly extends Error {
  readonly order: Order;
  /** With which a later read sees it. */
  readonly token: string | undefined;

  constructor(order: Order, cause: Error & { readonly token?: string | undefined }) {
    super(cause.message, { cause });
    this.order = order;
    this.token = cause.token;
  }
}

/** A place in a user's list of orders. */
export interface OrderPlace {
  readonly createdAt: string;
  readonly id: string;
}

/** A page of a user's orders. The texts are made where the rows are: nothing on the way takes them apart. */
export interface OrderPage {
  /** A JSON array of `Order`. */
  readonly json: string;
  /** Place of the last one, while there are more. */
  readonly next: OrderPlace | undefined;
  /** Makes a later read see at least this, and includes what was given; empty where there is nothing to name. */
  readonly token: string;
}

/**
 * Where orders are kept: each replica's own SQLite (`replicated-orders.ts`), or one PostgreSQL that all share
 * (`shared-orders.ts`). One conformance suite says what both must do; routes and use cases do not know which it is.
 */
export interface OrderStore {
  /**
   * Stores an order unless one with its id is shown already, and answers with the one that is there then, as sure as
   * `concern` asks, and the token with which a later read sees it. `mayExist` says that the id may have been stored
   * before, here or elsewhere: worth a look first, at what `token` names at least. It is safe either way, and to be called
   * at the same time.
   * `traceParent` goes along with the order to whoever it is handed on to, and is not stored.
   * @throws OrderStoredOnly when it is stored, but the log has not acknowledged it in time.
   */
  insert(
    order: Order,
    options: {
      concern: WriteConcern;
      mayExist: boolean;
      token?: string | undefined;
      traceParent?: string | undefined;
    },
  ): Promise<{ order: Order; token: string }>;
  /** Orders of a user by createdAt, then orderId, after a place; sees at least what `token` names. */
  list(request: {
    userId: string;
    after: OrderPlace | undefined;
    limit: number;
    token: string | undefined;
  }): Promise<OrderPage>;
  /** One order of a user as JSON; sees at least what `token` names. The answer's token is as a list's. */
  find(request: {
    userId: string;
    orderId: string;
    token: string | undefined;
  }): Promise<{ json: string; token: string } | undefined>;
}
