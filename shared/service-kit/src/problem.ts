/**
 * Errors as RFC 9457 problem details: the one shape in which a service says no.
 *
 * Routes and request checks throw a `Problem`; the error middleware of service-app.ts sends it. Domain code
 * throws errors of its own, which the service translates at its edge.
 */
import { STATUS_CODES } from 'node:http';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** One thing that is wrong with a request: where (`quantity`, `items.0.name`, or empty for the whole) and what. */
export interface FieldProblem {
  path: string;
  message: string;
}

/** The members of an error answer's body; `errors` is there for validation only. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  errors?: readonly FieldProblem[];
}

export interface ProblemOptions {
  /** HTTP status, 400..599. */
  status: number;
  /** Short and the same for every occurrence; default: the phrase of the status. */
  title?: string;
  /** URI reference that names the kind of problem; default `about:blank`, which says no more than the status. */
  type?: string;
  /** What went wrong this time and what the client can do about it. */
  detail: string;
  errors?: readonly FieldProblem[];
  /** Sent along with the answer, for example `Retry-After`. */
  headers?: Record<string, string>;
}

/** An error that is meant for the client; everything in it is sent. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly type: string;
  readonly errors: readonly FieldProblem[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(options: ProblemOptions) {
    super(options.detail);
    this.name = 'Problem';
    this.status = options.status;
    this.title = options.title ?? STATUS_CODES[options.status] ?? 'Error';
    this.type = options.type ?? 'about:blank';
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }

  /** The body to send; `instance` is the path that was asked for. */
  toDetails(instance: string): ProblemDetails {
    const details: ProblemDetails = {
      type: this.type,
      title: this.title,
      status: this.status,
      detail: this.message,
      instance,
    };
    if (this.errors !== undefined) details.errors = this.errors;
    return details;
  }
}

/** A validation problem: 400 with a list of everything that is wrong. */
export function invalidRequest(options: { detail: string; errors: readonly FieldProblem[] }): Problem {
  return new Problem({
    status: 400,
    type: '/problems/invalid-request',
    title: 'Invalid request',
    ...options,
  });
}
