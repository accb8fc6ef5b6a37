// Follows a lane of a Kubus cluster from outside and prints each transition, once, in order. Where
// it stopped stands in a state file: started again, it goes on there.
//
//   node subscribe.js --credentials FILE --lane pods [--once N] [--state FILE] [--after REVISION]
import { parseArgs } from 'node:util';
import * as flatbuffers from 'flatbuffers';
import { Events } from 'nats';
import { bindings, openBus, readCredentials, readState, writeState } from './common.js';

const usage = `node subscribe.js --credentials FILE --lane RESOURCE[.GROUP] [options]
  --once N          stop after N transitions
  --state FILE      where to keep the last revision (default: subscribe-<lane>.json)
  --after REVISION  begin after this one, if there is no state yet (default: now)`;

function options() {
  const { values } = parseArgs({
    options: {
      credentials: { type: 'string' },
      lane: { type: 'string', default: 'pods' },
      once: { type: 'string' },
      state: { type: 'string' },
      after: { type: 'string' },
    },
  });
  const number = (text) => text === undefined || /^[0-9]+$/.test(text);
  if (!values.credentials || !number(values.once) || !number(values.after)) throw new Error(usage);
  const [resource, ...group] = values.lane.split('.');
  return {
    ...values,
    once: values.once === undefined ? Infinity : Number(values.once),
    state: values.state ?? `subscribe-${values.lane}.json`,
    lane: { resource, group: group.join('.') },
  };
}

// "42  Modified  default/web  Running on node-1  by kubelet:node-1"
function line(event, { EventType, Pod }) {
  const parts = [String(event.revision()), EventType[event.type()]];
  parts.push([event.namespace(), event.name()].filter(Boolean).join('/'));
  const bytes = event.objectArray();
  if (bytes && event.resource() === 'pods') {
    const pod = Pod.getRootAsPod(new flatbuffers.ByteBuffer(bytes));
    const node = pod.spec()?.nodeName();
    parts.push((pod.status()?.phase() ?? 'Pending') + (node ? ` on ${node}` : ''));
  }
  parts.push(`by ${event.actor()}`);
  return parts.join('  ');
}

async function main() {
  const o = options();
  const kubus = await bindings();
  const { Feed } = await import('./feed.js');
  const credentials = readCredentials(o.credentials);
  const connection = await openBus(credentials, 'subscribe');
  const begin = readState(o.state) ?? (o.after === undefined ? undefined : BigInt(o.after));
  let left = o.once;
  const feed = new Feed(connection, credentials, o.lane, begin, {
    onEvent: (event) => {
      console.log(line(event, kubus));
      writeState(o.state, event.revision());
      if (--left <= 0) stop();
    },
    onGap: (why, from) => console.error(`gap after revision ${from}: ${why}; asking for it`),
    onExpired: (from) =>
      console.error(`what came after revision ${from} is compacted away; going on at the present`),
  });
  const stop = () => {
    feed.stop();
    connection.close();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  watchConnection(connection, feed);
  await feed.start().catch((error) => {
    if (!feed.stopped) throw error;
  });
  if (!feed.stopped) console.error(`follows ${o.lane.resource} after revision ${feed.position}`);
  await connection.closed();
}

// Messages may have been missed while it was away.
async function watchConnection(connection, feed) {
  for await (const status of connection.status()) {
    if (status.type === Events.Reconnect) feed.fill();
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
