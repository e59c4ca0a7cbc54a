/**
 * Places orders on one replica and looks for them on another, as a client would, with as little work as can be.
 */
import { Agent } from 'undici';

const TIMEOUT_MS = 30_000;

/** An answered order. */
export interface Placed {
  /** Path of the order, on every replica. */
  readonly path: string;
  readonly token: string;
}

/** A client with connections of its own. */
export class OrderClient {
  readonly #agent = new Agent({
    pipelining: 1,
    connections: 256,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });

  /** Places one order. @throws Error for every answer but 201. */
  async place(url: string, userId: string): Promise<Placed> {
    const answer = await this.#agent.request({
      origin: url,
      path: `/order-service/${userId}/orders`,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ productId: 'product-1', quantity: 2, unitPrice: 1500 }),
    });
    const { orderId } = (await answer.body.json()) as { orderId?: string };
    if (answer.statusCode !== 201) throw new Error(`${url} answered ${answer.statusCode} to an order`);
    const token = String(answer.headers['consistency-token']);
    return { path: `/order-service/${userId}/orders/${orderId}`, token };
  }

  /** Resolves when the replica at `url` shows the order. @throws Error when it answers anything but 200. */
  async find(url: string, { path, token }: Placed): Promise<void> {
    const headers = { 'consistency-token': token };
    const answer = await this.#agent.request({ origin: url, path, method: 'GET', headers });
    await answer.body.dump();
    if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode} to ${path}`);
  }

  stop(): Promise<void> {
    return this.#agent.close();
  }
}
