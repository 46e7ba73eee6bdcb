// Runs in the isolated world of `compose.js`: names what a picture leaves out although nothing failed to load.
(() => {
  "use strict";
  const NAME_MAX = 70;
  const NAMES_MAX = 50;
  const NODES_MAX = 5_000;
  const SLACK = 4; // pixels: less is the overhang of letters, or a shadow
  const SCROLLS = /^(?:auto|scroll|overlay)$/;
  const HIDES = /^(?:hidden|clip)$/;
  const PARTS = [null, "::before", "::after"];
  const STRING = /"(?:[^"\\]|\\.)*"/g;
  const IMAGES = "img,svg,canvas,video,picture,object";
  // Elements with a `name` hide members of document and of forms, so members are taken from the prototypes.
  /** @type {(name: string) => (element: Element) => any} */
  const getter = (name) => (element) => Reflect.get(Element.prototype, name, element);
  const [scrollWidth, scrollHeight] = [getter("scrollWidth"), getter("scrollHeight")];
  const [clientWidth, clientHeight] = [getter("clientWidth"), getter("clientHeight")];
  /** @type {(element: Element) => string} */
  const localName = getter("localName");
  /** @type {(element: Element) => DOMRect} */
  const rectOf = (element) => Element.prototype.getBoundingClientRect.call(element);
  /** @type {(element: Element, name: string) => string | null} */
  const attribute = (element, name) => Element.prototype.getAttribute.call(element, name);
  /** @type {(element: Element) => boolean} */
  const isShown = (element) => Element.prototype.checkVisibility.call(element, { visibilityProperty: true });
  /** @type {(node: Node) => Element | null} */
  const parentOf = (node) => Reflect.get(Node.prototype, "parentElement", node);
  /** @type {(name: string) => Element | null} */
  const ofDocument = (name) => Reflect.get(Document.prototype, name, document);

  /**
   * Names an element as a designer finds it: by tag, and id or class.
   * @param {Element} element
   */
  function nameOf(element) {
    const id = attribute(element, "id") || attribute(element, "class");
    return `<${localName(element)}${id ? ` ${id}` : ""}`.slice(0, NAME_MAX - 1) + ">";
  }

  /**
   * Names the elements that show only a part of their content, where all of the document is shown: whoever writes
   * `overflow: auto` or `scroll` means the rest to be scrolled to. `overflow: hidden` is decoration, except of a body that
   * hides text or images of its own. See `docs/templates.md`.
   * @param {Element[]} all
   */
  function clippedElements(all) {
    const root = ofDocument("documentElement");
    const body = ofDocument("body");
    const isRootVisible = !root || getComputedStyle(root).overflowY === "visible";
    const window = isRootVisible ? body : root; // whose `overflow` is that of the window, which shows everything
    const found = [];
    for (const element of all)
      if (element !== window && element !== root && isClipped(element, element === body)) found.push(nameOf(element));
    return [...new Set(found)].slice(0, NAMES_MAX);
  }

  /**
   * @param {Element} element
   * @param {boolean} isBody
   */
  function isClipped(element, isBody) {
    const [width, height] = [clientWidth(element), clientHeight(element)];
    const [across, down] = [scrollWidth(element) - width > SLACK, scrollHeight(element) - height > SLACK];
    if (!(across || down) || width === 0 || height === 0) return false;
    const { overflowX, overflowY } = getComputedStyle(element);
    const scrolls = (across && SCROLLS.test(overflowX)) || (down && SCROLLS.test(overflowY));
    if (!scrolls && !(isBody && down && overflowY !== "visible")) return false;
    // With one of the two hidden, the browser reads the other's `visible` as `auto`.
    const isMeant = SCROLLS.test(overflowX) && SCROLLS.test(overflowY);
    return isShown(element) && (isMeant || holdsContentBeyond(element));
  }

  /**
   * Says whether a text or an image stands for the most part to the right of an element or below it.
   * @param {Element} element
   */
  function holdsContentBeyond(element) {
    const { right, bottom } = rectOf(element);
    /** @type {(rect: DOMRect) => boolean} */
    const isBeyond = ({ left, top, width, height }) =>
      width * height > 0 && (left + width / 2 > right || top + height / 2 > bottom);
    const shown = NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT;
    const walker = Document.prototype.createTreeWalker.call(document, element, shown);
    for (let count = 0; count < NODES_MAX && walker.nextNode(); count += 1) {
      const node = walker.currentNode;
      if (node instanceof Element) {
        if (Element.prototype.matches.call(node, IMAGES) && isShown(node) && isBeyond(rectOf(node))) return true;
        continue;
      }
      const parent = parentOf(node);
      if (!(/** @type {Text} */ (node).data.trim()) || !parent || !isShown(parent)) continue;
      const range = new Range();
      range.selectNodeContents(node);
      if ([...range.getClientRects()].some(isBeyond)) return true;
    }
    return false;
  }

  /**
   * Names the frame of this document if it shows only a part of it: a frame scrolls unless its document says otherwise.
   * @param {[width: number, height: number]} size Of the whole document.
   */
  function clippedFrame([width, height]) {
    const [across, down] = [width - innerWidth > SLACK, height - innerHeight > SLACK];
    const [root, body] = [ofDocument("documentElement"), ofDocument("body")];
    if (!(across || down) || innerWidth === 0 || innerHeight === 0 || !root) return [];
    const [ofRoot, ofBody] = [root, body ?? root].map((element) => getComputedStyle(element));
    const { overflowX, overflowY } = ofRoot.overflowY === "visible" ? ofBody : ofRoot;
    if (!(across && !HIDES.test(overflowX)) && !(down && !HIDES.test(overflowY))) return [];
    // Nobody but the frame's own origin sees its element.
    const frame = Reflect.get(window, "frameElement");
    if (frame && (!isShown(frame) || attribute(frame, "scrolling")?.toLowerCase() === "no")) return [];
    return [frame ? nameOf(frame) : "<iframe>"];
  }

  let blending = false;

  /**
   * Names the effects that Chromium leaves out of a PDF, each with the first element that has it. Notes whether elements
   * blend with what is behind them.
   * @param {Element[]} all
   */
  function unprintedEffects(all) {
    blending = false;
    /** @type {Map<string, string>} */
    const found = new Map();
    for (const element of all)
      for (const part of PARTS) {
        const style = getComputedStyle(element, part);
        if (part && (style.content === "none" || style.content === "normal")) continue;
        blending ||= Boolean(style.mixBlendMode && style.mixBlendMode !== "normal");
        for (const effect of effectsOf(style, part ? null : element))
          if (!found.has(effect) && isShown(element)) found.set(effect, nameOf(element) + (part ?? ""));
      }
    const root = ofDocument("documentElement");
    if (blending && root && !canHoldBackdrop(root))
      found.set("mix-blend-mode with the page's background", nameOf(root));
    return [...found].map(([effect, name]) => `${effect} of ${name}`);
  }

  /**
   * Says whether the page's background can become a part of the root, see `print_layout.js`.
   * @param {Element} root
   */
  function canHoldBackdrop(root) {
    const { marginLeft, marginTop } = getComputedStyle(root);
    const { content } = getComputedStyle(root, "::before");
    return marginLeft === "0px" && marginTop === "0px" && (content === "none" || content === "normal");
  }

  /**
   * @param {CSSStyleDeclaration} style
   * @param {Element | null} element None for a pseudo element.
   */
  function effectsOf(style, element) {
    const { backdropFilter, mixBlendMode, maskComposite, maskImage } = style;
    const effects = [];
    if (backdropFilter && backdropFilter !== "none") effects.push("backdrop-filter");
    if (mixBlendMode === "plus-lighter") effects.push("mix-blend-mode: plus-lighter");
    const isComposed = maskComposite && /[^,\s]/.test(maskComposite.replace(/\badd\b/g, ""));
    if (isComposed && layersOf(maskImage) > 1) effects.push("mask-composite");
    if (!element) return effects;
    if (style.backfaceVisibility === "hidden" && isTurnedAway(element)) effects.push("backface-visibility");
    if (style.transformStyle === "preserve-3d" && isStackedInDepth(element))
      effects.push("transform-style: preserve-3d");
    return effects;
  }

  /**
   * Counts the layers of a computed style.
   * @param {string} value
   */
  function layersOf(value) {
    let depth = 0;
    let layers = 1;
    for (const character of value.replace(STRING, ""))
      if (character === "(") depth += 1;
      else if (character === ")") depth -= 1;
      else if (character === "," && depth === 0) layers += 1;
    return layers;
  }

  /** @param {Element} element */
  function transformOf(element) {
    return new DOMMatrixReadOnly(getComputedStyle(element).transform);
  }

  /**
   * Says whether an element shows its back, by its own transform and those that it shares the space with.
   * @param {Element} element
   */
  function isTurnedAway(element) {
    let matrix = transformOf(element);
    for (let above = parentOf(element); above; above = parentOf(above)) {
      if (getComputedStyle(above).transformStyle !== "preserve-3d") break;
      matrix = transformOf(above).multiply(matrix);
    }
    return matrix.m33 < 0;
  }

  /**
   * Says whether depth, and not order, decides which of an element's children is in front.
   * @param {Element} element
   */
  function isStackedInDepth(element) {
    const children = [...Reflect.get(Element.prototype, "children", element)];
    return children.length > 1 && children.some((child) => !transformOf(child).is2D);
  }

  globalThis.nameOf = nameOf;
  globalThis.clippedElements = clippedElements;
  globalThis.clippedFrame = clippedFrame;
  globalThis.unprintedEffects = unprintedEffects;
  globalThis.canHoldBackdrop = canHoldBackdrop;
  globalThis.hasBlending = () => blending;
})();
