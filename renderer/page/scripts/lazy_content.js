// Runs in the isolated world of `compose.js`: shows what the browser defers because it is outside the viewport.
(() => {
  "use strict";
  const CONTAINED = ["layout", "style", "paint"];
  /** @type {(name: string) => (this: Document) => any} */
  const getter = (name) => /** @type {any} */ (Object.getOwnPropertyDescriptor(Document.prototype, name)?.get);
  /** @type {() => Element | null} */
  const scroller = () => getter("scrollingElement").call(document);
  /** @type {(element: Element) => DOMRect} */
  const rectOf = (element) => Element.prototype.getBoundingClientRect.call(element);
  /** @type {Animation[]} */
  let cancelled = [];

  /**
   * Shows at once what `content-visibility: auto` defers until it is scrolled to, with the containment it had.
   * @param {Element[]} all
   */
  function showDeferredContent(all) {
    for (const element of /** @type {HTMLElement[]} */ (all)) {
      const style = getComputedStyle(element);
      if (style.contentVisibility !== "auto" || !element.style) continue;
      const given = style.contain.split(" ").filter((part) => part !== "none");
      const isWhole = given.includes("strict") || given.includes("content");
      const contain = [...new Set([...given, ...(isWhole ? [] : CONTAINED)])].join(" ");
      element.style.setProperty("contain", contain, "important");
      element.style.setProperty("content-visibility", "visible", "important");
    }
  }

  /**
   * Nobody scrolls through a picture: an animation by view progress, of what is outside the viewport, would show its
   * state before it comes into view. In a whole page these are cancelled; the former call's are played again first.
   * @param {Root[]} roots
   * @param {boolean} wholePage
   */
  function showBeforeScrolling(roots, wholePage) {
    for (const animation of cancelled) animation.play();
    cancelled = [];
    if (!wholePage) return;
    const source = scroller();
    for (const animation of animationsIn(roots)) {
      const { timeline } = animation;
      if (timeline instanceof ViewTimeline && timeline.source === source && isOutside(timeline.subject))
        cancelled.push(animation);
    }
    for (const animation of cancelled) animation.cancel();
  }

  /** @param {Element} element */
  function isOutside(element) {
    const { right, bottom } = rectOf(element);
    return right > innerWidth || bottom > innerHeight;
  }

  globalThis.showDeferredContent = showDeferredContent;
  globalThis.showBeforeScrolling = showBeforeScrolling;
})();
