// Runs in the isolated world of `compose.js`: freezes what moves, at its end if it has one.
(() => {
  "use strict";
  const ROUNDS_MAX = 8;
  // A delay by which all that ends has ended, and what repeats in usual durations is at its start.
  const FROZEN = { "animation-play-state": "paused", "animation-delay": "-720720.00001s" };
  const NAME = /^[a-z][\w:.-]*$/i;
  /** @type {(element: Element, name: string) => string | null} */
  const attribute = (element, name) => Element.prototype.getAttribute.call(element, name);
  const rootOf = /** @type {(this: Document) => Element | null} */ (
    Object.getOwnPropertyDescriptor(Document.prototype, "documentElement")?.get
  );
  /** @type {(element: Element) => NodeListOf<Element>} */
  const descendants = (element) => Element.prototype.querySelectorAll.call(element, "*");

  function forceLayout() {
    const root = rootOf.call(document);
    if (root) Element.prototype.getBoundingClientRect.call(root); // a script may have removed it
  }

  /**
   * Shows what moves as it ends, or, if it never ends, as it is without moving. Returns whether anything moved. The end
   * of one animation can start the next, so this repeats until nothing moves any more.
   * @param {Element[]} all
   * @param {Root[]} roots
   */
  function freezeMotion(all, roots) {
    for (const element of all) {
      if (element instanceof SVGElement) freezeSvg(element);
      else if (element instanceof HTMLMediaElement) element.pause();
      else if (element instanceof HTMLProgressElement && element.position < 0) element.value = 0;
      else if (element instanceof HTMLMarqueeElement) freezeMarquee(element);
    }
    let rounds = 0;
    while (rounds < ROUNDS_MAX && finishAnimations(roots)) {
      rounds += 1;
      forceLayout(); // container queries depend on sizes
    }
    return rounds > 0;
  }

  /**
   * One root after the other, because what is done to one's animations may start others in the next.
   * @param {Root[]} roots
   * @returns {Generator<Animation, void, undefined>}
   */
  function* animationsIn(roots) {
    for (const root of roots) yield* Object.getPrototypeOf(root).getAnimations.call(root);
  }

  /** @param {Root[]} roots */
  function finishAnimations(roots) {
    let finished = 0;
    for (const animation of animationsIn(roots)) {
      if (animation.timeline && !(animation.timeline instanceof DocumentTimeline)) continue;
      const { endTime } = animation.effect ? animation.effect.getComputedTiming() : { endTime: Infinity };
      if (animation.playState === "finished" || animation.playState === "paused") continue;
      if (endTime === Infinity || animation.playbackRate === 0) animation.cancel();
      else animation.finish();
      finished += 1;
    }
    return finished;
  }

  /**
   * Pauses at their start the animations that start each other endlessly.
   * @param {Root[]} roots
   */
  function pauseAnimations(roots) {
    for (const animation of animationsIn(roots)) {
      if (animation.playState !== "running" || !(animation.timeline instanceof DocumentTimeline)) continue;
      animation.pause();
      animation.currentTime = 0;
    }
  }

  /** @param {SVGElement} element */
  function freezeSvg(element) {
    if (element instanceof SVGSVGElement) {
      element.pauseAnimations();
      element.setCurrentTime(0);
    } else if (element instanceof SVGAnimationElement) applyEndValue(element);
    else if (element instanceof SVGUseElement) freezeUse(element);
  }

  /**
   * Chromium draws no SMIL animation where animated images stand still. The value of one that ends and stays is set.
   * @param {SVGAnimationElement} element
   */
  function applyEndValue(element) {
    /** @type {(name: string) => string} */
    const given = (name) => attribute(element, name) || "";
    const endless = ["dur", "repeatCount", "repeatDur"].some((name) => given(name).trim() === "indefinite");
    const name = given("attributeName");
    const values = given("values").split(";");
    const value = (given("to") || values.filter((part) => part.trim()).pop() || "").trim();
    const waits = /indefinite|click|mouse|focus|key|accessKey/i.test(given("begin"));
    const target = /** @type {SVGElement | null} */ (element.targetElement);
    if (given("fill") !== "freeze" || endless || waits || !target || !NAME.test(name) || !value) return;
    if (element instanceof SVGAnimateTransformElement) {
      const before = given("additive") === "sum" ? `${attribute(target, "transform") || ""} ` : "";
      target.setAttribute("transform", `${before}${given("type") || "translate"}(${value})`);
    } else if (CSS.supports(name, value)) target.style.setProperty(name, value, "important");
    else if (!/^on|href$/i.test(name)) target.setAttribute(name, value);
  }

  /**
   * Returns the element that a `use` refers to, if that is in the same tree.
   * @param {SVGUseElement} use
   * @returns {Element | null}
   */
  function referencedElement(use) {
    const [file, id] = use.href.baseVal.split("#");
    if (file || !id) return null;
    const tree = Node.prototype.getRootNode.call(use);
    const find = Object.getPrototypeOf(tree).getElementById; // which a `use` outside the document does not have
    return find ? find.call(tree, decoded(id)) : null;
  }

  /** @param {string} id */
  function decoded(id) {
    try {
      return decodeURIComponent(id);
    } catch {
      return id;
    }
  }

  /**
   * A script cannot reach into the instance that `use` makes, but the instance follows the original.
   * @param {SVGUseElement} use
   */
  function freezeUse(use) {
    const original = referencedElement(use);
    const parts = /** @type {SVGElement[]} */ (original ? [original, ...descendants(original)] : []);
    const moving = parts.filter(
      (part) =>
        part.style && getComputedStyle(part).animationName !== "none" && part.style.animationPlayState !== "paused",
    );
    if (moving.length === 0) return;
    // Restarted, because an animation that is paused later would stand where it was by then.
    const styles = moving.map((part) => attribute(part, "style") ?? "");
    for (const part of moving) part.style.setProperty("animation-name", "none", "important");
    forceLayout();
    for (const [index, part] of moving.entries()) {
      part.setAttribute("style", styles[index]);
      for (const [name, value] of Object.entries(FROZEN)) part.style.setProperty(name, value, "important");
    }
  }

  /**
   * The text of a marquee starts outside its box; frozen, it is in it.
   * @param {HTMLMarqueeElement} marquee
   */
  function freezeMarquee(marquee) {
    const still = marquee.ownerDocument.createElement("div");
    // A parsed attribute may have a name that `setAttribute` refuses, and there may be more children than arguments.
    for (const given of marquee.attributes) still.setAttributeNode(/** @type {Attr} */ (given.cloneNode()));
    still.style.overflow = "hidden";
    for (const child of [...marquee.childNodes]) still.append(child);
    marquee.replaceWith(still);
  }

  globalThis.forceLayout = forceLayout;
  globalThis.animationsIn = animationsIn;
  globalThis.pauseAnimations = pauseAnimations;
  globalThis.freezeMotion = freezeMotion;
})();
