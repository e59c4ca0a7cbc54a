import { MemoryBroker } from '../../testing/index.ts';
import { announcementsConformance } from './announcements-conformance.ts';
import { changeLogConformance } from './change-log-conformance.ts';
import { type LogGround, PARTITIONS, PIECE } from './log-ground.ts';

async function makeGround(): Promise<LogGround> {
  const broker = new MemoryBroker({ partitions: PARTITIONS, maxRecords: PIECE });
  const nobody = new MemoryBroker();
  nobody.setReachable(false);
  return {
    connect: () => broker.connect(),
    connectToNobody: () => nobody.connect(),
    transact: async (partition, values) => {
      for (const value of values) {
        broker.appendRaw(partition, { key: null, value: Buffer.from(value), headers: {} });
      }
      broker.appendMarker(partition);
    },
    retain: async (partition, offset) => broker.retain(partition, offset),
    grow: async (partitions) => broker.grow(partitions),
    recreate: async () => broker.recreate(),
    loseAcknowledgements: (isLosing) => broker.loseAcknowledgements(isLosing ? 1 : 0),
    change: (partition, value) => {
      const found = broker.records(partition).find((record) => String(record.value) === value);
      const bytes = Buffer.from(value);
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
      if (found) broker.alter(partition, found.offset, { value: bytes });
    },
    announced: async (message, agoMs) => broker.announcements.send(message, agoMs),
    close: async () => undefined,
  };
}

changeLogConformance('in memory', makeGround);
announcementsConformance('in memory', makeGround);
