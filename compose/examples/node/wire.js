// Subjects, requests and answers as they look on the bus.
import * as flatbuffers from 'flatbuffers';
import { Lane, Operation, Replies, Request, Verb } from './gen/kubus.js';

const hex = (c) => '%' + c.toString(16).toUpperCase().padStart(2, '0');
const bytes = (text) => [...new TextEncoder().encode(text)];

// "" is `_`; `.` is written `/`; what NATS forbids in a token is %XX.
export function token(text) {
  if (text === '') return '_';
  if (text === '_') return '%5F';
  return bytes(text)
    .map((c) => {
      const char = String.fromCharCode(c);
      if (char === '.') return '/';
      return c <= 0x20 || c >= 0x7f || '*>%/'.includes(char) ? hex(c) : char;
    })
    .join('');
}

export function actorToken(text) {
  return bytes(text)
    .map((c) => (/[A-Za-z0-9:@-]/.test(String.fromCharCode(c)) ? String.fromCharCode(c) : hex(c)))
    .join('');
}

// A request for what happened in the lane after a revision (a BigInt).
export function eventsAfter(id, lane, after, deadlineMs) {
  const b = new flatbuffers.Builder(256);
  const text = (s) => (s ? b.createString(s) : 0);
  const group = text(lane.group);
  const resource = text(lane.resource);
  Lane.startLane(b);
  Lane.addGroup(b, group);
  Lane.addResource(b, resource);
  const laneAt = Lane.endLane(b);
  Operation.startOperation(b);
  Operation.addVerb(b, Verb.EventsAfter);
  Operation.addGroup(b, group);
  Operation.addResource(b, resource);
  Operation.addLane(b, laneAt);
  Operation.addAfter(b, after);
  const operations = Request.createOperationsVector(b, [Operation.endOperation(b)]);
  const idAt = b.createString(id);
  Request.startRequest(b);
  Request.addId(b, idAt);
  Request.addDeadlineMs(b, BigInt(deadlineMs));
  Request.addOperations(b, operations);
  b.finish(Request.endRequest(b));
  return b.asUint8Array();
}

export class Failed extends Error {
  constructor(failure) {
    super(failure.message() ?? failure.reason() ?? 'the store refused');
    this.reason = failure.reason();
  }
}

// The answers in one message: id → outcome of the first operation, or Failed.
export function* answers(data) {
  const replies = Replies.getRootAsReplies(new flatbuffers.ByteBuffer(data));
  for (let i = 0; i < replies.repliesLength(); ++i) {
    const reply = replies.replies(i);
    const outcome = reply.outcomesLength() > 0 ? reply.outcomes(0) : null;
    const failure = reply.failure() ?? outcome?.failure();
    yield [reply.id(), failure ? new Failed(failure) : outcome];
  }
}
