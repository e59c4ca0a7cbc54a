/**
 * The requests that the tests send most, and the shape of their answers.
 */
import { expect } from 'vitest';

/** What a placed order looks like to a client. */
export interface OrderAnswer {
  orderId: string;
  userId: string;
  productId: string;
  quantity: number;
  unitPrice: number;
  totalPrice: number;
  createdAt: string;
}

/** RFC 9457 problem details as they arrive. */
export interface ProblemAnswer {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  errors?: { path: string; message: string }[];
}

/** A command that is fine. */
export const pens = { productId: 'pen', quantity: 3, unitPrice: 250 };

/** Longest wait for an answer, in milliseconds. */
const ANSWER_MS = 15_000;

/** Sends a POST; an object is sent as JSON, a string as it is. */
export function post(
  url: string,
  body: unknown = pens,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
}

/** Places an order that must be accepted. */
export async function place(
  url: string,
  options: { userId?: string; command?: object; headers?: Record<string, string> } = {},
): Promise<{ order: OrderAnswer; token: string; location: string }> {
  const { userId = 'ada', command = pens, headers = {} } = options;
  const answer = await post(`${url}/order-service/${userId}/orders`, command, headers);
  const text = await answer.text();
  expect(answer.status, text).toBe(201);
  return {
    order: JSON.parse(text) as OrderAnswer,
    token: answer.headers.get('Consistency-Token') ?? '',
    location: answer.headers.get('Location') ?? '',
  };
}

/** The JSON body of an answer. */
export async function jsonOf<T = Record<string, unknown>>(
  answering: Promise<Response> | Response,
): Promise<T> {
  return (await answering).json() as Promise<T>;
}

/** A user's orders, which must be there. */
export async function list(
  url: string,
  options: { userId?: string; query?: string; token?: string } = {},
): Promise<{ orders: OrderAnswer[]; next: string | undefined }> {
  const { userId = 'ada', query = '', token } = options;
  const answer = await fetch(`${url}/order-service/${userId}/orders${query}`, {
    headers: token === undefined ? {} : { 'Consistency-Token': token },
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return { orders: JSON.parse(text) as OrderAnswer[], next: nextPage(answer) };
}

/** The address of the next page, if the answer names one. */
function nextPage(answer: Response): string | undefined {
  const link = answer.headers.get('Link');
  if (link === null) return undefined;
  const [, target] = /^<([^>]+)>; rel="next"$/.exec(link) ?? [];
  expect(target, `Link: ${link}`).toBeDefined();
  return target;
}

/** Every answer that is no success must be one of these, and tell nothing about the inside. */
export async function expectProblem(answer: Response, status: number): Promise<ProblemAnswer> {
  const text = await answer.text();
  expect(answer.status, text).toBe(status);
  expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
  expect(answer.headers.get('X-Served-By')).toMatch(/^order-\d$/);
  const problem = JSON.parse(text) as ProblemAnswer;
  expect(problem).toMatchObject({
    type: expect.stringMatching(/^(about:blank|\/problems\/[a-z-]+)$/),
    title: expect.stringMatching(/./),
    status,
    detail: expect.stringMatching(/./),
    instance: new URL(answer.url).pathname,
  });
  const extra = Object.keys(problem).filter(
    (name) => !['type', 'title', 'status', 'detail', 'instance', 'errors'].includes(name),
  );
  expect(extra).toEqual([]);
  expect(text).not.toMatch(INSIDE);
  if (status === 503) expect(answer.headers.get('Retry-After')).toMatch(/^[1-9]\d*$/);
  return problem;
}

/** What no client may see: stack lines, file names, SQL, names of the database's own errors. */
export const INSIDE =
  /\bat .+:\d+:\d+|node_modules|\.ts\b|SQLITE|SELECT |INSERT |replication_|BEGIN IMMEDIATE|\bchain\b.*secret/;
