// Runs in the isolated world of `compose.js`: reports which font families and hyphenation dictionaries the texts ask for.
(() => {
  "use strict";
  const FAMILY = /\s*(?:"((?:[^"\\]|\\.)*)"|([^,]+))\s*(?:,|$)/g;
  const NO_TEXT = "script,style,template,noscript,title";
  // A word that CSS would hyphenate is at least so long, and is of letters that have syllables.
  const LONG_WORD = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Georgian}]{6}/u;
  const LISTS_MAX = 50;
  // Style is costly to read; what a document asks for it asks for in its first thousands of texts.
  const TEXTS_MAX = 5_000;
  // Style sheets hardly ever have a font for a first line, so that one is looked for only where the document names it.
  const PARTS = ["before", "after", "marker", "first-letter", "first-line"];
  const PARTS_OF_SHEETS = PARTS.slice(0, -1);
  const GENERATED = new Set(["before", "after", "marker"]);
  const HAS_NO_PARTS =
    "head,head *,body script,body style,template,br,img,canvas,iframe,video,audio,object,embed,textarea,select," +
    "input:not([type=checkbox i],[type=radio i])";
  // Of a computed `content`: images and their types, strings, what yields text, and what begins the alternative text.
  const CONTENT = /(?:url|type)\("(?:[^"\\]|\\.)*"\)|"((?:[^"\\]|\\.)*)"|(\bcounters?\(|\battr\(|-quote\b)|(\/)/g;
  const IS_DRAWN_MARKER = /^(?:none|disc|circle|square|disclosure-open|disclosure-closed)$/;
  const HAS_LETTERS = /^(?:block|flow-root|list-item|inline-block|table-cell|table-caption)$/;
  const IS_TYPED = /^(?:text|search|url|tel|email|number)$/;
  const IS_LABELLED = /^(?:submit|reset|file|date|datetime-local|month|time|week)$/;
  /** @type {(element: Element) => boolean} */
  const isShown = (element) => Element.prototype.checkVisibility.call(element, { visibilityProperty: true });

  /**
   * Style is costly to read: of pseudo elements it is read only where the document may give them texts or fonts.
   * @param {string} html
   * @param {Pick<LayoutRequest, "styleSheets" | "styleTexts">} request
   * @returns {string[]}
   */
  function partsWithText(html, { styleSheets, styleTexts }) {
    const mayBeNamed = styleSheets || /font/i.test(html);
    const named = PARTS.filter((part) => {
      if (styleTexts && GENERATED.has(part)) return true;
      if (!mayBeNamed) return false;
      if (styleSheets && PARTS_OF_SHEETS.includes(part)) return true;
      return new RegExp(part === "marker" ? ":marker|<ol\\b" : `:${part}`, "i").test(html);
    });
    return named.map((part) => `::${part}`);
  }

  /**
   * @param {Element[]} all
   * @param {Root[]} roots
   * @param {GeneratedPart[]} generated
   * @param {string[]} parts
   * @param {boolean} hyphens Whether style may hyphenate texts.
   * @returns {TextNeeds}
   */
  function textNeeds(all, roots, generated, parts, hyphens) {
    /** @type {Set<string>} */
    const lists = new Set();
    /** @type {Set<string>} */
    const languages = new Set();
    let texts = 0;
    for (const root of roots)
      for (const [parent, text] of textsOf(root)) {
        if (++texts > TEXTS_MAX) break;
        const style = getComputedStyle(parent);
        if (!lists.has(style.fontFamily) && lists.size < LISTS_MAX && isShown(parent)) lists.add(style.fontFamily);
        if (hyphens && style.hyphens === "auto" && languages.size < LISTS_MAX && LONG_WORD.test(text)) {
          const language = languageOf(parent);
          if (!languages.has(language) && isShown(parent)) languages.add(language);
        }
      }
    for (const [element, list] of otherLists(all.slice(0, TEXTS_MAX), generated, parts, lists))
      if (lists.size < LISTS_MAX && isShown(element)) lists.add(list);
    const own = familiesOfDocument();
    return {
      families: [...lists].map((list) => askedFor(list, own)).filter((names) => names.length > 0),
      broken: [...own].filter(([, works]) => !works).map(([name]) => name),
      languages: [...languages],
    };
  }

  /**
   * @param {Root} root
   * @returns {Generator<[parent: Element, text: string], void>}
   */
  function* textsOf(root) {
    const walker = Document.prototype.createTreeWalker.call(document, root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      const { data } = /** @type {Text} */ (walker.currentNode);
      if (parent && /\S/.test(data) && !Element.prototype.matches.call(parent, NO_TEXT)) yield [parent, data];
    }
  }

  /**
   * Yields the lists of families, but known ones, of what is shown that is no text of the document: of fields and of
   * pseudo elements.
   * @param {Element[]} all
   * @param {GeneratedPart[]} generated
   * @param {string[]} parts
   * @param {Set<string>} known
   * @returns {Generator<[shown: Element, list: string], void>}
   */
  function* otherLists(all, generated, parts, known) {
    for (const { element, part, style } of generated)
      if (!known.has(style.fontFamily) && isGenerated(element, part, style)) yield [element, style.fontFamily];
    const letters = parts.filter((part) => part.startsWith("::first-"));
    for (const element of all) {
      const field = fieldOf(element);
      if (field !== undefined) yield [element, getComputedStyle(element, field).fontFamily];
      for (const part of letters) {
        const style = getComputedStyle(element, part);
        if (!known.has(style.fontFamily) && hasLetters(element, style)) yield [element, style.fontFamily];
      }
    }
  }

  /**
   * Returns the part of a form's field that has its text, null for the field itself; undefined for what has no text.
   * @param {Element} element
   * @returns {Part | undefined}
   */
  function fieldOf(element) {
    if (element instanceof HTMLSelectElement)
      return [...element.options].some(({ text }) => text.trim()) ? null : undefined;
    const isArea = element instanceof HTMLTextAreaElement;
    if (!isArea && !(element instanceof HTMLInputElement)) return undefined;
    if (!isArea && IS_LABELLED.test(element.type)) return null;
    const isTyped = isArea || IS_TYPED.test(element.type);
    if ((isTyped || element.type === "button") && element.value.trim()) return null;
    return isTyped && element.value === "" && element.placeholder.trim() ? "::placeholder" : undefined;
  }

  /**
   * Whether a pseudo element before, after or beside an element shows text.
   * @param {Element} element
   * @param {string} part
   * @param {CSSStyleDeclaration} style
   */
  function isGenerated(element, part, style) {
    const { content, display, visibility } = style;
    if (content === "none" || (content === "normal" && part !== "::marker")) return false;
    if (display === "none" || visibility !== "visible") return false;
    if (Element.prototype.matches.call(element, HAS_NO_PARTS)) return false;
    if (part !== "::marker") return hasText(content);
    const { display: own, listStyleType, listStyleImage } = getComputedStyle(element);
    if (!own.includes("list-item")) return false;
    if (content !== "normal") return hasText(content);
    return listStyleImage === "none" && !IS_DRAWN_MARKER.test(listStyleType);
  }

  /** @param {string} content */
  function hasText(content) {
    for (const [, string, text, alternative] of content.matchAll(CONTENT)) {
      if (alternative) return false;
      if (text || /\S/.test(string ?? "")) return true;
    }
    return false;
  }

  /**
   * Whether an element has a first letter and a first line, of another font than its own.
   * @param {Element} element
   * @param {CSSStyleDeclaration} part
   */
  function hasLetters(element, part) {
    const own = getComputedStyle(element);
    if (part.fontFamily === own.fontFamily || !HAS_LETTERS.test(own.display)) return false;
    return /\S/.test(element.textContent ?? "") && !Element.prototype.matches.call(element, HAS_NO_PARTS);
  }

  /**
   * The fonts of the document by family, in lower case, and whether they work: one that no text needs is not loaded.
   * @returns {Map<string, boolean>}
   */
  function familiesOfDocument() {
    /** @type {Map<string, boolean>} */
    const families = new Map();
    /** @type {FontFaceSet} */
    const faces = Reflect.get(Document.prototype, "fonts", document);
    /** @type {Set<string>} */
    const loaded = new Set();
    for (const { family, status } of faces) {
      const [name] = namesOf(family).map((each) => each.toLowerCase());
      if (status === "loaded") loaded.add(name);
      families.set(name, loaded.has(name) || (status !== "error" && families.get(name) !== false));
    }
    return families;
  }

  /**
   * Returns the families of a computed list up to the first that the document brings itself; without that one.
   * @param {string} list
   * @param {Map<string, boolean>} own
   */
  function askedFor(list, own) {
    const names = namesOf(list);
    const end = names.findIndex((name) => own.get(name.toLowerCase()));
    return end < 0 ? names : names.slice(0, end);
  }

  /** @param {string} list */
  function namesOf(list) {
    return [...list.matchAll(FAMILY)].map(([, quoted, plain]) => (quoted ?? plain.trim()).replace(/\\(.)/g, "$1"));
  }

  /** @param {Element} element */
  function languageOf(element) {
    /** @type {Element | null} */
    const closest = Element.prototype.closest.call(element, "[lang]");
    return (closest && Element.prototype.getAttribute.call(closest, "lang")) || "";
  }

  globalThis.partsWithText = partsWithText;
  globalThis.textNeeds = textNeeds;
})();
