import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { expectedJars, jarInLine, jarsFolder, kafkaVersion } from '../../src/broker/kafka-jars.ts';

describe('the jars of Apache Kafka', () => {
  it('lie in a cache that survives checkouts', () => {
    expect(jarsFolder({ HOME: '/home/ada' })).toBe('/home/ada/.cache/dbsync/kafka-4.3.1');
    expect(jarsFolder({ HOME: '/home/ada', XDG_CACHE_HOME: '/var/cache/ada' })).toBe(
      '/var/cache/ada/dbsync/kafka-4.3.1',
    );
    expect(jarsFolder({ HOME: '/home/ada', XDG_CACHE_HOME: 'relative' })).toBe(
      '/home/ada/.cache/dbsync/kafka-4.3.1',
    );
  });

  it('are listed with their hashes, of the version that the pom names', () => {
    const jars = expectedJars();
    expect(jars.size).toBe(46);
    expect([...jars.values()].every((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
    expect(jars.has(`kafka_2.13-${kafkaVersion}.jar`)).toBe(true);
    const pom = readFileSync(new URL('../../kafka/pom.xml', import.meta.url), 'utf8');
    expect(pom).toContain(`<version>${kafkaVersion}</version>`);
  });

  it("are counted from Maven's output", () => {
    const downloaded =
      '[INFO] Downloaded from central: https://repo.example/maven2/org/a/lz4-java/1.10.2/lz4-java-1.10.2.jar (1 MB at 2 MB/s)';
    expect(jarInLine(downloaded)).toBe('lz4-java-1.10.2.jar');
    expect(jarInLine('[INFO] Copying kafka-raft-4.3.1.jar to /home/ada/x/kafka-raft-4.3.1.jar')).toBe(
      'kafka-raft-4.3.1.jar',
    );
    expect(jarInLine('[INFO] Downloading from central: https://repo.example/maven2/a/b-1.jar')).toBeNull();
    expect(
      jarInLine('[INFO] Downloaded from central: https://repo.example/maven2/a/b-1.pom (4 kB)'),
    ).toBeNull();
  });
});
