/**
 * The way of this process's Kafka clients to their broker, with two faults that a broker cannot be asked for: an answer
 * that is lost, and bytes that arrive as others. It stands between the sockets and kafkajs, which opens them with
 * `net.connect`; the broker behind them is the real one.
 */
import net from 'node:net';
import { vi } from 'vitest';

const produce = 0;

/** One way for all clients that connect from its creation on, until `close`. */
export class BrokerWay {
  readonly #spy: { mockRestore(): void };
  readonly #changing: Buffer[] = [];
  #isLosing = false;

  constructor() {
    const connect = net.connect.bind(net) as (...args: unknown[]) => net.Socket;
    const watched = (...args: unknown[]): net.Socket => this.#watch(connect(...args));
    this.#spy = vi.spyOn(net, 'connect').mockImplementation(watched as typeof net.connect);
  }

  /** The broker does what produce requests ask for, but the connection ends before an answer arrives. */
  loseAcknowledgements(isLosing: boolean): void {
    this.#isLosing = isLosing;
  }

  /** From now on, the last byte of this text arrives with its lowest bit flipped. */
  change(text: string): void {
    this.#changing.push(Buffer.from(text));
  }

  close(): void {
    this.#spy.mockRestore();
  }

  #watch(socket: net.Socket): net.Socket {
    let lost: number | undefined;
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    const emit = socket.emit.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = (...args: unknown[]): boolean => {
      const [bytes] = args;
      // Size, then the number of the call, its version, and the number by which its answer is known.
      if (this.#isLosing && Buffer.isBuffer(bytes) && bytes.readInt16BE(4) === produce)
        lost = bytes.readInt32BE(8);
      return write(...args);
    };
    socket.emit = (...args: unknown[]): boolean => {
      const [name, bytes] = args;
      if (name !== 'data' || !Buffer.isBuffer(bytes)) return emit(...args);
      if (lost !== undefined && bytes.length >= 8 && bytes.readInt32BE(4) === lost) {
        socket.destroy(new Error('the answer is lost'));
        return true;
      }
      return emit(name, this.#changed(bytes));
    };
    return socket;
  }

  #changed(bytes: Buffer): Buffer {
    for (const text of this.#changing) {
      const last = bytes.indexOf(text) + text.length - 1;
      if (bytes.includes(text)) bytes[last] = (bytes[last] ?? 0) ^ 1;
    }
    return bytes;
  }
}
