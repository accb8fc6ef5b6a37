// Tells a webhook of every Pod that failed: one POST of JSON for each, in order, at least once.
// Where it is stands in a state file and moves on when the webhook has answered 2xx; while it does
// not, this program holds at most a hundred failures, then stops listening and asks the cluster's
// history for the rest.
//
//   node failed_pods.js --credentials FILE --url URL [--state FILE] [--after REVISION]
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import * as flatbuffers from 'flatbuffers';
import { bindings, openBus, readCredentials, readState, writeState } from './common.js';

const WAITING_MOST = 100;
const usage = 'node failed_pods.js --credentials FILE --url URL [--state FILE] [--after REVISION]';

function options() {
  const { values } = parseArgs({
    options: {
      credentials: { type: 'string' },
      url: { type: 'string' },
      state: { type: 'string', default: 'failed_pods.json' },
      after: { type: 'string' },
    },
  });
  if (!values.credentials || !values.url) throw new Error(usage);
  return values;
}

// What there is to say of an event; null: it tells of no failure. A Pod has failed at the event that
// changed its phase, not at those that come later.
function failure(event, { EventType, Pod }) {
  const bytes = event.objectArray();
  if (!bytes || event.type() === EventType.Deleted) return null;
  const changed = Array.from({ length: event.changedLength() }, (_, i) => event.changed(i));
  const fresh = event.type() === EventType.Added || changed.includes('status.phase');
  const status = Pod.getRootAsPod(new flatbuffers.ByteBuffer(bytes)).status();
  if (!fresh || status?.phase() !== 'Failed') return null;
  const exits = Array.from({ length: status.containerStatusesLength() }, (_, i) => {
    const container = status.containerStatuses(i);
    const end = container.state()?.terminated();
    return end && { container: container.name(), exitCode: end.exitCode(), reason: end.reason() };
  });
  return {
    pod: `${event.namespace()}/${event.name()}`,
    revision: String(event.revision()),
    time: new Date(Number(event.time() / 1000000n)).toISOString(),
    reason: status.reason() || undefined,
    message: status.message() || undefined,
    exits: exits.filter(Boolean),
  };
}

// Until it is taken.
async function post(url, body) {
  for (let wait = 200; ; wait = Math.min(2 * wait, 30000)) {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10000),
      });
      if (answer.ok) return;
      console.error(`${url} answers ${answer.status}; again in ${wait} ms`);
    } catch (error) {
      console.error(`${url}: ${error.cause?.message ?? error.message}; again in ${wait} ms`);
    }
    await sleep(wait * (0.75 + Math.random() / 2));
  }
}

async function main() {
  const o = options();
  const kubus = await bindings();
  const { Feed } = await import('./feed.js');
  const credentials = readCredentials(o.credentials);
  const connection = await openBus(credentials, 'failed-pods');
  let position = readState(o.state) ?? (o.after === undefined ? undefined : BigInt(o.after));
  for (;;) {
    const waiting = [];
    let news;
    const happened = () => news?.();
    const feed = new Feed(connection, credentials, { group: '', resource: 'pods' }, position, {
      onEvent: (event) => {
        const told = failure(event, kubus);
        if (told) waiting.push(told);
        if (waiting.length >= WAITING_MOST) feed.stop();
        happened();
      },
      onExpired: (from) =>
        console.error(`failures after revision ${from} may be missing: that past is compacted`),
    });
    await feed.start().catch((error) => {
      if (!feed.stopped) throw error;
    });
    while (!feed.stopped || waiting.length > 0) {
      if (waiting.length === 0) {
        // Nothing is on its way: what was looked through need not be looked through again.
        position = feed.position;
        writeState(o.state, position);
        await new Promise((wake) => (news = wake));
        continue;
      }
      await post(o.url, waiting[0]);
      position = BigInt(waiting.shift().revision);
      writeState(o.state, position);
    }
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
