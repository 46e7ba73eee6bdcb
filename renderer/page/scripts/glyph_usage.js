// Runs in the isolated world of `compose.js`: which characters a document shows that only installed fonts can draw.
(() => {
  "use strict";
  const IS_VALUE_SHOWN = /^(?:text|search|url|tel|email|number|button|submit|reset)$/;
  const STRING = /"((?:[^"\\]|\\.)*)"|attr\(([^\s,)]+)[^)]*\)/g;
  const PARTS = ["::before", "::after", "::marker"];
  const SURELY_MISSING = "\u{10ffff}";
  const member = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get;
  const innerTextOf = (element) => member(HTMLElement.prototype, "innerText").call(element);
  const isShown = (element) => Element.prototype.checkVisibility.call(element, { visibilityProperty: true });
  const beyondAscii = (text) => [...text].filter((character) => character > "\u007e");

  // Distinct characters outside ASCII; with `generated`, also of what style sheets put before and after elements.
  function characters(all, roots, generated) {
    const faces = [...member(Document.prototype, "fonts").call(document)].filter((face) => face.status === "loaded");
    const families = faces.map((face) => face.family.replace(/^["']|["']$/g, "").toLowerCase());
    const texts = [...shownTexts(all, roots), ...(generated ? generatedTexts(all) : [])];
    const found = new Set(texts.flatMap(([, text]) => beyondAscii(text)));
    if (families.length > 0 && found.size > 0) leaveOutDrawn(found, texts, roots, families);
    return [...found].join("");
  }

  // Pairs of a style, where it is known, and a text.
  function shownTexts(all, roots) {
    const texts = [];
    for (const root of roots)
      for (const node of root === document ? [member(Document.prototype, "body").call(document)] : root.childNodes) {
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

  function generatedTexts(all) {
    const texts = [];
    for (const element of all)
      for (const part of PARTS) {
        const style = getComputedStyle(element, part);
        const said = part === "::marker" ? `${style.content} ${style.listStyleType}` : style.content;
        if (said === "none" || said === "normal") continue;
        let text = "";
        for (const [, string, name] of said.matchAll(STRING))
          text += string ?? (Element.prototype.getAttribute.call(element, name) || "");
        if (beyondAscii(text).length > 0 && isShown(element)) texts.push([style, text]);
      }
    return texts;
  }

  // Takes away what stands only where a font of the document draws it.
  function leaveOutDrawn(found, texts, roots, families) {
    const drawn = new Map();
    const others = new Set();
    const note = (style, text) => {
      const family = style.fontFamily.toLowerCase();
      const inOwn = families.some((name) => family.includes(name));
      const font = `${style.fontStyle} ${style.fontWeight} 40px ${style.fontFamily}`;
      if (inOwn && !drawn.has(font)) drawn.set(font, new Set());
      for (const character of beyondAscii(text)) (inOwn ? drawn.get(font) : others).add(character);
    };
    for (const [style, text] of texts) if (style) note(style, text);
    for (const root of roots) noteNodes(root, note);
    const pen = Document.prototype.createElement.call(document, "canvas").getContext("2d");
    for (const [font, those] of drawn) {
      pen.font = font;
      const missing = measured(pen, SURELY_MISSING);
      for (const character of those) if (measured(pen, character) === missing) others.add(character);
    }
    for (const those of drawn.values())
      for (const character of those) if (!others.has(character)) found.delete(character);
  }

  function noteNodes(root, note) {
    const walker = Document.prototype.createTreeWalker.call(document, root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      const { data } = walker.currentNode;
      if (!parent || beyondAscii(data).length === 0) continue;
      if (Element.prototype.closest.call(parent, "script,style,template,noscript") || !isShown(parent)) continue;
      note(getComputedStyle(parent), data);
    }
  }

  function measured(pen, character) {
    const size = pen.measureText(character);
    const edges = [size.actualBoundingBoxLeft, size.actualBoundingBoxRight, size.actualBoundingBoxAscent];
    return [size.width, ...edges, size.actualBoundingBoxDescent].join();
  }

  globalThis.characters = characters;
})();
