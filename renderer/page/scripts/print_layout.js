// Runs in the isolated world of `compose.js`: while a document is printed, it looks as it does on the screen.
(() => {
  "use strict";
  // An element with a `name` hides members of document, so methods are taken from the prototype.
  /** @type {(selector: string) => Element | null} */
  const find = (selector) => Document.prototype.querySelector.call(document, selector);
  /** @type {CSSStyleSheet | null} */
  let sheet = null;
  const SIDES = [
    ["Left", "Right"],
    ["Top", "Bottom"],
  ];

  /**
   * Makes the document one unbreakable piece, so that nothing moves to the next page for not fitting; what is outside of
   * the given CSS pixels is cut off. A contained document would not paint its body's background all over the page by
   * itself, so the background goes to the root.
   * @param {number} width
   * @param {number} height
   */
  function applyPrintLayout(width, height) {
    sheet = new CSSStyleSheet();
    const element = find(":root");
    if (!element) return; // a script removed it: the page is empty
    const root = getComputedStyle(element);
    const body = find("body");
    const isBare = root.backgroundImage === "none" && root.backgroundColor === "rgba(0, 0, 0, 0)";
    const isMoved = body && isBare && root.display !== "none";
    const background = isMoved ? getComputedStyle(body).background : "";
    const backdrop = backdropRules(element, isMoved ? getComputedStyle(body) : root);
    const least = [width, height].map((length, axis) => length / (Number(root.zoom) || 1) - edges(root, axis));
    sheet.replaceSync(
      "@page{margin:0!important;size:auto!important}" +
        `html{contain:size paint!important;min-width:${least[0]}px!important;min-height:${least[1]}px!important}` +
        "*{break-before:auto!important;break-after:auto!important}" +
        (background ? `html{background:${background}!important}body{background:none!important}` : "") +
        backdrop,
    );
    sheets.add(sheet);
  }

  /**
   * Printed, the page's background is no part of what elements blend with. Where some do, it becomes the lowest part of
   * the root.
   * @param {Element} element The root.
   * @param {CSSStyleDeclaration} shown The style whose background is the page's.
   */
  function backdropRules(element, shown) {
    const root = getComputedStyle(element);
    if (!hasBlending() || !canHoldBackdrop(element) || root.display === "none") return "";
    return (
      "html{background:none!important}html::before{content:''!important;display:block!important;inset:0!important;" +
      `position:absolute!important;z-index:-2147483648!important;background:${shown.background}!important}`
    );
  }

  /**
   * Returns what margin, border and padding of the root take of the page; in addition to its size, they would make
   * Chromium shrink the print.
   * @param {CSSStyleDeclaration} root
   * @param {number} axis 0 is horizontal, 1 vertical.
   */
  function edges(root, axis) {
    const [before, after] = SIDES[axis];
    const inner = [`padding${before}`, `padding${after}`, `border${before}Width`, `border${after}Width`];
    const counted = root.boxSizing === "border-box" ? [] : inner;
    const lengths = /** @type {Record<string, any>} */ (root);
    return [`margin${before}`, ...counted].reduce((sum, edge) => sum + (parseFloat(lengths[edge]) || 0), 0);
  }

  function removePrintLayout() {
    if (sheet) sheets.remove(sheet);
  }

  globalThis.applyPrintLayout = applyPrintLayout;
  globalThis.removePrintLayout = removePrintLayout;
})();
