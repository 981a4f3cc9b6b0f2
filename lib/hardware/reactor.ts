/**
 * Waits for descriptors: one `epoll_wait` for all of them, on one thread, and only while somebody waits.
 *
 * A thread for each would be taken from the few that files and name look-ups need, and one that never returns would keep
 * a finished program alive.
 *
 * @module
 */
import { architecture, checked, libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";

// include/uapi/linux/eventpoll.h
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 0x001;
const EPOLLOUT = 0x004;
const EPOLLERR = 0x008;
const EPOLLHUP = 0x010;
const EPOLLONESHOT = 1 << 30;

/** Descriptors that one call tells of at most; the others come with the next. */
const mostEvents = 64;

/** What the kernel hands back for the eventfd; descriptors count from 1. */
const wakeId = 0;

/** One descriptor that may be waited for. It has to be non-blocking, and to outlive this. */
export class Watch implements Disposable {
  readonly #reactor: Reactor;
  readonly #id: number;
  readonly #descriptor: number;
  #reader?: PromiseWithResolvers<void>;
  #writer?: PromiseWithResolvers<void>;
  #disposed = false;

  /** @throws {SystemError} when the descriptor is one that cannot be waited for, such as a plain file's. */
  constructor(descriptor: number) {
    this.#reactor = reactor ??= new Reactor();
    this.#descriptor = descriptor;
    this.#id = this.#reactor.add(descriptor, (events) => this.#happened(events));
  }

  /** Resolves when a read would not wait: there are bytes, or it fails. */
  readable(): Promise<void> {
    if (this.#disposed) return Promise.reject(closed());
    if (!this.#reader) {
      this.#reader = Promise.withResolvers();
      this.#ask(1);
    }
    return this.#reader.promise;
  }

  /** Resolves when a write would not wait. */
  writable(): Promise<void> {
    if (this.#disposed) return Promise.reject(closed());
    if (!this.#writer) {
      this.#writer = Promise.withResolvers();
      this.#ask(1);
    }
    return this.#writer.promise;
  }

  /** Whoever still waits fails. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const waiting = [this.#reader, this.#writer].filter((one) => one !== undefined);
    this.#reader = this.#writer = undefined;
    for (const one of waiting) one.reject(closed());
    this.#reactor.remove(this.#descriptor, this.#id, waiting.length);
  }

  #happened(events: number): void {
    const any = events & (EPOLLERR | EPOLLHUP);
    const [reader, writer] = [this.#reader, this.#writer];
    let woken = 0;
    if (reader && (any || events & EPOLLIN)) {
      this.#reader = undefined;
      reader.resolve();
      woken++;
    }
    if (writer && (any || events & EPOLLOUT)) {
      this.#writer = undefined;
      writer.resolve();
      woken++;
    }
    // The kernel tells once; the other direction is asked for anew.
    this.#ask(-woken);
  }

  #ask(more: number): void {
    const events = (this.#reader ? EPOLLIN : 0) | (this.#writer ? EPOLLOUT : 0);
    this.#reactor.ask(this.#descriptor, this.#id, events, more);
  }
}

let reactor: Reactor | undefined;

/** The one of the process. Its two descriptors stay open. */
class Reactor {
  readonly #epoll: number;
  readonly #wake: number;
  readonly #events = new Uint8Array(mostEvents * architecture.epollEvent.size);
  readonly #listeners = new Map<number, (events: number) => void>();
  #lastId = wakeId;
  /** How many wait. */
  #waiting = 0;
  #running = false;

  constructor() {
    const { epoll_create1, eventfd } = libc();
    this.#epoll = checked("epoll_create1", epoll_create1(O_CLOEXEC));
    this.#wake = checked("eventfd", eventfd(0, O_CLOEXEC | O_NONBLOCK));
    this.#control(EPOLL_CTL_ADD, this.#wake, wakeId, EPOLLIN);
  }

  /** Knows a descriptor from then on. Its id is new each time: a number that the kernel uses again is another one. */
  add(descriptor: number, listener: (events: number) => void): number {
    const id = ++this.#lastId;
    this.#control(EPOLL_CTL_ADD, descriptor, id, EPOLLONESHOT);
    this.#listeners.set(id, listener);
    return id;
  }

  /** Says what a descriptor is waited for, and how many more wait now. */
  ask(descriptor: number, id: number, events: number, more: number): void {
    this.#waiting += more;
    if (events) this.#control(EPOLL_CTL_MOD, descriptor, id, events | EPOLLONESHOT);
    if (this.#waiting > 0 && !this.#running) void this.#run();
  }

  /** Forgets a descriptor, and that `waiting` waited for it. */
  remove(descriptor: number, id: number, waiting: number): void {
    this.#listeners.delete(id);
    this.#control(EPOLL_CTL_DEL, descriptor, id, 0);
    this.#waiting -= waiting;
    if (this.#waiting === 0 && this.#running) {
      checked("write", libc().write(this.#wake, new Uint8Array(new BigUint64Array([1n]).buffer), 8n));
    }
  }

  async #run(): Promise<void> {
    this.#running = true;
    const { epollEvent: { size, data } } = architecture;
    const view = new DataView(this.#events.buffer);
    while (this.#waiting > 0) {
      // Negative when a signal came in between; errno of another thread cannot be read.
      const count = await libc().epoll_wait(this.#epoll, this.#events, mostEvents, -1);
      for (let at = 0; at < count * size; at += size) {
        const id = view.getUint32(at + data, true);
        if (id === wakeId) libc().read(this.#wake, new Uint8Array(8), 8n);
        else this.#listeners.get(id)?.(view.getUint32(at, true));
      }
    }
    this.#running = false;
  }

  #control(operation: number, descriptor: number, id: number, events: number): void {
    const event = new DataView(new ArrayBuffer(architecture.epollEvent.size));
    event.setUint32(0, events, true);
    event.setUint32(architecture.epollEvent.data, id, true);
    const result = libc().epoll_ctl(this.#epoll, operation, descriptor, new Uint8Array(event.buffer));
    checked("epoll_ctl", result);
  }
}

function closed(): Error {
  return new Deno.errors.BadResource("The device is closed");
}
