/**
 * What the express app and the HTTP server in front of it have to know of each other.
 *
 * The server marks the app as stopping, which turns its readiness off; the app lends the server the headers that
 * every answer carries, for answers that are given before express sees the request. Kept beside the app, so
 * that neither has to own the other.
 */
import type { Express } from 'express';

interface AppState {
  headers: Readonly<Record<string, string>>;
  /** Largest request body, in bytes; the default where absent. */
  maxBodyBytes?: number | undefined;
  stopping: boolean;
}

const states = new WeakMap<object, AppState>();

/** The state of an app; an app that `createServiceApp` did not make gets an empty one. */
export function appState(app: object): AppState {
  let state = states.get(app);
  if (state === undefined) {
    state = { headers: {}, stopping: false };
    states.set(app, state);
  }
  return state;
}

/** Turns the app's readiness off for good; the first step of every stop. Idempotent. */
export function beginStopping(app: Express): void {
  appState(app).stopping = true;
}
