// Runs before the scripts of a document: their time stands still until `compose.js` lets some of it pass, at once and in
// the same steps every time. So what they do later is in the picture, and nobody waits for it.
// Nothing that scripts may replace is used once they run, or time would stand still for good.
(() => {
  "use strict"; // or functions would be names of the document's, too
  const FRAME_MILLISECONDS = 1000 / 30;
  const PART_MILLISECONDS = 300; // after which the browser gets to its own part, as to tell what has come into view
  const READ_MILLISECONDS = 0.001; // whoever asks for the time until it has come gets there
  const IDLE_MILLISECONDS = 50;
  const LEAST_MILLISECONDS = 1; // or what sets one timer after the other would never come to an end
  // As in any browser: what does so for ever runs less often.
  const DEEP_MILLISECONDS = 4;
  const DEEP = 5;
  const { Date: RealDate, eval: run, performance, reportError, CustomEvent, Event } = globalThis;
  const { AbortController, DOMException, Promise } = globalThis;
  const { apply, construct } = Reflect;
  const { floor } = Math;
  const realNow = performance.now.bind(performance);
  const dispatch = EventTarget.prototype.dispatchEvent.bind(performance);
  const postTask = scheduler.postTask.bind(scheduler);
  const toText = Function.prototype.call.bind(RealDate.prototype.toString);
  const began = RealDate.now();
  const timers = { __proto__: null };
  const heap = []; // of timers, the next one first; those that were cleared among them
  let frames = { __proto__: null };
  let drawn = { __proto__: null };
  let drawnAt = 0;
  let passed = 0;
  let last = 0;
  let depth = 0;

  const now = () => (passed += READ_MILLISECONDS);
  const today = () => floor(began + now());
  const most = (one, other) => (one > other ? one : other);
  const isBefore = (one, other) => one.due < other.due || (one.due === other.due && one.turn < other.turn);
  // Whether scripts wait for what they have begun, see `own_work.js`.
  const isAtWork = () => !dispatch(new Event("posters-work", { __proto__: null, cancelable: true }));

  function push(timer) {
    let place = heap.length;
    for (let above; place > 0 && isBefore(timer, heap[(above = (place - 1) >> 1)]); place = above)
      heap[place] = heap[above];
    heap[place] = timer;
  }

  function shift() {
    const timer = heap[heap.length - 1];
    heap.length -= 1;
    const { length } = heap;
    if (length === 0) return;
    let place = 0;
    for (let below; (below = 2 * place + 1) < length; place = below) {
      if (below + 1 < length && isBefore(heap[below + 1], heap[below])) below += 1;
      if (!isBefore(heap[below], timer)) break;
      heap[place] = heap[below];
    }
    heap[place] = timer;
  }

  function later(action, delay, given, repeats = false) {
    const wait = most(delay | 0, depth >= DEEP ? DEEP_MILLISECONDS : LEAST_MILLISECONDS);
    const act = typeof action === "function" ? () => apply(action, globalThis, given) : () => run(`${action}`);
    last += 1;
    timers[last] = { id: last, act, wait, repeats, due: passed + wait, turn: last, depth: depth + 1 };
    push(timers[last]);
    return last;
  }

  function first() {
    while (heap.length > 0 && timers[heap[0].id] !== heap[0]) shift();
    return heap[0];
  }

  function isAnyFrameWanted() {
    for (const _ in frames) return true;
    return false;
  }

  // In a task of its own, so that what it leaves for its end is done before the next.
  async function take(act, deep) {
    await postTask(() => {
      depth = deep;
      try {
        act();
      } catch (error) {
        reportError(error);
      }
    });
    depth = 0;
  }

  async function fire(timer) {
    shift();
    if (timer.repeats) {
      timer.depth += 1;
      timer.wait = timer.depth > DEEP ? most(timer.wait, DEEP_MILLISECONDS) : timer.wait;
      timer.due += timer.wait;
      timer.turn = last += 1;
      push(timer);
    } else delete timers[timer.id];
    await take(timer.act, timer.depth);
  }

  async function draw() {
    drawnAt = passed;
    drawn = frames;
    frames = { __proto__: null };
    for (const id in drawn) {
      const action = drawn[id];
      delete drawn[id];
      await take(() => apply(action, globalThis, [drawnAt]), 0);
    }
  }

  // Returns once nothing waits for a time within so many milliseconds, a part of them has passed, or something was
  // begun: were time not to stand still for it, whoever waits for either would find that time is up. Returns whether it
  // ended because of the real clock.
  async function pass({ milliseconds, until, stands }) {
    const end = passed + milliseconds;
    const soon = passed + PART_MILLISECONDS;
    while (passed < soon && !(stands && isAtWork())) {
      const timer = first();
      const frame = isAnyFrameWanted() ? drawnAt + FRAME_MILLISECONDS : Infinity;
      const next = timer && timer.due < frame ? timer.due : frame;
      if (next > end) return false;
      if (realNow() > until) return true;
      passed = most(passed, next);
      await (next === frame ? draw() : fire(timer));
    }
    return false;
  }

  const clear = (id) => void delete timers[+id];
  const idle = { didTimeout: false, timeRemaining: () => IDLE_MILLISECONDS };
  const own = {
    setTimeout: (action, delay, ...given) => later(action, delay, given),
    setInterval: (action, delay, ...given) => later(action, delay, given, true),
    requestIdleCallback: (action) => later(action, 0, [idle]),
    clearTimeout: (id) => clear(id),
    clearInterval: (id) => clear(id),
    cancelIdleCallback: (id) => clear(id),
    requestAnimationFrame(action) {
      last += 1;
      frames[last] = action;
      return last;
    },
    cancelAnimationFrame(id) {
      delete frames[+id];
      delete drawn[+id];
    },
  };
  for (const [name, method] of Object.entries(own)) globalThis[name] = method;
  AbortSignal.timeout = (milliseconds) => {
    const controller = new AbortController();
    later(() => controller.abort(new DOMException("signal timed out", "TimeoutError")), milliseconds, []);
    return controller.signal;
  };
  Scheduler.prototype.postTask = async (action, options) => {
    if (options?.delay > 0) await new Promise((come) => later(come, options.delay, []));
    return await postTask(action, { ...options, delay: 0 });
  };
  Performance.prototype.now = now;
  const always = { configurable: true, enumerable: true };
  Object.defineProperty(Performance.prototype, "timeOrigin", { ...always, get: () => began });
  Object.defineProperty(Event.prototype, "timeStamp", { ...always, get: () => passed });
  RealDate.now = today;
  globalThis.Date = new Proxy(RealDate, {
    __proto__: null,
    construct: (target, given, made) => construct(target, given.length ? given : [today()], made),
    apply: () => toText(new RealDate(today())),
  });
  RealDate.prototype.constructor = globalThis.Date;
  performance.addEventListener("posters-pass", async (event) => {
    event.preventDefault(); // says that somebody is here
    const before = passed;
    const late = await pass(event.detail);
    dispatch(new CustomEvent("posters-passed", { __proto__: null, detail: { passed: passed - before, late } }));
  });
})();
