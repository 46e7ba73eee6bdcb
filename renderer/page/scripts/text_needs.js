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
  /** @type {(element: Element) => boolean} */
  const isShown = (element) => Element.prototype.checkVisibility.call(element, { visibilityProperty: true });

  /**
   * @param {Root[]} roots
   * @param {boolean} hyphens Whether style may hyphenate texts.
   * @returns {TextNeeds}
   */
  function textNeeds(roots, hyphens) {
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

  globalThis.textNeeds = textNeeds;
})();
