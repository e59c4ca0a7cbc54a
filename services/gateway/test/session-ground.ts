/**
 * What tests of sessions share: clients that keep cookies, and what replicas answer and announce.
 */
import { sendJson } from '@dbsync/balancing/testing';
import type { RunningGateway } from './running-gateway.ts';

/** A client with a cookie jar that knows nothing of tokens. */
export function jar(url: string) {
  let cookie = '';
  return {
    cookie: () => cookie,
    ask: async (path = '/order-service/ada/orders', init: RequestInit = {}) => {
      const headers = { ...(init.headers as Record<string, string>), ...(cookie === '' ? {} : { cookie }) };
      const answer = await fetch(`${url}${path}`, { ...init, headers });
      for (const set of answer.headers.getSetCookie()) cookie = set.split(';')[0] ?? '';
      return answer;
    },
  };
}

/** What every replica answers from now on. */
export function answers(running: RunningGateway, token: string, status = 200): void {
  for (const replica of running.replicas) {
    replica.answer = (_req, res) =>
      sendJson(res, status, [], token === '' ? {} : { 'Consistency-Token': token });
  }
}

/** The token that came with the last request to anybody. */
export const lastToken = ({ replicas, users }: RunningGateway): string | string[] | undefined =>
  [...replicas, users].flatMap(({ requests }) => requests).at(-1)?.headers['consistency-token'];

/** What every replica announces to hold. */
export function everybodyHolds(running: RunningGateway, vector: Record<string, number>): void {
  for (const replica of running.replicas) {
    replica.known = { ...replica.known, vector: new Map(Object.entries(vector)) };
  }
}
