// Runs in the isolated world of `compose.js`: measures by how much a text overflows the boxes that it has to fit.
(() => {
  "use strict";
  // A form whose fields have a `name` hides its own members.
  /** @type {(element: Element) => DOMRect} */
  const rectOf = (element) => Element.prototype.getBoundingClientRect.call(element);
  /** @type {(node: Node) => HTMLElement | null} */
  const parentOf = (node) => Reflect.get(Node.prototype, "parentElement", node);

  const SIDES = ["left", "top", "right", "bottom"];

  /**
   * Returns the boxes in whose flow the text stands.
   * @param {HTMLElement} text
   */
  function boxesAround(text) {
    const boxes = [];
    let box = text;
    for (let parent = parentOf(box); parent && !isOutOfFlow(box); parent = parentOf(box)) {
      box = parent;
      const { display } = getComputedStyle(box);
      if (display !== "inline" && display !== "contents") boxes.push(box);
    }
    return boxes;
  }

  /** @param {HTMLElement} box */
  function isOutOfFlow(box) {
    const { position, transform } = getComputedStyle(box);
    return position === "absolute" || position === "fixed" || transform !== "none";
  }

  /**
   * Returns by how much the content overflows its own box, and that box those around it and the poster, side by side.
   * @param {HTMLElement} text
   * @param {HTMLElement[]} boxes
   * @param {boolean} wholePage
   * @param {Map<HTMLElement, Edges>} measured What is known of the boxes; nothing may have changed since.
   */
  function overflows(text, boxes, wholePage, measured = new Map()) {
    const style = getComputedStyle(text);
    const [across, down] = overhang(text, style);
    const own = [text.scrollWidth - text.clientWidth - across, text.scrollHeight - text.clientHeight - down];
    const rect = rectOf(text);
    const around = boxes.flatMap((box) => beyond(rect, contentOnce(box, measured)));
    const poster = { left: -scrollX, top: -scrollY, right: innerWidth - scrollX, bottom: innerHeight - scrollY };
    return [...own, ...around, ...(wholePage ? [] : beyond(rect, poster))];
  }

  /**
   * Returns a function that says by how much letters stand in the padding at most. Scroll sizes leave out the padding at
   * the end of lines and below the last of them, and what a flex box or grid with its content in the middle lets
   * overflow at the start.
   * @param {HTMLElement} text
   */
  function paddingOverflow(text) {
    const sides = unmeasuredSides(getComputedStyle(text));
    if (!sides.includes(true)) return () => 0;
    /** @type {[Node, CSSStyleDeclaration][]} */
    const parts = [];
    for (const walker = shownTexts(text); walker.nextNode(); ) {
      const parent = parentOf(walker.currentNode) ?? text;
      if (isInFlow(parent, text)) parts.push([walker.currentNode, getComputedStyle(parent)]);
    }
    const range = new Range();
    return () => {
      let most = 0;
      const inner = content(text);
      for (const [node, style] of parts) {
        range.selectNodeContents(node);
        const rect = range.getBoundingClientRect();
        if (rect.width === 0 && rect.height === 0) continue;
        const out = beyond(rect, inner).map((by, index) => (sides[index] ? by : 0));
        if (!out.some((by) => by > most)) continue;
        const overhang = overhangOf(range, style);
        most = Math.max(most, ...out.map((by, index) => by - overhang[index % 2]));
      }
      return most;
    };
  }

  /**
   * Returns of each side whether scroll sizes do not say what overflows the content box there.
   * @param {CSSStyleDeclaration} style
   */
  function unmeasuredSides(style) {
    if (style.display === "inline") return [false, false, false, false];
    const { direction, writingMode } = style;
    const isBackward = (direction === "rtl") !== (writingMode === "sideways-lr");
    const ends = writingMode.startsWith("horizontal")
      ? [isBackward ? "left" : "right", "bottom"]
      : [isBackward ? "top" : "bottom", writingMode.endsWith("-rl") ? "left" : "right"];
    const isMiddlePossible = /flex|grid/.test(style.display);
    return SIDES.map(
      (side) => isMiddlePossible || (ends.includes(side) && parseFloat(style.getPropertyValue(`padding-${side}`)) > 0),
    );
  }

  /**
   * Whether a part of the text has its place there by the flow, and not a place of its own.
   * @param {HTMLElement} part
   * @param {HTMLElement} text
   */
  function isInFlow(part, text) {
    for (let box = part; box !== text; box = parentOf(box) ?? text) if (isOutOfFlow(box)) return false;
    return true;
  }

  /**
   * With lines set tighter than the font's own height, letters stand out of the last one; that is no overflow.
   * @param {HTMLElement} text
   * @param {CSSStyleDeclaration} style
   */
  function overhang(text, style) {
    const first = shownTexts(text).nextNode();
    if (!(parseFloat(style.lineHeight) > 0) || !first) return [0, 0];
    const range = new Range();
    range.selectNodeContents(first);
    return overhangOf(range, style);
  }

  /**
   * @param {Range} range
   * @param {CSSStyleDeclaration} style
   */
  function overhangOf(range, style) {
    const line = parseFloat(style.lineHeight);
    const [rect] = range.getClientRects();
    if (!(line > 0) || !rect) return [0, 0];
    return style.writingMode.startsWith("horizontal")
      ? [0, Math.max(0, rect.height - line) / 2]
      : [Math.max(0, rect.width - line) / 2, 0];
  }

  /**
   * @param {HTMLElement} box
   * @param {Map<HTMLElement, Edges>} measured
   */
  function contentOnce(box, measured) {
    const edges = measured.get(box) ?? content(box);
    measured.set(box, edges);
    return edges;
  }

  /**
   * @param {HTMLElement} box
   * @returns {Edges}
   */
  function content(box) {
    const rect = rectOf(box);
    const style = /** @type {Record<string, any>} */ (getComputedStyle(box));
    /** @type {(side: string) => number} */
    const inset = (side) => parseFloat(style[`border${side}Width`]) + parseFloat(style[`padding${side}`]);
    return {
      left: rect.left + inset("Left"),
      top: rect.top + inset("Top"),
      right: rect.right - inset("Right"),
      bottom: rect.bottom - inset("Bottom"),
    };
  }

  /**
   * @param {Edges} inner
   * @param {Edges} outer
   */
  function beyond(inner, outer) {
    return [outer.left - inner.left, outer.top - inner.top, inner.right - outer.right, inner.bottom - outer.bottom];
  }

  /**
   * Returns a walker over the texts that are shown.
   * @param {HTMLElement} text
   */
  function shownTexts(text) {
    /** @param {Node} node */
    const shown = (node) => {
      const { data } = /** @type {Text} */ (node);
      const hidden = !data.trim() || Element.prototype.closest.call(parentOf(node), "script,style,template,noscript");
      return hidden ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT;
    };
    return Document.prototype.createTreeWalker.call(document, text, NodeFilter.SHOW_TEXT, shown);
  }

  globalThis.boxesAround = boxesAround;
  globalThis.isOutOfFlow = isOutOfFlow;
  globalThis.overflows = overflows;
  globalThis.paddingOverflow = paddingOverflow;
  globalThis.shownTexts = shownTexts;
})();
