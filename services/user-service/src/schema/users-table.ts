/**
 * The users table: its definition and every query on it.
 *
 * Implements the domain's `UserStore`. Driver errors end here: their messages repeat the statement with its
 * values, and those hold password hashes.
 */

import {
  EmailTakenError,
  type NewUser,
  type User,
  type UserPlace,
  type UserStore,
  UserStoreError,
} from '../domain/user.ts';
import type { Knex } from './users-database.ts';

interface UserRow {
  user_id: string;
  email: string;
  name: string;
  password_hash: string;
  created_at: string;
}

const VISIBLE = ['user_id', 'email', 'name', 'created_at'] as const;

/** SQLite's result codes by what they mean to a caller; all others are `failed`. */
const REASONS: Record<string, 'full' | 'busy'> = {
  SQLITE_FULL: 'full',
  SQLITE_BUSY: 'busy',
  SQLITE_LOCKED: 'busy',
};

/** Creates the table where it is missing and returns the store on it. */
export async function createUsersTable(database: Knex): Promise<UserStore> {
  // NOCASE knows ASCII only; so do the emails that we accept.
  await database.raw(`
    CREATE TABLE IF NOT EXISTS users (
      user_id TEXT PRIMARY KEY,
      email TEXT NOT NULL COLLATE NOCASE UNIQUE,
      name TEXT NOT NULL,
      password_hash TEXT NOT NULL,
      created_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`);
  await database.raw('CREATE INDEX IF NOT EXISTS users_by_age ON users (created_at, user_id)');
  return new UsersTable(database);
}

class UsersTable implements UserStore {
  readonly #database: Knex;

  constructor(database: Knex) {
    this.#database = database;
  }

  async insert(user: NewUser): Promise<void> {
    const row: UserRow = {
      user_id: user.userId,
      email: user.email,
      name: user.name,
      password_hash: user.passwordHash,
      created_at: user.createdAt,
    };
    await translated(() => this.#users().insert(row));
  }

  async hasEmail(email: string): Promise<boolean> {
    const row = await translated(() => this.#users().where('email', email).first('user_id'));
    return row !== undefined;
  }

  async find(userId: string): Promise<User | undefined> {
    const row = await translated(() =>
      this.#users()
        .where('user_id', userId)
        .first(...VISIBLE),
    );
    return row === undefined ? undefined : toUser(row);
  }

  async list(options: { limit: number; after: UserPlace | undefined }): Promise<User[]> {
    const { limit, after } = options;
    const rows = await translated(() => {
      const query = this.#users()
        .select(...VISIBLE)
        .orderBy(['created_at', 'user_id'])
        .limit(limit);
      return after === undefined
        ? query
        : query.whereRaw('(created_at, user_id) > (?, ?)', [after.createdAt, after.id]);
    });
    return rows.map(toUser);
  }

  #users() {
    return this.#database<UserRow>('users');
  }
}

function toUser(row: Omit<UserRow, 'password_hash'>): User {
  return { userId: row.user_id, email: row.email, name: row.name, createdAt: row.created_at };
}

async function translated<T>(query: () => PromiseLike<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    const code = errorCode(error);
    if (code === 'SQLITE_CONSTRAINT' && String(error).includes('users.email')) throw new EmailTakenError();
    throw new UserStoreError({ reason: REASONS[code] ?? 'failed', code });
  }
}

/**
 * A primary result code, which is safe to show: drivers differ in whether they add a detail to it
 * (`SQLITE_CONSTRAINT_UNIQUE`). The pool's timeout has none and means that the connection is in use.
 */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error.name === 'KnexTimeoutError') return 'SQLITE_BUSY';
  if (!('code' in error) || typeof error.code !== 'string') return error.name;
  return error.code.split('_').slice(0, 2).join('_');
}
