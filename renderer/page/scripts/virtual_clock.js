// Runs before the scripts of a document: a virtual clock, which stands still until `compose.js` lets some of its time
// pass, at once and in the same steps every time. So what scripts do later is in the picture, and nobody waits for it.
// Nothing that scripts may replace is used once they run, or time would stand still for good. It is our own because
// Chromium's virtual time, once it has run out, blocks more than timers: an image just named is not decoded.
(() => {
  "use strict"; // or the functions would be global names of the document
  const FRAME_MILLISECONDS = 1000 / 30;
  const PART_MILLISECONDS = 300; // after which the browser gets to its own work, as reporting what has come into view
  const READ_MILLISECONDS = 0.001; // reading the clock takes time, so a loop that waits for a moment ends
  const IDLE_MILLISECONDS = 50;
  const LEAST_MILLISECONDS = 1; // or a timer that sets the next timer would never reach the end
  // As in any browser, a timer set by a timer set by a timer, and so on, waits longer.
  const NESTED_MILLISECONDS = 4;
  const NESTED = 5;
  const { Date: RealDate, eval: run, performance, reportError, CustomEvent, Event } = globalThis;
  const { AbortController, DOMException, Promise } = globalThis;
  const { apply, construct } = Reflect;
  const { floor } = Math;
  const realNow = performance.now.bind(performance);
  const dispatch = EventTarget.prototype.dispatchEvent.bind(performance);
  const postTask = scheduler.postTask.bind(scheduler);
  const toText = Function.prototype.call.bind(RealDate.prototype.toString);
  const began = RealDate.now();

  /**
   * @typedef {object} Timer
   * @property {number} id
   * @property {() => void} act
   * @property {number} wait Milliseconds, as it was asked for.
   * @property {boolean} repeats
   * @property {number} due When it fires, by the virtual clock.
   * @property {number} turn Its place among those of the same moment.
   * @property {number} depth How many timers were set one by the other, up to this one.
   */
  /** @type {Record<number, Timer>} */
  const timers = /** @type {any} */ ({ __proto__: null });
  /** @type {Timer[]} */
  const heap = []; // of timers, the next one first, with those that were cleared among them
  /** @type {Record<string, FrameRequestCallback>} */
  let frames = /** @type {any} */ ({ __proto__: null });
  /** @type {Record<string, FrameRequestCallback>} */
  let drawing = /** @type {any} */ ({ __proto__: null });
  let drawnAt = 0;
  let passed = 0;
  let last = 0;
  let depth = 0;

  const now = () => {
    passed += READ_MILLISECONDS;
    return passed;
  };
  const today = () => floor(began + now());
  /** @type {(one: number, other: number) => number} */
  const most = (one, other) => (one > other ? one : other);
  /** @type {(one: Timer, other: Timer) => boolean} */
  const isBefore = (one, other) => one.due < other.due || (one.due === other.due && one.turn < other.turn);
  // Whether scripts wait for work that they have begun, see `pending_work.js`.
  const WORK_EVENT = { __proto__: null, cancelable: true };
  const isWorkPending = () => !dispatch(new Event("posters-work", WORK_EVENT));

  /** @param {Timer} timer */
  function push(timer) {
    let place = heap.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!isBefore(timer, heap[above])) break;
      heap[place] = heap[above];
      place = above;
    }
    heap[place] = timer;
  }

  function shift() {
    const timer = heap[heap.length - 1];
    heap.length -= 1;
    const { length } = heap;
    if (length === 0) return;
    let place = 0;
    let below = 1;
    while (below < length) {
      if (below + 1 < length && isBefore(heap[below + 1], heap[below])) below += 1;
      if (!isBefore(heap[below], timer)) break;
      heap[place] = heap[below];
      place = below;
      below = 2 * place + 1;
    }
    heap[place] = timer;
  }

  /**
   * @param {any} action A function, or the text of a script.
   * @param {any} delay
   * @param {any[]} given
   * @param {boolean} [repeats]
   */
  function later(action, delay, given, repeats = false) {
    const wait = most(delay | 0, depth >= NESTED ? NESTED_MILLISECONDS : LEAST_MILLISECONDS);
    const act = typeof action === "function" ? () => apply(action, globalThis, given) : () => run(`${action}`);
    last += 1;
    timers[last] = { id: last, act, wait, repeats, due: passed + wait, turn: last, depth: depth + 1 };
    push(timers[last]);
    return last;
  }

  /** @returns {Timer | undefined} */
  function first() {
    while (heap.length > 0 && timers[heap[0].id] !== heap[0]) shift();
    return heap[0];
  }

  function isAnyFrameWanted() {
    for (const _ in frames) return true;
    return false;
  }

  /**
   * Runs a callback in a task of its own, so that its microtasks are done before the next.
   * @param {() => void} act
   * @param {number} nested
   */
  async function runTask(act, nested) {
    await postTask(() => {
      depth = nested;
      try {
        act();
      } catch (error) {
        reportError(error);
      }
    });
    depth = 0;
  }

  /** @param {Timer} timer */
  async function fire(timer) {
    shift();
    if (timer.repeats) {
      timer.depth += 1;
      timer.wait = timer.depth > NESTED ? most(timer.wait, NESTED_MILLISECONDS) : timer.wait;
      timer.due += timer.wait;
      last += 1;
      timer.turn = last;
      push(timer);
    } else delete timers[timer.id];
    await runTask(timer.act, timer.depth);
  }

  async function draw() {
    drawnAt = passed;
    drawing = frames;
    frames = /** @type {any} */ ({ __proto__: null });
    for (const id in drawing) {
      const action = drawing[id];
      delete drawing[id];
      await runTask(() => apply(action, globalThis, [drawnAt]), 0);
    }
  }

  /**
   * Returns once no timer and no frame is due within so many milliseconds, a part of them has passed, or work was begun:
   * if time did not stop for that, whoever waits for either would find that time is up. Returns whether it ended because
   * of the real clock.
   * @param {ClockAdvance} advance
   */
  async function pass({ milliseconds, until, stopAtWork }) {
    const end = passed + milliseconds;
    const soon = passed + PART_MILLISECONDS;
    while (passed < soon && !(stopAtWork && isWorkPending())) {
      const timer = first();
      const frame = isAnyFrameWanted() ? drawnAt + FRAME_MILLISECONDS : Infinity;
      const isTimerNext = timer !== undefined && timer.due < frame;
      const next = isTimerNext ? timer.due : frame;
      if (next > end) return false;
      if (realNow() > until) return true;
      passed = most(passed, next);
      await (isTimerNext ? fire(timer) : draw());
    }
    return false;
  }

  /** @type {(id: any) => void} */
  const clear = (id) => void delete timers[+id];
  const idle = { didTimeout: false, timeRemaining: () => IDLE_MILLISECONDS };
  const replacements = {
    /** @type {(action: any, delay: any, ...given: any[]) => number} */
    setTimeout: (action, delay, ...given) => later(action, delay, given),
    /** @type {(action: any, delay: any, ...given: any[]) => number} */
    setInterval: (action, delay, ...given) => later(action, delay, given, true),
    /** @type {(action: any) => number} */
    requestIdleCallback: (action) => later(action, 0, [idle]),
    /** @type {(id: any) => void} */
    clearTimeout: (id) => clear(id),
    /** @type {(id: any) => void} */
    clearInterval: (id) => clear(id),
    /** @type {(id: any) => void} */
    cancelIdleCallback: (id) => clear(id),
    /** @param {any} action */
    requestAnimationFrame(action) {
      last += 1;
      frames[last] = action;
      return last;
    },
    /** @param {any} id */
    cancelAnimationFrame(id) {
      delete frames[+id];
      delete drawing[+id];
    },
  };
  for (const [name, method] of Object.entries(replacements)) /** @type {any} */ (globalThis)[name] = method;
  AbortSignal.timeout = (milliseconds) => {
    const controller = new AbortController();
    later(() => controller.abort(new DOMException("signal timed out", "TimeoutError")), milliseconds, []);
    return controller.signal;
  };
  /** @type {(action: any, options?: SchedulerPostTaskOptions) => Promise<any>} */
  Scheduler.prototype.postTask = async (action, options) => {
    const delay = options?.delay ?? 0;
    if (delay > 0) await new Promise((come) => later(come, delay, []));
    return await postTask(action, { ...options, delay: 0 });
  };
  Performance.prototype.now = now;
  const always = { configurable: true, enumerable: true };
  Object.defineProperty(Performance.prototype, "timeOrigin", { ...always, get: () => began });
  Object.defineProperty(Event.prototype, "timeStamp", { ...always, get: () => passed });
  RealDate.now = today;
  /** @type {ProxyHandler<DateConstructor>} */
  const handler = {
    construct: (target, given, made) => construct(target, given.length ? given : [today()], made),
    apply: () => toText(new RealDate(today())),
  };
  globalThis.Date = new Proxy(RealDate, Object.setPrototypeOf(handler, null));
  RealDate.prototype.constructor = globalThis.Date;
  performance.addEventListener("posters-pass", async (event) => {
    event.preventDefault(); // says that somebody is here
    const before = passed;
    const late = await pass(event.detail);
    const options = { __proto__: null, detail: { passed: passed - before, late } };
    dispatch(new CustomEvent("posters-passed", options));
  });
})();
