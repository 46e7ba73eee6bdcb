// Runs in the isolated world of `compose.js`: makes texts smaller until they fit, and cuts those that never do.
(() => {
  "use strict";
  const SMALLEST = 12;
  const STEP = 0.25;
  const TEXTS_MAX = 100;
  const SEGMENTS_MAX = 20_000;
  const WITHOUT_TRANSITIONS = new CSSStyleSheet();
  WITHOUT_TRANSITIONS.replaceSync("*{transition:none!important}");
  // A form whose fields have a `name` hides its own members.
  /** @type {(element: Element, selector: string) => boolean} */
  const matches = (element, selector) => Element.prototype.matches.call(element, selector);
  /** @type {(element: Element) => DOMRect} */
  const rectOf = (element) => Element.prototype.getBoundingClientRect.call(element);
  /** @type {(node: Node) => HTMLElement | null} */
  const parentOf = (node) => Reflect.get(Node.prototype, "parentElement", node);
  const segmenter = new Intl.Segmenter("en");
  /** @type {(() => void)[]} */
  const undo = [];

  /** @typedef {{ left: number, top: number, right: number, bottom: number }} Edges In CSS pixels, like all lengths. */

  /**
   * Fits every `data-fit="shrink"`. Returns the texts that were cut, each as tag, id and smallest size, and the elements
   * that are left as they are: those without a CSS box, as in SVG, and those beyond the limit.
   * @param {Element[]} all
   * @param {boolean} wholePage
   */
  function fitTexts(all, wholePage) {
    while (undo.length > 0) undo.pop()?.();
    const marked = all.filter((element) => matches(element, '[data-fit="shrink" i]'));
    if (marked.length === 0) return { fitted: 0, cut: [], ignored: [] };
    const texts = marked.filter(isPlain).slice(0, TEXTS_MAX);
    const ignored = marked.filter((element) => !isPlain(element) || !texts.includes(element)).map(nameOf);
    sheets.add(WITHOUT_TRANSITIONS);
    const cut = texts.filter((text) => !fit(text, wholePage)).map((text) => named(text));
    sheets.remove(WITHOUT_TRANSITIONS);
    return { fitted: undo.length, cut, ignored };
  }

  /**
   * @param {Element} element
   * @returns {element is HTMLElement}
   */
  function isPlain(element) {
    return element instanceof HTMLElement && !(element instanceof HTMLFormElement);
  }

  /** @param {HTMLElement} text */
  function named(text) {
    return `${nameOf(text)} at ${smallest(text)} px`;
  }

  /** @param {HTMLElement} text */
  function smallest(text) {
    const given = parseFloat(text.getAttribute("data-fit-min") ?? "");
    return given > 0 ? given : SMALLEST;
  }

  /**
   * Binary search of the largest step at which `holds` is true, given that it is false above it; -1 for none.
   * @param {number} steps
   * @param {(step: number) => boolean} holds
   */
  function largest(steps, holds) {
    let low = -1;
    let high = steps;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (holds(middle)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * Returns whether the text fits without being cut.
   * @param {HTMLElement} text
   * @param {boolean} wholePage
   */
  function fit(text, wholePage) {
    const full = parseFloat(getComputedStyle(text).fontSize);
    const least = Math.min(smallest(text), full);
    const resize = resizer(text, full);
    const boxes = boxesAround(text);
    resize(0);
    const spare = overflows(text, boxes, wholePage);
    resize(full);
    const fits = () => overflows(text, boxes, wholePage).every((by, side) => by <= Math.max(spare[side], 0) + 0.5);
    if (fits()) {
      undo.pop()?.();
      return true;
    }
    allowShrinking(text);
    const steps = Math.floor((full - least) / STEP);
    const step = largest(steps, (number) => {
      resize(least + number * STEP);
      return fits();
    });
    resize(least + Math.max(step, 0) * STEP);
    return step >= 0 || !shorten(text, fits);
  }

  /**
   * Returns a function that sets the font size, in proportion also of the parts that have a size of their own.
   * @param {HTMLElement} text
   * @param {number} full
   */
  function resizer(text, full) {
    const parts = [...text.querySelectorAll("*")].filter(isPlain);
    const before = [text, ...parts].map(
      (part) => /** @type {[HTMLElement, string | null]} */ ([part, part.getAttribute("style")]),
    );
    undo.push(() => {
      for (const [part, style] of before)
        if (style === null) part.removeAttribute("style");
        else part.setAttribute("style", style);
    });
    const sizes = parts.map((part) => parseFloat(getComputedStyle(part).fontSize));
    text.style.setProperty("font-size", "0", "important");
    /** @type {[HTMLElement, number][]} */
    const own = [[text, full]];
    for (const [index, part] of parts.entries())
      if (parseFloat(getComputedStyle(part).fontSize) > 0) {
        own.push([part, sizes[index]]);
        part.style.setProperty("font-size", "0", "important");
      }
    /** @param {number} size */
    return (size) => {
      for (const [part, its] of own) part.style.setProperty("font-size", `${(its * size) / full}px`, "important");
    };
  }

  /**
   * An item of a flex box or grid does not get smaller than its content unless its minimum size is 0.
   * @param {HTMLElement} text
   */
  function allowShrinking(text) {
    const style = getComputedStyle(text);
    for (const side of ["min-width", "min-height"])
      if (style.getPropertyValue(side) === "auto") text.style.setProperty(side, "0", "important");
  }

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
   */
  function overflows(text, boxes, wholePage) {
    const style = getComputedStyle(text);
    const [across, down] = overhang(text, style);
    const own = [text.scrollWidth - text.clientWidth - across, text.scrollHeight - text.clientHeight - down];
    const rect = rectOf(text);
    const around = boxes.flatMap((box) => beyond(rect, content(box)));
    const poster = { left: -scrollX, top: -scrollY, right: innerWidth - scrollX, bottom: innerHeight - scrollY };
    return [...own, ...around, ...(wholePage ? [] : beyond(rect, poster))];
  }

  /**
   * With lines set tighter than the font's own height, letters stand out of the last one; that is no overflow.
   * @param {HTMLElement} text
   * @param {CSSStyleDeclaration} style
   */
  function overhang(text, style) {
    const line = parseFloat(style.lineHeight);
    const first = walk(text).nextNode();
    if (!(line > 0) || !first) return [0, 0];
    const range = new Range();
    range.selectNodeContents(first);
    const [rect] = range.getClientRects();
    if (!rect) return [0, 0];
    return style.writingMode.startsWith("horizontal")
      ? [0, Math.max(0, rect.height - line) / 2]
      : [Math.max(0, rect.width - line) / 2, 0];
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
  function walk(text) {
    /** @param {Node} node */
    const shown = (node) => {
      const { data } = /** @type {Text} */ (node);
      const hidden = !data.trim() || Element.prototype.closest.call(parentOf(node), "script,style,template,noscript");
      return hidden ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT;
    };
    return Document.prototype.createTreeWalker.call(document, text, NodeFilter.SHOW_TEXT, shown);
  }

  /**
   * Removes the end, character by character as readers count them, and puts an ellipsis there. Returns whether there was
   * anything to remove.
   * @param {HTMLElement} text
   * @param {() => boolean} fits
   */
  function shorten(text, fits) {
    /** @type {Text[]} */
    const nodes = [];
    for (const walker = walk(text); walker.nextNode(); ) nodes.push(/** @type {Text} */ (walker.currentNode));
    const whole = nodes.map((node) => node.data);
    /** @type {[index: number, end: number][]} */
    const ends = [];
    for (const [index, data] of whole.entries())
      for (const { index: at, segment } of segmenter.segment(data))
        if (ends.length < SEGMENTS_MAX) ends.push([index, at + segment.length]);
    if (ends.length === 0) return false;
    undo.push(() => {
      for (const [index, node] of nodes.entries()) node.data = whole[index];
    });
    /** @param {number} count */
    const keep = (count) => {
      const [last, end] = ends[count - 1] ?? [0, 0];
      for (const [index, node] of nodes.entries())
        node.data = index < last ? whole[index] : index > last ? "" : `${whole[index].slice(0, end).trimEnd()}…`;
    };
    const kept = largest(ends.length - 1, (count) => {
      keep(count);
      return fits();
    });
    keep(Math.max(kept, 0));
    return true;
  }

  globalThis.fitTexts = fitTexts;
})();
