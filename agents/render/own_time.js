// Runs before the scripts of a document: their time stands still until `compose.js` lets some of it pass, at once and in
// the same steps every time. So what they do later is in the picture, and nobody waits for it.
{
  const FRAME_MILLISECONDS = 1000 / 30;
  const PART_MILLISECONDS = 300; // after which the browser gets to its own part, as to tell what has come into view
  const READ_MILLISECONDS = 0.001; // whoever asks for the time until it has come gets there
  const IDLE_MILLISECONDS = 50;
  const LEAST_MILLISECONDS = 1; // or what sets one timer after the other would never come to an end
  const { Date: RealDate, eval: run, performance, reportError } = globalThis;
  const dispatch = EventTarget.prototype.dispatchEvent.bind(performance);
  const postTask = scheduler.postTask.bind(scheduler);
  const began = RealDate.now();
  const timers = new Map();
  let frames = new Map();
  let drawn = new Map();
  let drawnAt = 0;
  let passed = 0;
  let last = 0;

  const now = () => (passed += READ_MILLISECONDS);
  const today = () => Math.floor(began + now());

  function later(action, delay, given, repeats = false) {
    const wait = Math.max(delay | 0, LEAST_MILLISECONDS);
    const act = typeof action === "function" ? () => action.apply(globalThis, given) : () => run(`${action}`);
    last += 1;
    timers.set(last, { id: last, act, wait, repeats, due: passed + wait });
    return last;
  }

  function first() {
    let found = null;
    for (const timer of timers.values()) if (!found || timer.due < found.due) found = timer;
    return found;
  }

  // In a task of its own, so that what it leaves for its end is done before the next.
  function take(act) {
    return postTask(() => {
      try {
        act();
      } catch (error) {
        reportError(error);
      }
    });
  }

  async function fire(timer) {
    if (timer.repeats) timer.due += timer.wait;
    else timers.delete(timer.id);
    await take(timer.act);
  }

  async function draw() {
    drawnAt = passed;
    [drawn, frames] = [frames, new Map()];
    for (const [id, action] of drawn) if (drawn.delete(id)) await take(() => action.call(globalThis, drawnAt));
  }

  // Returns once nothing waits for a time within so many milliseconds, or a part of them has passed.
  async function pass(milliseconds) {
    const end = passed + milliseconds;
    const soon = passed + PART_MILLISECONDS;
    while (passed < soon) {
      const timer = first();
      const frame = frames.size ? drawnAt + FRAME_MILLISECONDS : Infinity;
      const next = Math.min(timer ? timer.due : Infinity, frame);
      if (next > end) return;
      passed = Math.max(passed, next);
      await (next === frame ? draw() : fire(timer));
    }
  }

  globalThis.setTimeout = (action, delay, ...given) => later(action, delay, given);
  globalThis.setInterval = (action, delay, ...given) => later(action, delay, given, true);
  const idle = { didTimeout: false, timeRemaining: () => IDLE_MILLISECONDS };
  globalThis.requestIdleCallback = (action) => later(action, 0, [idle]);
  for (const name of ["clearTimeout", "clearInterval", "cancelIdleCallback"])
    globalThis[name] = (id) => void timers.delete(Number(id));
  globalThis.requestAnimationFrame = (action) => {
    last += 1;
    frames.set(last, action);
    return last;
  };
  globalThis.cancelAnimationFrame = (id) => void (frames.delete(Number(id)) || drawn.delete(Number(id)));
  Performance.prototype.now = now;
  RealDate.now = today;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, made) => Reflect.construct(target, given.length ? given : [today()], made),
    apply: () => new RealDate(today()).toString(),
  });
  RealDate.prototype.constructor = globalThis.Date;
  performance.addEventListener("posters-pass", async (event) => {
    event.preventDefault(); // says that somebody is here
    const before = passed;
    await pass(event.detail);
    dispatch(new CustomEvent("posters-passed", { detail: passed - before }));
  });
}
