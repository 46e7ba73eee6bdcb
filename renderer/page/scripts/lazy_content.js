// Runs in the isolated world of `compose.js`: what the browser leaves for later because it lies outside the window.
(() => {
  "use strict";
  const KEPT_APART = ["layout", "style", "paint"];
  const getter = (name) => Object.getOwnPropertyDescriptor(Document.prototype, name).get;
  const scroller = () => getter("scrollingElement").call(document);
  const rectOf = (element) => Element.prototype.getBoundingClientRect.call(element);
  let ended = [];

  // Contents that come as they are scrolled to are there at once, and kept apart from others as before.
  function showContents(all) {
    for (const element of all) {
      const style = getComputedStyle(element);
      if (style.contentVisibility !== "auto" || !element.style) continue;
      const apart = style.contain.split(" ").filter((part) => part !== "none");
      const whole = apart.includes("strict") || apart.includes("content");
      element.style.setProperty("contain", [...new Set([...apart, ...(whole ? [] : KEPT_APART)])].join(" "), "important");
      element.style.setProperty("content-visibility", "visible", "important");
    }
  }

  // Nobody scrolls through a poster, so that what is moved by coming into view would stay as it is before.
  function showScrolledTo(roots, wholePage) {
    for (const animation of ended) animation.play();
    ended = [];
    if (!wholePage) return;
    const source = scroller();
    for (const animation of animationsIn(roots)) {
      const { timeline } = animation;
      if (timeline instanceof ViewTimeline && timeline.source === source && isBeyond(timeline.subject))
        ended.push(animation);
    }
    for (const animation of ended) animation.cancel();
  }

  function isBeyond(element) {
    const { right, bottom } = rectOf(element);
    return right > innerWidth || bottom > innerHeight;
  }

  globalThis.showContents = showContents;
  globalThis.showScrolledTo = showScrolledTo;
})();
