// Follows a resource's lane without a gap: hears events, notices what is missing (an event whose
// previous_resource is not the last one seen, or a head ahead of it), and asks for it.
import { randomUUID } from 'node:crypto';
import * as flatbuffers from 'flatbuffers';
import { Event, Head } from './gen/kubus.js';
import { Failed, actorToken, answers, eventsAfter, token } from './wire.js';

const WAITING_MOST = 1000;
const ANSWER_WITHIN_MS = 5000;
const ASK_EVERY_MS = 30000;

const max = (a, b) => (a > b ? a : b);
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

export class Feed {
  // onEvent(event: Event) for each, once, in order; onGap(why, from) before a gap is filled;
  // onExpired(position): the past after it is gone; the feed goes on at the present.
  constructor(connection, credentials, lane, position, { onEvent, onGap, onExpired }) {
    Object.assign(this, { connection, lane, position, onEvent, onGap, onExpired });
    const prefix = `kubus.${token(credentials.cluster)}`;
    const actor = actorToken(credentials.actor);
    const name = `${token(lane.group)}.${token(lane.resource)}`;
    this.subjects = {
      api: `${prefix}.api.${actor}.events-after.${name}`,
      reply: `${prefix}.reply.${actor}.${randomUUID()}`,
      events: `${prefix}.event.${name}.>`,
      head: `${prefix}.head.resource.${name}`,
    };
    this.asked = new Map(); // request id → {resolve, reject}
    this.waiting = [];
    this.subscriptions = [];
    this.head = 0n;
    this.filling = false;
    this.again = false;
    this.stopped = false;
  }

  // Subscribes first: what happens after the first answer was read comes live.
  async start() {
    const hear = (subject, handler) =>
      this.subscriptions.push(
        this.connection.subscribe(subject, {
          callback: (_, m) => !this.stopped && handler(m.data),
        }),
      );
    hear(this.subjects.reply, (data) => this.onReplies(data));
    hear(this.subjects.events, (data) => this.onMessage(data));
    hear(this.subjects.head, (data) => this.onHead(data));
    this.timer = setInterval(() => this.fill(), ASK_EVERY_MS * (1 + Math.random()));
    if (this.position === undefined) this.position = await this.present();
    await this.fill();
  }

  stop() {
    this.stopped = true;
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    clearInterval(this.timer);
  }

  onReplies(data) {
    for (const [id, result] of answers(data)) {
      const waiter = this.asked.get(id);
      if (!waiter) continue; // late, or not ours
      if (result instanceof Failed) waiter.reject(result);
      else waiter.resolve(result);
    }
  }

  onMessage(data) {
    const event = Event.getRootAsEvent(new flatbuffers.ByteBuffer(data));
    if (this.filling || this.position === undefined) {
      this.head = max(this.head, event.revision());
      if (this.waiting.length < WAITING_MOST) this.waiting.push(event);
      return;
    }
    this.take(event);
  }

  onHead(data) {
    this.head = max(this.head, Head.getRootAsHead(new flatbuffers.ByteBuffer(data)).revision());
    if (this.filling || this.position === undefined || this.head <= this.position) return;
    this.onGap?.('the head is ahead', this.position);
    this.fill();
  }

  take(event) {
    if (event.revision() <= this.position) return;
    if (event.previousResource() > this.position) {
      this.onGap?.(`revision ${event.previousResource()} did not come`, this.position);
      this.head = max(this.head, event.revision());
      this.fill();
      return;
    }
    this.deliver(event);
  }

  deliver(event) {
    if (this.stopped) return;
    this.position = event.revision();
    this.onEvent(event);
  }

  // Asks for what came after `position` until nothing is missing, then takes what waited.
  async fill() {
    this.again = true;
    if (this.filling || this.stopped) return;
    this.filling = true;
    while (this.again && !this.stopped) {
      this.again = false;
      await this.pages();
      const waiting = this.waiting;
      this.waiting = [];
      for (const event of waiting) {
        if (event.previousResource() > this.position) this.again = true;
        else if (event.revision() > this.position) this.deliver(event);
      }
      this.again ||= this.head > this.position;
    }
    this.filling = false;
  }

  async pages() {
    for (;;) {
      const outcome = await this.ask(this.position);
      if (this.stopped) return;
      if (outcome === null) {
        this.onExpired?.(this.position);
        this.position = await this.present();
        return;
      }
      for (let i = 0; i < outcome.eventsLength(); ++i) {
        const event = Event.getRootAsEvent(
          new flatbuffers.ByteBuffer(outcome.events(i).bytesArray()),
        );
        if (event.revision() > this.position) this.deliver(event);
      }
      if (outcome.eventsLength() > 0 && this.position < outcome.head()) continue;
      this.position = max(this.position, outcome.revision());
      return;
    }
  }

  async present() {
    const outcome = await this.ask(2n ** 64n - 1n);
    return max(outcome.revision(), outcome.head());
  }

  // Repeats until there is an answer. null: that past is compacted.
  async ask(after) {
    for (let wait = 200; ; wait = Math.min(2 * wait, 5000)) {
      try {
        return await this.askOnce(after);
      } catch (error) {
        if (error.reason === 'Expired') return null;
        if (this.stopped) throw error;
        if (error.reason && error.reason !== 'ServiceUnavailable') console.error(error.message);
        await sleep(wait * (0.75 + Math.random() / 2));
      }
    }
  }

  askOnce(after) {
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no answer')), ANSWER_WITHIN_MS);
      const end = (f) => (x) => {
        clearTimeout(late);
        this.asked.delete(id);
        f(x);
      };
      this.asked.set(id, { resolve: end(resolve), reject: end(reject) });
      const request = eventsAfter(id, this.lane, after, Date.now() + ANSWER_WITHIN_MS);
      this.connection.publish(this.subjects.api, request, { reply: this.subjects.reply });
    });
  }
}
