// Runs in an isolated world of the page: its scripts cannot reach it, and it works with page scripts turned off.
// Elements with a `name` hide members of document and of forms, so members are taken from the prototypes.
(() => {
  "use strict";
  const member = (prototype, name) => {
    const { get, value } = Object.getOwnPropertyDescriptor(prototype, name);
    return get ? (target) => get.call(target) : (target, ...given) => value.apply(target, given);
  };
  const page = {};
  for (const name of ["open", "write", "close", "body", "fonts", "documentElement"])
    page[name] = member(Document.prototype, name).bind(null, document);
  page.all = member(Document.prototype, "querySelectorAll").bind(null, document);
  page.active = () => member(Document.prototype, "activeElement")(document);
  page.base = () => member(Node.prototype, "baseURI")(document);
  const boxOf = member(Element.prototype, "getBoundingClientRect");
  const shadowOf = member(Element.prototype, "shadowRoot");

  const REFRESH = /^\s*(?=[\d.])(\d*)[^;,]*[;,]?\s*(?:url\s*=\s*)?["']?([^"']*)/i;
  const LATEST_SECONDS = 1e9;
  const LOOK_MILLISECONDS = 50;
  const FRAMES_MILLISECONDS = 200;
  // How much time passes for scripts, how long that may take, and for how long what they have begun is waited for.
  const SCRIPTS_MILLISECONDS = 3_000;
  const patience = { timeMilliseconds: 5_000, workMilliseconds: 5_000 };
  const LOAD_MILLISECONDS = 7_000;
  const QUIET_ROUNDS = 2;
  const ROUNDS_MAX = 30;
  const NO_IMAGE = /^data:[^,]*,\s*$/;
  const IMAGE_URL = /url\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)]*))\)/g;
  // The browser shows one of a set; the others are not asked for.
  const IMAGE_SET = /image-set\((?:"(?:[^"\\]|\\.)*"|[^()"]|\((?:"(?:[^"\\]|\\.)*"|[^()"])*\))*\)/g;
  const TELLING = "iframe,frame,object,embed,fencedframe,portal,meta:not([charset]):not([name=viewport i])";
  const PARTS = ["before", "after", "marker", "first-letter", "first-line", "backdrop"];
  const PROPERTIES = ["backgroundImage", "maskImage", "borderImageSource", "listStyleImage", "content", "shapeOutside"];

  // Timers of a page are none while its scripts are off, and a script may clear them.
  const pause = (milliseconds = 0) => scheduler.postTask(() => {}, { delay: milliseconds });

  async function put(html) {
    page.open();
    const ended = new AbortController();
    const heard = (event) =>
      new Promise((resolve) => addEventListener(event, resolve, { signal: ended.signal, capture: true }));
    const ends = [heard("load"), heard("posters-stop"), reopened(ended.signal)];
    // A frame that a script closes some time later holds up the event until then, and no time passes before.
    if (runsScripts()) ends.push(pause(LOAD_MILLISECONDS));
    page.write(html);
    page.close();
    await Promise.race(ends);
    ended.abort();
    await pause(); // for the page's own handlers of the event
  }

  // A script that opens the document anew takes the event from all who wait for it.
  async function reopened(ended) {
    let listening = true;
    const listen = () => (listening = true);
    addEventListener("posters-look", listen, { signal: ended });
    while (listening && !ended.aborted) {
      await pause(LOOK_MILLISECONDS);
      listening = false;
      dispatchEvent(new Event("posters-look"));
    }
  }

  // Those in open shadow trees as well.
  function elements() {
    const found = [...page.all("*")];
    for (const element of found) {
      const shadow = shadowOf(element);
      if (shadow) for (const inner of shadow.querySelectorAll("*")) found.push(inner); // more than a call takes
    }
    return found;
  }

  function roots(all) {
    return [document, ...all.map((element) => shadowOf(element)).filter(Boolean)];
  }

  // A frame that is not seen is not drawn, and would be waited for in vain.
  async function drawTwice() {
    const twice = new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    await Promise.race([twice, pause(FRAMES_MILLISECONDS)]);
  }

  // The browser hands out focus when it next draws, and scrolls there; a poster has neither.
  async function unfocus() {
    if (page.all("[autofocus]").length === 0) return;
    await drawTwice();
    const active = page.active();
    const kind = [HTMLElement, SVGElement, MathMLElement].find((each) => active instanceof each);
    if (kind && active !== page.body()) kind.prototype.blur.call(active);
    scrollTo({ left: 0, top: 0, behavior: "instant" }); // whatever its style sheet says
  }

  // Style sheets of ours, which the document does not see among its own.
  const adopted = () => [...Reflect.get(Document.prototype, "adoptedStyleSheets", document)];
  const adopt = (list) => Reflect.set(Document.prototype, "adoptedStyleSheets", list, document);
  globalThis.sheets = {
    add: (sheet) => adopt([...adopted().filter((one) => one !== sheet), sheet]),
    remove: (sheet) => adopt(adopted().filter((one) => one !== sheet)),
  };
  // What is fixed to the window's background ends with the window, and a full page goes on.
  const unfixed = new CSSStyleSheet();
  unfixed.replaceSync("*,::before,::after{background-attachment:scroll!important}");
  const withoutControls = new CSSStyleSheet();
  withoutControls.replaceSync(":is(video,audio):not([controls])::-webkit-media-controls{display:none!important}");

  // With scripts off every video shows controls, whether or not it asks for them.
  function hideControls(all) {
    if (!all.some((element) => element instanceof HTMLMediaElement)) return false;
    sheets.add(withoutControls);
    return true;
  }

  function absolute(url) {
    try {
      return new URL(url, page.base()).href;
    } catch {
      return url || "";
    }
  }

  async function decode(image, failed) {
    try {
      await image.decode();
    } catch {
      failed.add(image.currentSrc || image.src || absolute(image.href?.baseVal));
    }
  }

  // As computed styles write strings: a backslash before the character, or before its number.
  function unescape(text) {
    return text.replace(/\\([0-9a-f]{1,6} ?|.)/gi, (_, given) =>
      given.length > 1 || /[0-9a-f]/i.test(given) ? String.fromCodePoint(parseInt(given, 16)) : given,
    );
  }

  function styleUrls(all, parts) {
    const urls = new Set();
    for (const element of all)
      for (const part of parts) {
        const style = getComputedStyle(element, part);
        for (const property of PROPERTIES)
          for (const match of (style[property] || "").replace(IMAGE_SET, "").matchAll(IMAGE_URL))
            urls.add(unescape(match[1] ?? match[2] ?? match[3]));
      }
    return urls;
  }

  // Style is costly to read, so it is only where the document says something about images, and of those parts alone.
  function partsWithImages(html, wanted) {
    if (!wanted.styleImages) return [];
    const named = wanted.styleSheets ? PARTS : PARTS.filter((part) => new RegExp(`:${part}`, "i").test(html));
    return [null, ...named.map((part) => `::${part}`)];
  }

  async function settle(all, parts) {
    const failed = new Set();
    const inStyles = new Set();
    const waits = [];
    const urls = parts.length ? styleUrls(all, parts) : new Set();
    for (const element of all) {
      if (element instanceof HTMLImageElement) {
        if (element.loading === "lazy") element.loading = "eager";
        if (element.currentSrc || element.src) waits.push(decode(element, failed));
      } else if (element instanceof SVGImageElement) waits.push(decode(element, failed));
      else if (element instanceof HTMLVideoElement && element.poster) urls.add(element.poster);
      else if (element instanceof HTMLInputElement && element.type === "image" && element.src) urls.add(element.src);
    }
    for (const url of urls) {
      const image = new Image();
      image.src = url;
      waits.push(decode(image, inStyles));
    }
    layOut(); // asks for the fonts that `ready` then waits for
    await Promise.all([page.fonts().ready, ...waits]);
    failed.delete("");
    // An address in a style sheet is read by rules of its own, so that of its data: addresses nothing is certain.
    const broken = [...failed].some((url) => url.startsWith("data:") && !NO_IMAGE.test(url));
    return { broken, failed: [...failed, ...inStyles].filter((url) => url && !url.startsWith("data:")) };
  }

  const runsScripts = () => matchMedia("(scripting: enabled)").matches;

  // Lets a part of the time pass for scripts that wait for it, see `own_time.js`. Returns how much did.
  async function passPart(milliseconds) {
    const began = performance.now();
    const { passed, late } = await new Promise((resolve) => {
      performance.addEventListener("posters-passed", ({ detail }) => resolve(detail ?? {}), { once: true });
      const detail = {
        milliseconds,
        until: began + patience.timeMilliseconds,
        stands: patience.workMilliseconds > 0,
      };
      const pass = new CustomEvent("posters-pass", { detail, cancelable: true });
      if (performance.dispatchEvent(pass)) resolve({ passed: 0 }); // nobody heard it
    });
    patience.timeMilliseconds -= performance.now() - began;
    return late ? milliseconds : Number(passed);
  }

  // Whether scripts wait for what they have begun, see `own_work.js`.
  const isAtWork = () => !performance.dispatchEvent(new Event("posters-work", { cancelable: true }));

  // Returns whether there was any.
  async function untilWorkIsDone() {
    const began = performance.now();
    const ends = began + patience.workMilliseconds;
    let waited = false;
    for (; isAtWork() && performance.now() < ends; waited = true) await pause(LOOK_MILLISECONDS / 10);
    patience.workMilliseconds -= performance.now() - began;
    return waited;
  }

  // Returns how much time has passed, and whether scripts were at work.
  async function passTime(milliseconds) {
    let passed = 0;
    let worked = await untilWorkIsDone();
    for (let again = true; again && passed < milliseconds; worked ||= again) {
      passed += await passPart(milliseconds - passed);
      again = await untilWorkIsDone();
    }
    return { passed, worked };
  }

  // What scripts begin when the document is loaded or drawn, in the time after that, or when a movement ends. Returns
  // whether they began any.
  async function settleScripts() {
    if (!runsScripts()) return false;
    let changed = false;
    let quiet = 0;
    let round = 0;
    let left = SCRIPTS_MILLISECONDS;
    const observer = new MutationObserver(() => (changed = true));
    for (; quiet < QUIET_ROUNDS && round < ROUNDS_MAX; round += 1) {
      changed = false;
      for (const root of roots(elements()))
        observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
      const { passed, worked } = await passTime(left);
      left -= passed;
      await drawTwice();
      const all = elements();
      const moved = bringToRest(all, roots(all));
      quiet = changed || moved || passed || worked ? 0 : quiet + 1;
      observer.disconnect(); // from what was just done, too
    }
    if (quiet < QUIET_ROUNDS) {
      await drawTwice();
      hold(roots(elements()));
    }
    return round > QUIET_ROUNDS;
  }

  function box(trees, selector) {
    const inShadow = () => trees.slice(1).map((root) => root.querySelector(selector));
    const element = page.all(selector)[0] ?? inShadow().find(Boolean);
    if (!element) return null;
    const { left, top, width, height } = boxOf(element);
    return [left + scrollX, top + scrollY, width, height];
  }

  // A refresh that is due before the poster's deadline would replace the document.
  function refresh() {
    for (const meta of page.all("meta[http-equiv=refresh i]")) {
      const told = REFRESH.exec(meta.content);
      if (told) return [Math.min(Number(told[1]), LATEST_SECONDS), told[2]];
    }
    return null;
  }

  let parts = [];

  async function compose(html, wanted) {
    parts = partsWithImages(html, wanted);
    await put(html);
    await unfocus();
    return await ready(wanted);
  }

  // The same document in another view. The browser says that a view is set before the page has it.
  async function arrange(wanted) {
    while (innerWidth !== wanted.width || innerHeight !== wanted.height) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return await ready(wanted);
  }

  // What a frame shows, with scripts of its own turned off like the page's.
  async function settleFrame() {
    parts = partsWithImages("", { styleImages: true, styleSheets: true });
    await unfocus();
    return await ready({ wholePage: true, styleTexts: true, contentsLater: true });
  }

  async function ready({ selector, wholePage, fixedBackground, styleTexts, contentsLater }) {
    let all = elements();
    if (contentsLater) showContents(all);
    const hasMedia = hideControls(all);
    if (fixedBackground) sheets.add(unfixed);
    else sheets.remove(unfixed);
    let trees = roots(all);
    showScrolledTo(trees, wholePage);
    let moved = bringToRest(all, trees);
    let { broken, failed } = await settle(all, parts);
    if (await settleScripts()) {
      moved = true;
      all = elements();
    }
    const { fitted, cut } = fitTexts(all, wholePage);
    if (moved || fitted || page.fonts().status !== "loaded") {
      all = elements();
      trees = roots(all);
      bringToRest(all, trees);
      ({ broken, failed } = await settle(all, parts));
    }
    const root = page.documentElement();
    return {
      failed,
      broken,
      characters: characters(all, trees, styleTexts),
      refresh: refresh(),
      // One that snaps to a place leaves the next one there.
      traces: hasMedia || scrollX !== 0 || scrollY !== 0 || page.all(TELLING).length > 0,
      frames: frames.length,
      cut,
      size: root ? [root.scrollWidth, root.scrollHeight] : [0, 0],
      box: selector ? box(trees, selector) : null,
    };
  }

  globalThis.settleFrame = settleFrame;
  globalThis.arrange = arrange;
  globalThis.compose = compose;
})();
