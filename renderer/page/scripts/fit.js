// Runs in the isolated world of `compose.js`: makes texts smaller until they fit, and cuts those that never do.
(() => {
  "use strict";
  const SMALLEST = 12;
  const STEP = 0.25;
  const TOLERANCE = 0.5;
  const TEXTS_MAX = 100;
  const ROUNDS_MAX = 10;
  const SEGMENTS_MAX = 20_000;
  const WITHOUT_TRANSITIONS = new CSSStyleSheet();
  WITHOUT_TRANSITIONS.replaceSync("*{transition:none!important}");
  // A form whose fields have a `name` hides its own members.
  /** @type {(element: Element, selector: string) => boolean} */
  const matches = (element, selector) => Element.prototype.matches.call(element, selector);
  /** @type {(node: Node) => HTMLElement | null} */
  const parentOf = (node) => Reflect.get(Node.prototype, "parentElement", node);
  const segmenter = new Intl.Segmenter("en");
  /** @type {(() => void)[]} */
  const undo = [];

  /**
   * A text while it is fitted. Sizes are font sizes in CSS pixels.
   * @typedef {object} Fitted
   * @property {HTMLElement} element
   * @property {number} full The size that the template gives it.
   * @property {number} least
   * @property {number} size The largest at which it fits, as far as is known.
   * @property {(size: number) => void} resize
   * @property {() => void} restore
   * @property {(measured?: Map<HTMLElement, Edges>) => boolean} fits With boxes that are measured already.
   * @property {HTMLElement[]} items Items of flex boxes and grids that it is in and that it shares with other texts.
   * @property {boolean} isFreed
   * @property {boolean} isCut
   */

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
    const cut = levels(texts).flatMap((level) => fitTogether(level, wholePage));
    sheets.remove(WITHOUT_TRANSITIONS);
    return { fitted: undo.length, cut: cut.map(named), ignored };
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
   * Returns the texts in no other text, those in one other, and so on: a text shrinks with the one that it is in first.
   * @param {HTMLElement[]} texts
   */
  function levels(texts) {
    /** @type {HTMLElement[][]} */
    const found = [];
    for (const text of texts) {
      let depth = 0;
      for (let box = parentOf(text); box; box = parentOf(box)) if (texts.includes(box)) depth += 1;
      found[depth] = [...(found[depth] ?? []), text];
    }
    return found;
  }

  /**
   * Fits texts that may stand in each other's way: each without the others first, then side by side. Returns those that
   * were cut.
   * @param {HTMLElement[]} elements
   * @param {boolean} wholePage
   */
  function fitTogether(elements, wholePage) {
    const texts = elements.map((element) => prepared(element, elements));
    for (const text of texts) text.fits = fitting(text, wholePage);
    resizeAll(texts);
    if (!allFit(texts)) {
      if (texts.length > 1) for (const text of texts) text.resize(0);
      for (const text of texts) fitAlone(text, texts.length > 1);
      if (texts.length > 1) fitBesides(texts);
    }
    for (const text of texts)
      if (text.size === text.full && !text.isFreed && !text.isCut) text.restore();
      else undo.push(text.restore);
    return texts.filter((text) => text.isCut).map((text) => text.element);
  }

  /**
   * Returns the text with nothing of its content taking any space.
   * @param {HTMLElement} element
   * @param {HTMLElement[]} all
   * @returns {Fitted}
   */
  function prepared(element, all) {
    const full = parseFloat(getComputedStyle(element).fontSize);
    const least = Math.min(smallest(element), full);
    const fits = () => true;
    const items = sharedItems(element, all);
    return { element, full, least, size: full, ...resizer(element, full), fits, items, isFreed: false, isCut: false };
  }

  /**
   * Returns the function that says whether the text fits. What overflows without any of the texts is not their fault.
   * @param {Fitted} text
   * @param {boolean} wholePage
   */
  function fitting({ element }, wholePage) {
    const boxes = boxesAround(element);
    const spare = overflows(element, boxes, wholePage);
    const most = spare.map((by) => Math.max(by, 0) + TOLERANCE);
    const inPadding = paddingOverflow(element);
    /** @param {Map<HTMLElement, Edges>} [measured] */
    return (measured) =>
      overflows(element, boxes, wholePage, measured).every((by, side) => by <= most[side]) && inPadding() <= TOLERANCE;
  }

  /**
   * Returns those that do not fit at the present sizes, one after another.
   * @param {Fitted[]} texts
   */
  function* misfits(texts) {
    const measured = new Map();
    for (const text of texts) if (!text.fits(measured)) yield text;
  }

  /** @param {Fitted[]} texts */
  const allFit = (texts) => misfits(texts).next().done === true;

  /** @param {Fitted[]} texts */
  function resizeAll(texts) {
    for (const { resize, size } of texts) resize(size);
  }

  /**
   * Finds the largest size up to the present one at which the text fits, and cuts it if there is none.
   * @param {Fitted} text
   * @param {boolean} isOneOfMany Take it out of the way of the others afterwards.
   */
  function fitAlone(text, isOneOfMany) {
    const { least, size, resize } = text;
    if (isOneOfMany) resize(size);
    if (!text.fits()) {
      free(text);
      const step = largest(Math.floor((size - least) / STEP), (number) => {
        resize(least + number * STEP);
        return text.fits();
      });
      text.size = least + Math.max(step, 0) * STEP;
      resize(text.size);
      if (step < 0) cut(text);
    }
    if (isOneOfMany) resize(0);
  }

  /**
   * Makes texts smaller that fit alone and not beside each other: those that do not fit, if that is not enough all of
   * them, in proportion; and cuts those that do not fit even then.
   * @param {Fitted[]} texts
   */
  function fitBesides(texts) {
    resizeAll(texts);
    const crowded = [...misfits(texts)];
    if (crowded.length === 0) return;
    /** @type {(item: HTMLElement) => boolean} */
    const isBesideThem = (item) => crowded.some(({ element }) => parentOf(item)?.contains(element));
    const sharing = texts.filter(({ items, isFreed }) => !isFreed && items.some(isBesideThem));
    for (const text of texts) text.resize(0);
    for (const text of sharing) free(text);
    if (sharing.length > 0) for (const text of texts) fitAlone(text, true);
    resizeAll(texts);
    const left = [...misfits(texts)];
    if (left.length === 0 || share(left, texts) || share(texts, texts)) return;
    const alone = texts.map(({ size }) => size);
    for (const text of texts) text.size = text.least;
    resizeAll(texts);
    for (const text of texts) if (!text.fits()) cut(text);
    for (const [index, text] of texts.entries()) if (!text.isCut) text.size = alone[index];
    share(
      texts.filter(({ isCut }) => !isCut),
      texts,
    );
  }

  /**
   * Gives each of the texts the same part of the way from its smallest size to its present one, and more to those that
   * others do not keep from it. Returns false, with sizes as they were, where not even the smallest sizes fit.
   * @param {Fitted[]} some
   * @param {Fitted[]} all
   */
  function share(some, all) {
    const parts = Math.max(1, ...some.map(({ least, size }) => Math.floor((size - least) / STEP)));
    let open = some.map((text) => ({ text, sizes: sizesOf(text, parts) }));
    /** @type {(number: number) => boolean} */
    const holds = (number) => {
      for (const { text, sizes } of open) text.resize(sizes(number));
      return allFit(all);
    };
    if (!holds(0)) {
      resizeAll(some);
      return false;
    }
    for (let round = 0, part = 0; round < ROUNDS_MAX && open.length > 0; round += 1, part += 1) {
      part += largest(parts - part, (more) => more === 0 || holds(part + more));
      for (const { text, sizes } of open) {
        text.size = sizes(part);
        text.resize(text.size);
      }
      open = part < parts ? open.filter(({ text, sizes }) => grows(text, sizes(part + 1), all)) : [];
    }
    return true;
  }

  /**
   * Returns the sizes that are so many parts of the way from the smallest size to the present one.
   * @param {Fitted} text
   * @param {number} parts
   */
  function sizesOf({ least, size }, parts) {
    const steps = Math.floor((size - least) / STEP);
    /** @param {number} part */
    return (part) => (part === parts ? size : least + Math.floor((steps * part) / parts) * STEP);
  }

  /**
   * Makes the text larger where all of them still fit then, and returns whether they do.
   * @param {Fitted} text
   * @param {number} size
   * @param {Fitted[]} all
   */
  function grows(text, size, all) {
    text.resize(size);
    const isPossible = allFit(all);
    if (isPossible) text.size = size;
    else text.resize(text.size);
    return isPossible;
  }

  /**
   * Lets the text, and the items that it is in, be narrower than its words. All texts beside it have to be out of the way.
   * @param {Fitted} text
   */
  function free(text) {
    text.isFreed = true;
    allowShrinking(text.element);
    text.resize(0);
    for (const item of text.items) if (item !== text.element) undo.push(limitItem(item));
  }

  /** @param {Fitted} text */
  function cut(text) {
    text.isCut = shorten(text.element, text.fits) || text.isCut;
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
    for (const walker = shownTexts(text); walker.nextNode(); ) nodes.push(/** @type {Text} */ (walker.currentNode));
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
