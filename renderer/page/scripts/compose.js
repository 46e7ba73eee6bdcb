// Runs in an isolated world of the page: its scripts cannot reach it, and it works with page scripts turned off.
// Elements with a `name` hide members of document and of forms, so members are taken from the prototypes.
(() => {
  "use strict";
  /** @type {(prototype: object, name: string) => (target: any, ...given: any[]) => any} */
  const member = (prototype, name) => {
    const { get, value } = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(prototype, name));
    return get ? (target) => get.call(target) : (target, ...given) => value.apply(target, given);
  };
  /** @type {(name: string) => (...given: any[]) => any} */
  const documents = (name) => member(Document.prototype, name).bind(null, document);
  const page = {
    open: documents("open"),
    write: documents("write"),
    close: documents("close"),
    body: documents("body"),
    documentElement: documents("documentElement"),
    scrollingElement: documents("scrollingElement"),
    /** @type {(selector: string) => NodeListOf<Element>} */
    all: documents("querySelectorAll"),
    /** @type {() => Element | null} */
    active: () => member(Document.prototype, "activeElement")(document),
  };
  /** @type {(element: Element) => DOMRect} */
  const rectOf = member(Element.prototype, "getBoundingClientRect");
  /** @type {(element: Element) => ShadowRoot | null} */
  const shadowOf = member(Element.prototype, "shadowRoot");

  const REFRESH = /^\s*(?=[\d.])(\d*)[^;,]*[;,]?\s*(?:url\s*=\s*)?["']?([^"']*)/i;
  const LATEST_SECONDS = 1e9;
  const FAR = 1e9;
  /** @type {[attribute: string, valid: RegExp][]} */
  const FIT_VALUES = [
    ["data-fit", /^shrink$/i],
    ["data-fit-min", /^\s*\+?(?=[\d.]*[1-9])(?:\d+\.?\d*|\.\d+)/],
  ];
  const MISSPELLED_MAX = 50;
  const POLL_MILLISECONDS = 50;
  const FRAMES_MILLISECONDS = 200;
  // How much virtual time passes for scripts. The budgets are real time: how long that may take altogether, and for how
  // long the work that scripts have begun is waited for.
  const SCRIPTS_MILLISECONDS = 3_000;
  const budget = { clockMilliseconds: 5_000, workMilliseconds: 5_000 };
  const LOAD_MILLISECONDS = 7_000;
  /** Whether a budget was spent before scripts were done, so that the picture may lack something. */
  let unfinished = false;
  const QUIET_ROUNDS = 2;
  const ROUNDS_MAX = 30;
  const LEAVES_TRACES = "iframe,frame,object,embed,fencedframe,portal,meta:not([charset]):not([name=viewport i])";

  // `setTimeout` does nothing while the page's scripts are off, and a script may clear timers.
  const pause = (milliseconds = 0) => scheduler.postTask(() => {}, { delay: milliseconds });

  /**
   * Replaces the document, and returns once it is loaded.
   * @param {string} html
   */
  async function writeDocument(html) {
    page.open();
    const ended = new AbortController();
    /** @type {(name: string) => Promise<unknown>} */
    const event = (name) =>
      new Promise((resolve) => addEventListener(name, resolve, { signal: ended.signal, capture: true }));
    const ends = [event("load"), event("posters-stop"), whenReopened(ended.signal)];
    // A frame that a script closes some time later delays the event until then, and no virtual time passes before.
    let isLoaded = false;
    if (runsScripts()) ends.push(pause(LOAD_MILLISECONDS).then(() => (unfinished ||= !isLoaded)));
    page.write(html);
    page.close();
    await Promise.race(ends);
    isLoaded = true;
    ended.abort();
    await pause(); // for the page's own handlers of the event
  }

  /**
   * A script that opens the document anew removes all listeners of the event; returns once that has happened.
   * @param {AbortSignal} ended
   */
  async function whenReopened(ended) {
    let listening = true;
    const listen = () => {
      listening = true;
    };
    addEventListener("posters-look", listen, { signal: ended });
    while (listening && !ended.aborted) {
      await pause(POLL_MILLISECONDS);
      listening = false;
      dispatchEvent(new Event("posters-look"));
    }
  }

  /** Returns all elements, also those in open shadow trees. */
  function allElements() {
    const found = [...page.all("*")];
    for (const element of found) {
      const shadow = shadowOf(element);
      if (shadow) for (const inner of shadow.querySelectorAll("*")) found.push(inner); // more than a call takes
    }
    return found;
  }

  /**
   * @param {Element[]} all
   * @returns {Root[]}
   */
  function rootsOf(all) {
    return [document, ...all.map((element) => shadowOf(element)).filter((shadow) => shadow !== null)];
  }

  // A frame that is out of view is never drawn, so the wait has a limit.
  async function nextFrames() {
    const twice = new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    await Promise.race([twice, pause(FRAMES_MILLISECONDS)]);
  }

  // The browser moves the focus when it next draws, and scrolls there; a picture has neither.
  async function removeFocus() {
    if (page.all("[autofocus]").length === 0) return;
    await nextFrames();
    const active = page.active();
    const kind = [HTMLElement, SVGElement, MathMLElement].find((each) => active instanceof each);
    if (kind && active !== page.body()) kind.prototype.blur.call(active);
    scrollTo({ left: 0, top: 0, behavior: "instant" }); // whatever its style sheet says
  }

  // Adopted style sheets, which the document does not find among its own.
  /** @type {() => CSSStyleSheet[]} */
  const adopted = () => [...Reflect.get(Document.prototype, "adoptedStyleSheets", document)];
  /** @type {(list: CSSStyleSheet[]) => boolean} */
  const adopt = (list) => Reflect.set(Document.prototype, "adoptedStyleSheets", list, document);
  globalThis.sheets = {
    add: (sheet) => adopt([...adopted().filter((one) => one !== sheet), sheet]),
    remove: (sheet) => adopt(adopted().filter((one) => one !== sheet)),
  };
  // A background that is fixed to the viewport ends with it, and a full page goes on.
  const scrollingBackgrounds = new CSSStyleSheet();
  scrollingBackgrounds.replaceSync("*,::before,::after{background-attachment:scroll!important}");
  const withoutControls = new CSSStyleSheet();
  withoutControls.replaceSync(":is(video,audio):not([controls])::-webkit-media-controls{display:none!important}");

  /**
   * With scripts off every video shows controls, whether or not it asks for them. Returns whether there is media.
   * @param {Element[]} all
   */
  function hideControls(all) {
    if (!all.some((element) => element instanceof HTMLMediaElement)) return false;
    sheets.add(withoutControls);
    return true;
  }

  const runsScripts = () => matchMedia("(scripting: enabled)").matches;

  /**
   * Lets virtual time pass for scripts, see `virtual_clock.js`. Returns how much did.
   * @param {number} milliseconds
   */
  async function advanceClock(milliseconds) {
    const began = performance.now();
    /** @type {ClockAdvanced} */
    const { passed, late } = await new Promise((resolve) => {
      performance.addEventListener("posters-passed", ({ detail }) => resolve(detail ?? {}), { once: true });
      const detail = {
        milliseconds,
        until: began + budget.clockMilliseconds,
        stopAtWork: budget.workMilliseconds > 0,
      };
      const pass = new CustomEvent("posters-pass", { detail, cancelable: true });
      if (performance.dispatchEvent(pass)) resolve({ passed: 0 }); // nobody heard it
    });
    budget.clockMilliseconds -= performance.now() - began;
    unfinished ||= late === true;
    return late ? milliseconds : Number(passed);
  }

  // Whether scripts wait for work that they have begun, see `pending_work.js`.
  const isWorkPending = () => !performance.dispatchEvent(new Event("posters-work", { cancelable: true }));

  /** Returns once the work that scripts have begun is done or the budget is spent, and whether there was any. */
  async function waitForWork() {
    const began = performance.now();
    const ends = began + budget.workMilliseconds;
    let waited = false;
    for (; isWorkPending() && performance.now() < ends; waited = true) await pause(POLL_MILLISECONDS / 10);
    unfinished ||= isWorkPending();
    budget.workMilliseconds -= performance.now() - began;
    return waited;
  }

  /**
   * Returns how much virtual time has passed, and whether scripts had work pending.
   * @param {number} milliseconds
   */
  async function passTime(milliseconds) {
    let passed = 0;
    let worked = await waitForWork();
    for (let again = true; again && passed < milliseconds; worked ||= again) {
      passed += await advanceClock(milliseconds - passed);
      again = await waitForWork();
    }
    return { passed, worked };
  }

  /**
   * Runs what scripts begin when the document is loaded or drawn, in the time after that, or when an animation ends,
   * until nothing changes any more. Returns whether they changed anything.
   */
  async function settleScripts() {
    if (!runsScripts()) return false;
    let changed = false;
    let quiet = 0;
    let round = 0;
    let left = SCRIPTS_MILLISECONDS;
    const observer = new MutationObserver(() => {
      changed = true;
    });
    for (; quiet < QUIET_ROUNDS && round < ROUNDS_MAX; round += 1) {
      changed = false;
      for (const root of rootsOf(allElements()))
        observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
      const { passed, worked } = await passTime(left);
      left -= passed;
      await nextFrames();
      const all = allElements();
      const moved = freezeMotion(all, rootsOf(all));
      quiet = changed || moved || passed || worked ? 0 : quiet + 1;
      observer.disconnect(); // drops the records of what was just done, too
    }
    if (quiet < QUIET_ROUNDS) {
      await nextFrames();
      pauseAnimations(rootsOf(allElements()));
    }
    return round > QUIET_ROUNDS;
  }

  /**
   * @param {Root[]} roots
   * @param {string} selector
   * @returns {LayoutReport["box"]}
   */
  function boxOf(roots, selector) {
    const inShadow = () => roots.slice(1).map((root) => root.querySelector(selector));
    const element = page.all(selector)[0] ?? inShadow().find(Boolean);
    if (!element) return null;
    const { left, top, width, height } = rectOf(element);
    return [left + scrollX, top + scrollY, width, height];
  }

  /**
   * Returns the size of all that can be scrolled to. Without a doctype that is the size of the body: the root element then
   * has only its own box, beyond which positioned content may stand.
   * @returns {LayoutReport["size"]}
   */
  function documentSize() {
    const element = page.scrollingElement();
    if (element) return [element.scrollWidth, element.scrollHeight];
    if (!page.documentElement()) return [0, 0];
    // No element has the size where the body scrolls on its own, so go to the end and back.
    const [left, top] = [scrollX, scrollY];
    scrollTo({ left: FAR, top: FAR, behavior: "instant" });
    /** @type {LayoutReport["size"]} */
    const size = [innerWidth + scrollX, innerHeight + scrollY];
    scrollTo({ left, top, behavior: "instant" });
    return size;
  }

  /**
   * Reads a `<meta http-equiv=refresh>`, which would replace the document when it is due before the poster's deadline.
   * @returns {LayoutReport["refresh"]}
   */
  function refresh() {
    for (const meta of page.all("meta[http-equiv=refresh i]")) {
      const found = REFRESH.exec(/** @type {HTMLMetaElement} */ (meta).content);
      if (found) return [Math.min(Number(found[1]), LATEST_SECONDS), found[2]];
    }
    return null;
  }

  /**
   * Names the elements of which an attribute for fitting has a value that has no effect, each with it.
   * @param {Root[]} roots
   */
  function misspelledFits(roots) {
    const named = [];
    for (const root of roots)
      for (const [name, isValid] of FIT_VALUES)
        for (const element of root === document ? page.all(`[${name}]`) : root.querySelectorAll(`[${name}]`)) {
          const value = Element.prototype.getAttribute.call(element, name) ?? "";
          if (named.length < MISSPELLED_MAX && !isValid.test(value))
            named.push(`${nameOf(element)} with ${name}="${value.slice(0, 20)}"`);
        }
    return named;
  }

  /** Of the next frame, which shows all that was done to the document until the last report. */
  let drawn = Promise.resolve();

  /** @type {Part[]} */
  let parts = [];
  /** @type {string[]} */
  let textParts = [];

  /**
   * Shows a document in the page, and reports its layout once it is ready for capture.
   * @param {string} html
   * @param {LayoutRequest} request
   */
  async function compose(html, request) {
    parts = partsWithImages(html, request);
    textParts = partsWithText(html, request);
    unfinished = false;
    await writeDocument(html);
    await removeFocus();
    return await ready(request);
  }

  /**
   * The same document in another viewport. The browser says that a viewport is set before the page has it.
   * @param {LayoutRequest} request
   */
  async function arrange(request) {
    while (innerWidth !== request.width || innerHeight !== request.height) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return await ready(request);
  }

  /**
   * The document of a frame inside the page; its own scripts are turned off like the page's.
   * @param {Pick<LayoutRequest, "clippedContent" | "printEffects">} request
   */
  async function composeFrame(request) {
    parts = partsWithImages("", { styleImages: true, styleSheets: true });
    textParts = partsWithText("", { styleSheets: true, styleTexts: true });
    await removeFocus();
    const report = await ready({
      ...request,
      wholePage: true,
      styleTexts: true,
      hyphens: true,
      contentsLater: true,
    });
    if (request.clippedContent) report.clipped.unshift(...clippedFrame(report.size));
    return report;
  }

  /**
   * @param {LayoutRequest} request
   * @returns {Promise<LayoutReport>}
   */
  async function ready({ selector, wholePage, fixedBackground, hyphens, contentsLater, clippedContent, printEffects }) {
    let all = allElements();
    if (contentsLater) showDeferredContent(all);
    const hasMedia = hideControls(all);
    if (fixedBackground) sheets.add(scrollingBackgrounds);
    else sheets.remove(scrollingBackgrounds);
    let roots = rootsOf(all);
    showBeforeScrolling(roots, wholePage);
    let moved = freezeMotion(all, roots);
    let { broken, failed } = await loadImagesAndFonts(all, parts);
    if (await settleScripts()) {
      moved = true;
      all = allElements();
    }
    const { fitted, cut, ignored } = fitTexts(all, wholePage);
    if (moved || fitted || !fontsLoaded()) {
      all = allElements();
      roots = rootsOf(all);
      freezeMotion(all, roots);
      ({ broken, failed } = await loadImagesAndFonts(all, parts));
    }
    drawn = new Promise((resolve) => requestAnimationFrame(() => resolve()));
    const generated = generatedParts(all, textParts);
    return {
      failed,
      broken,
      replaceable: replaceableFonts(),
      characters: shownCharacters(all, roots, generated),
      refresh: refresh(),
      // A document that snaps to a scroll position leaves the next one there.
      traces: hasMedia || scrollX !== 0 || scrollY !== 0 || page.all(LEAVES_TRACES).length > 0,
      frames: frames.length,
      cut,
      unfitted: ignored,
      misspelled: misspelledFits(roots),
      clipped: clippedContent ? clippedElements(all) : [],
      unprinted: unprintedEffects(printEffects ? all : []),
      unfinished,
      size: documentSize(),
      box: selector ? boxOf(roots, selector) : null,
      text: textNeeds(all, roots, generated, textParts, hyphens),
    };
  }

  globalThis.whenDrawn = () => drawn;
  globalThis.composeFrame = composeFrame;
  globalThis.arrange = arrange;
  globalThis.compose = compose;
})();
