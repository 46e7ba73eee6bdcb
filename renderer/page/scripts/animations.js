// Runs in the isolated world of `compose.js`: brings what moves to rest.
(() => {
  "use strict";
  const ROUNDS_MAX = 8;
  // By then all that ends has ended, and what repeats in usual times is where it begins.
  const REST = { "animation-play-state": "paused", "animation-delay": "-720720.00001s" };
  const NAME = /^[a-z][\w:.-]*$/i;
  const attribute = (element, name) => Element.prototype.getAttribute.call(element, name);
  const rootOf = Object.getOwnPropertyDescriptor(Document.prototype, "documentElement").get;
  const below = (element) => Element.prototype.querySelectorAll.call(element, "*");

  // A script may have left the document without a root.
  function layOut() {
    const root = rootOf.call(document);
    if (root) Element.prototype.getBoundingClientRect.call(root);
  }

  // What moves is shown as it ends, or, if it never ends, as it is without moving. Returns whether anything moved. That
  // something has ended can set off the next, so it is looked at until nothing moves any more.
  function bringToRest(all, roots) {
    for (const element of all) {
      if (element instanceof SVGElement) restDrawing(element);
      else if (element instanceof HTMLMediaElement) element.pause();
      else if (element instanceof HTMLProgressElement && element.position < 0) element.value = 0;
      else if (element instanceof HTMLMarqueeElement) restMarquee(element);
    }
    let rounds = 0;
    while (rounds < ROUNDS_MAX && endAnimations(roots)) {
      rounds += 1;
      layOut(); // containers ask about sizes
    }
    return rounds > 0;
  }

  // One root after the other, because what is done to one's may begin others in the next.
  function* animationsIn(roots) {
    for (const root of roots) yield* Object.getPrototypeOf(root).getAnimations.call(root);
  }

  function endAnimations(roots) {
    let ended = 0;
    for (const animation of animationsIn(roots)) {
      if (animation.timeline && !(animation.timeline instanceof DocumentTimeline)) continue;
      const { endTime } = animation.effect ? animation.effect.getComputedTiming() : { endTime: Infinity };
      if (animation.playState === "finished" || animation.playState === "paused") continue;
      if (endTime === Infinity || animation.playbackRate === 0) animation.cancel();
      else animation.finish();
      ended += 1;
    }
    return ended;
  }

  // What is set off by the end of another, for ever, stands where it begins.
  function hold(roots) {
    for (const animation of animationsIn(roots)) {
      if (animation.playState !== "running" || !(animation.timeline instanceof DocumentTimeline)) continue;
      animation.pause();
      animation.currentTime = 0;
    }
  }

  function restDrawing(element) {
    if (element instanceof SVGSVGElement) {
      element.pauseAnimations();
      element.setCurrentTime(0);
    } else if (element instanceof SVGAnimationElement) endDrawing(element);
    else if (element instanceof SVGUseElement) restCopy(element);
  }

  // Chromium draws no animation of SVG where animated images are to stand still. One that ends and stays is set.
  function endDrawing(element) {
    const given = (name) => attribute(element, name) || "";
    const endless = ["dur", "repeatCount", "repeatDur"].some((name) => given(name).trim() === "indefinite");
    const name = given("attributeName");
    const value = (given("to") || given("values").split(";").filter((part) => part.trim()).pop() || "").trim();
    const waits = /indefinite|click|mouse|focus|key|accessKey/i.test(given("begin"));
    const target = element.targetElement;
    if (given("fill") !== "freeze" || endless || waits || !target || !NAME.test(name) || !value) return;
    if (element instanceof SVGAnimateTransformElement) {
      const before = given("additive") === "sum" ? `${attribute(target, "transform") || ""} ` : "";
      target.setAttribute("transform", `${before}${given("type") || "translate"}(${value})`);
    } else if (CSS.supports(name, value)) target.style.setProperty(name, value, "important");
    else if (!/^on|href$/i.test(name)) target.setAttribute(name, value);
  }

  // What a `use` repeats, if that is in the same tree.
  function copied(copy) {
    const [file, id] = copy.href.baseVal.split("#");
    if (file || !id) return null;
    const tree = Node.prototype.getRootNode.call(copy);
    const find = Object.getPrototypeOf(tree).getElementById; // which a `use` outside the document does not have
    return find ? find.call(tree, decoded(id)) : null;
  }

  function decoded(id) {
    try {
      return decodeURIComponent(id);
    } catch {
      return id;
    }
  }

  // Nothing reaches into what `use` copies, but the copy follows what it is made of.
  function restCopy(copy) {
    const original = copied(copy);
    const moving = (original ? [original, ...below(original)] : []).filter(
      (part) =>
        part.style && getComputedStyle(part).animationName !== "none" && part.style.animationPlayState !== "paused",
    );
    if (moving.length === 0) return;
    // Begun anew, because what is paused later would stand where it was by then.
    const styles = moving.map((part) => attribute(part, "style") ?? "");
    for (const part of moving) part.style.setProperty("animation-name", "none", "important");
    layOut();
    for (const [index, part] of moving.entries()) {
      part.setAttribute("style", styles[index]);
      for (const [name, value] of Object.entries(REST)) part.style.setProperty(name, value, "important");
    }
  }

  // A marquee's text begins outside its box; at rest it lies in it.
  function restMarquee(marquee) {
    const still = marquee.ownerDocument.createElement("div");
    // What was parsed may have names that `setAttribute` refuses, and more children than a call takes.
    for (const given of marquee.attributes) still.setAttributeNode(given.cloneNode());
    still.style.overflow = "hidden";
    for (const child of [...marquee.childNodes]) still.append(child);
    marquee.replaceWith(still);
  }

  globalThis.layOut = layOut;
  globalThis.animationsIn = animationsIn;
  globalThis.hold = hold;
  globalThis.bringToRest = bringToRest;
})();
