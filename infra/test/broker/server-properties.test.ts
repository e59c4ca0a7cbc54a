import { describe, expect, it } from 'vitest';
import {
  propertiesEnvironment,
  propertiesText,
  serverProperties,
  withLinks,
} from '../../src/broker/server-properties.ts';

const ports = { port: 9092, controllerPort: 21_000 };

describe("the broker's settings", () => {
  it('bind to loopback, create no topic by accident and leave retention alone', () => {
    const properties = serverProperties(ports);
    expect(properties.get('listeners')).toBe('PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:21000');
    expect(properties.get('advertised.listeners')).toBe('PLAINTEXT://127.0.0.1:9092');
    expect(properties.get('auto.create.topics.enable')).toBe('false');
    expect(properties.get('group.initial.rebalance.delay.ms')).toBe('0');
    expect([...properties.keys()].filter((name) => name.includes('retention'))).toEqual([]);
  });

  it('give each link a listener that sends its clients where somebody stands in between', () => {
    const properties = withLinks(serverProperties(ports), [{ port: 21_001, advertisedPort: 21_002 }]);
    expect(properties.get('listeners')).toContain('CONTROLLER://127.0.0.1:21000,LINK1://127.0.0.1:21001');
    expect(properties.get('advertised.listeners')).toBe('PLAINTEXT://127.0.0.1:9092,LINK1://127.0.0.1:21002');
    expect(properties.get('listener.security.protocol.map')).toContain('LINK1:PLAINTEXT');
    expect(withLinks(properties, [])).toEqual(properties);
  });

  it('become a properties file and the variables of the official image', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder of a properties file
    const properties = serverProperties(ports, '# a comment\nlog.dirs=log\nx.y_z-w=${port}\n');
    expect(propertiesText(properties)).toBe('log.dirs=log\nx.y_z-w=9092\n');
    expect(propertiesEnvironment(properties)).toEqual({ KAFKA_LOG_DIRS: 'log', KAFKA_X_Y__Z___W: '9092' });
  });

  it('refuse a placeholder that nobody fills in', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder of a properties file
    expect(() => serverProperties(ports, 'a=${prot}')).toThrow(/prot/);
  });
});
