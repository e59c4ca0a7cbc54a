import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { rawTopic } from '../../testing/index.ts';

let server: Server | undefined;
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server?.close(resolve));
});

it('reading a whole topic ends with an error when its time is over, whatever the broker does', async () => {
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  server = silent;
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const topic = rawTopic(`127.0.0.1:${port}`, 'notes.changes', { visitMs: 200 });
  await expect(topic.readAll()).rejects.toThrow(/reading all of notes.changes: no answer within 200 ms/);
});
