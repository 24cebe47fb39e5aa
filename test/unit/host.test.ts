// One spelling for every way to write a host, and what counts as this machine.
import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalHost, hostSpellings, isLoopback } from '../../scripts/config/host.ts';

describe('a host', () => {
  for (const host of [
    'localhost',
    'LOCALHOST',
    'localhost.',
    '127.0.0.1',
    '127.1',
    '127.99.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '::1',
    '[::1]',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    '::FFFF:7f00:1',
    '/var/run/postgresql',
  ]) {
    it(`is this machine as ${host}`, () => expect(isLoopback(host)).to.equal(true));
  }

  for (const host of [
    '127.0.0.1.attacker.example',
    '127.attacker.example',
    'localhost.attacker.example',
    '128.0.0.1',
    '::2',
    '10.127.0.1',
    'db.example.com',
  ]) {
    it(`is another machine as ${host}`, () => expect(isLoopback(host)).to.equal(false));
  }

  it('is no other for what a URL would cut off', () => {
    for (const host of [
      'evil@127.0.0.1',
      '127.0.0.1/x',
      '127.0.0.1:80',
      '127.0.0.1#x',
      '127.0.0.1?x',
      'localhost\t',
    ]) {
      expect(isLoopback(host), host).to.equal(false);
      expect(canonicalHost(host)).to.equal(host);
    }
  });

  it('has one spelling whatever the case and the trailing dot', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}[a-z](\.[a-z][a-z0-9]{0,8}){0,3}$/);
    fc.assert(
      fc.property(name, fc.boolean(), (host, dot) => {
        expect(canonicalHost(host.toUpperCase() + (dot ? '.' : ''))).to.equal(canonicalHost(host));
        expect(hostSpellings(`${host.toUpperCase()}.`)).to.include(host);
      }),
    );
  });

  it('has one spelling whatever the form of its address', () => {
    fc.assert(
      fc.property(fc.ipV4Extended(), (host) => {
        const dotted = new URL(`http://${host}`).hostname;
        expect(canonicalHost(host)).to.equal(dotted);
        expect(canonicalHost(`::ffff:${dotted}`)).to.equal(dotted);
      }),
    );
  });
});
