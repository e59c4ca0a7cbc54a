/**
 * What a user is, and what the use cases need of the place that keeps users and of the one that has orders.
 *
 * The words of the domain: the use cases speak them, schema/ and orders/ implement the two ports, routes/
 * translate the errors. Nothing in here knows SQL or HTTP.
 */

/** A registered user, as far as everybody may see it. */
export interface User {
  /** UUIDv7, so that users sort by the time they registered. */
  userId: string;
  /** As the user wrote it; compared without regard to case. */
  email: string;
  name: string;
  /** ISO 8601, UTC, milliseconds. */
  createdAt: string;
}

/** A user to be stored, with the only form in which a password is ever kept. */
export interface NewUser extends User {
  /** PHC string of argon2id. */
  passwordHash: string;
}

/** A place in the list of users, which is sorted by `createdAt`, then `userId`. */
export interface UserPlace {
  createdAt: string;
  id: string;
}

/** Where users are kept. Its errors are `EmailTakenError` and `UserStoreError`. */
export interface UserStore {
  /** Stores a user durably. @throws EmailTakenError when the email is in use, whatever its case. */
  insert(user: NewUser): Promise<void>;
  hasEmail(email: string): Promise<boolean>;
  find(userId: string): Promise<User | undefined>;
  /** At most `limit` users after `after`, in the order of the list. */
  list(options: { limit: number; after: UserPlace | undefined }): Promise<User[]>;
}

/** An order as the order replicas show it. */
export interface Order {
  orderId: string;
  userId: string;
  productId: string;
  quantity: number;
  unitPrice: number;
  totalPrice: number;
  createdAt: string;
  note?: string | undefined;
}

/** The first orders of a user. */
export interface UserOrders {
  orders: Order[];
  /** Path of the rest, or null when this is all. */
  ordersNext: string | null;
  /** The replica that answered. */
  servedBy: string;
  /** What a later read must send along to see at least this. */
  consistencyToken: string | undefined;
}

/** Whose orders are read, and what the client said besides. */
export interface OrderQuery {
  readonly userId: string;
  readonly consistencyToken: string | undefined;
  readonly traceParent?: string | undefined;
}

/** Where orders are read. */
export interface OrderSource {
  /**
   * The first orders of a user, or undefined when no replica answers.
   *
   * @param query.consistencyToken writes that the answer must show, as the client sent it.
   * @param query.traceParent the client's place in a trace, as it was sent.
   */
  read(query: OrderQuery): Promise<UserOrders | undefined>;
}

/** The email belongs to somebody already. */
export class EmailTakenError extends Error {
  constructor() {
    super('the email is taken');
    this.name = 'EmailTakenError';
  }
}

/** There is no such user. */
export class UserNotFoundError extends Error {
  constructor() {
    super('there is no such user');
    this.name = 'UserNotFoundError';
  }
}

/**
 * The store could not do what it was asked to. `full` (no room on the disk) and `busy` (somebody else holds the
 * file) pass by themselves or with an operator's help; `failed` is everything else.
 */
export class UserStoreError extends Error {
  readonly reason: 'full' | 'busy' | 'failed';

  constructor(options: { reason: 'full' | 'busy' | 'failed'; code: string }) {
    super(`the users cannot be reached (${options.code})`);
    this.name = 'UserStoreError';
    this.reason = options.reason;
  }
}
