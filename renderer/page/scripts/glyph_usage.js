// Runs in the isolated world of `compose.js`: reports which characters of a document only installed fonts can draw.
(() => {
  "use strict";
  const IS_VALUE_SHOWN = /^(?:text|search|url|tel|email|number|button|submit|reset)$/;
  const STRING = /"((?:[^"\\]|\\.)*)"|attr\(([^\s,)]+)[^)]*\)/g;
  const PARTS = ["::before", "::after", "::marker"];
  const SURELY_MISSING = "\u{10ffff}";
  /** @type {(prototype: object, name: string) => () => any} */
  const getter = (prototype, name) => /** @type {any} */ (Object.getOwnPropertyDescriptor(prototype, name)?.get);
  /** @type {(element: HTMLElement) => string} */
  const innerTextOf = (element) => getter(HTMLElement.prototype, "innerText").call(element);
  /** @type {(element: Element) => boolean} */
  const isShown = (element) => Element.prototype.checkVisibility.call(element, { visibilityProperty: true });
  /** @type {(text: string) => string[]} */
  const beyondAscii = (text) => [...text].filter((character) => character > "\u007e");

  /** @typedef {[style: CSSStyleDeclaration | null, text: string]} StyledText A text, with its style where known. */
  /** @typedef {(style: CSSStyleDeclaration, text: string) => void} Note */

  /**
   * Returns the pseudo elements that may show text before, after or beside elements, with their styles.
   * @param {Element[]} all
   * @param {string[]} parts The only ones that the document may have.
   */
  function generatedParts(all, parts) {
    /** @type {GeneratedPart[]} */
    const found = [];
    const named = PARTS.filter((part) => parts.includes(part));
    for (const element of named.length > 0 ? all : [])
      for (const part of named) {
        const style = getComputedStyle(element, part);
        const { content } = style;
        if (part === "::marker" || (content !== "none" && content !== "normal")) found.push({ element, part, style });
      }
    return found;
  }

  /**
   * Returns distinct characters outside ASCII.
   * @param {Element[]} all
   * @param {Root[]} roots
   * @param {GeneratedPart[]} generated
   */
  function shownCharacters(all, roots, generated) {
    /** @type {FontFace[]} */
    const faces = [...getter(Document.prototype, "fonts").call(document)].filter((face) => face.status === "loaded");
    const families = faces.map((face) => face.family.replace(/^["']|["']$/g, "").toLowerCase());
    const texts = [...shownTexts(all, roots), ...generatedTexts(generated)];
    const found = new Set(texts.flatMap(([, text]) => beyondAscii(text)));
    if (families.length > 0 && found.size > 0) removeDrawn(found, texts, roots, families);
    return [...found].join("");
  }

  /**
   * @param {Element[]} all
   * @param {Root[]} roots
   */
  function shownTexts(all, roots) {
    /** @type {StyledText[]} */
    const texts = [];
    for (const root of roots)
      for (const node of root === document ? [getter(Document.prototype, "body").call(document)] : root.childNodes) {
        if (node instanceof HTMLElement && getComputedStyle(node).display !== "none")
          texts.push([null, innerTextOf(node)]);
        else if (node instanceof Text) texts.push([null, node.data]);
      }
    for (const element of all)
      if (
        element instanceof HTMLTextAreaElement ||
        (element instanceof HTMLInputElement && IS_VALUE_SHOWN.test(element.type))
      ) {
        const text = element.value || element.placeholder || "";
        if (beyondAscii(text).length > 0 && isShown(element)) texts.push([getComputedStyle(element), text]);
      }
    return texts;
  }

  /** @param {GeneratedPart[]} generated */
  function generatedTexts(generated) {
    /** @type {StyledText[]} */
    const texts = [];
    for (const { element, part, style } of generated) {
      const content = part === "::marker" ? `${style.content} ${style.listStyleType}` : style.content;
      let text = "";
      for (const [, string, name] of content.matchAll(STRING))
        text += string ?? (Element.prototype.getAttribute.call(element, name) || "");
      if (beyondAscii(text).length > 0 && isShown(element)) texts.push([style, text]);
    }
    return texts;
  }

  /**
   * Removes from `found` the characters that stand only where a font of the document draws them.
   * @param {Set<string>} found
   * @param {StyledText[]} texts
   * @param {Root[]} roots
   * @param {string[]} families
   */
  function removeDrawn(found, texts, roots, families) {
    /** @type {Map<string, Set<string>>} */
    const inOwnFonts = new Map();
    /** @type {Set<string>} */
    const others = new Set();
    /** @type {Note} */
    const note = (style, text) => {
      const family = style.fontFamily.toLowerCase();
      const isOwn = families.some((name) => family.includes(name));
      const font = `${style.fontStyle} ${style.fontWeight} 40px ${style.fontFamily}`;
      const own = inOwnFonts.get(font) ?? new Set();
      if (isOwn) inOwnFonts.set(font, own);
      for (const character of beyondAscii(text)) (isOwn ? own : others).add(character);
    };
    for (const [style, text] of texts) if (style) note(style, text);
    for (const root of roots) noteNodes(root, note);
    const canvas = /** @type {HTMLCanvasElement} */ (Document.prototype.createElement.call(document, "canvas"));
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    for (const [font, characters] of inOwnFonts) {
      pen.font = font;
      const missing = measured(pen, SURELY_MISSING);
      for (const character of characters) if (measured(pen, character) === missing) others.add(character);
    }
    for (const characters of inOwnFonts.values())
      for (const character of characters) if (!others.has(character)) found.delete(character);
  }

  /**
   * @param {Root} root
   * @param {Note} note
   */
  function noteNodes(root, note) {
    const walker = Document.prototype.createTreeWalker.call(document, root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      const { data } = /** @type {Text} */ (walker.currentNode);
      if (!parent || beyondAscii(data).length === 0) continue;
      if (Element.prototype.closest.call(parent, "script,style,template,noscript") || !isShown(parent)) continue;
      note(getComputedStyle(parent), data);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {string} character
   */
  function measured(pen, character) {
    const size = pen.measureText(character);
    const edges = [size.actualBoundingBoxLeft, size.actualBoundingBoxRight, size.actualBoundingBoxAscent];
    return [size.width, ...edges, size.actualBoundingBoxDescent].join();
  }

  globalThis.generatedParts = generatedParts;
  globalThis.shownCharacters = shownCharacters;
})();
