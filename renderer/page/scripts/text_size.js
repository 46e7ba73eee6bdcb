// Runs in the isolated world of `compose.js`: sets the size of texts, and frees the boxes that they would make larger.
(() => {
  "use strict";
  /** @type {(node: Node) => HTMLElement | null} */
  const parentOf = (node) => Reflect.get(Node.prototype, "parentElement", node);

  /**
   * @param {Element} element
   * @returns {element is HTMLElement}
   */
  function isPlain(element) {
    return element instanceof HTMLElement && !(element instanceof HTMLFormElement);
  }

  /**
   * Makes the text vanish. Returns a function that sets its font size, in proportion also of the parts that have a size
   * of their own, and one that restores its styles.
   * @param {HTMLElement} text
   * @param {number} full
   */
  function resizer(text, full) {
    const parts = [...text.querySelectorAll("*")].filter(isPlain);
    const before = [text, ...parts].map(
      (part) => /** @type {[HTMLElement, string | null]} */ ([part, part.getAttribute("style")]),
    );
    const restore = () => {
      for (const [part, style] of before) setStyle(part, style);
    };
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
    const resize = (size) => {
      for (const [part, its] of own) part.style.setProperty("font-size", `${(its * size) / full}px`, "important");
    };
    return { resize, restore };
  }

  /**
   * @param {HTMLElement} element
   * @param {string | null} style
   */
  function setStyle(element, style) {
    if (style === null) element.removeAttribute("style");
    else element.setAttribute("style", style);
  }

  /**
   * Returns the items of flex boxes and grids that the text is, or is in, and that have other texts beside them.
   * @param {HTMLElement} text
   * @param {HTMLElement[]} all
   */
  function sharedItems(text, all) {
    const items = [];
    let item = text;
    for (let parent = parentOf(item); parent && !isOutOfFlow(item); parent = parentOf(item)) {
      const [box, inner] = [parent, item];
      const isBeside = () => all.some((other) => box.contains(other) && !inner.contains(other));
      if (all.length > 1 && /flex|grid/.test(getComputedStyle(box).display) && isBeside()) items.push(inner);
      item = parent;
    }
    return items;
  }

  /**
   * The item gets no wider than it needs for what it has now, or no higher where lines run down, while texts in it have
   * no size; they do not make it larger later. Returns a function that restores its styles.
   * @param {HTMLElement} item
   */
  function limitItem(item) {
    const style = getComputedStyle(item);
    const side = style.writingMode.startsWith("horizontal") ? "width" : "height";
    const before = item.getAttribute("style");
    const restore = () => setStyle(item, before);
    if (style.getPropertyValue(`min-${side}`) !== "auto") return restore;
    item.style.setProperty(side, "min-content", "important");
    const needed = style.getPropertyValue(side);
    restore();
    item.style.setProperty(`min-${side}`, needed, "important");
    return restore;
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

  globalThis.isPlain = isPlain;
  globalThis.resizer = resizer;
  globalThis.sharedItems = sharedItems;
  globalThis.allowShrinking = allowShrinking;
  globalThis.limitItem = limitItem;
})();
