// Runs in the isolated world of `compose.js`. While it is laid on paper, a document looks as it does on the screen.
(() => {
  "use strict";
  // An element with a `name` hides members of document.
  const find = (selector) => Document.prototype.querySelector.call(document, selector);
  let sheet = null;

  // The page is one whole piece, so that nothing moves to the next one for not fitting; what is outside is cut off.
  // A document that is held together like this would not paint its body's background all over the page by itself.
  function layOnPaper(width, height) {
    sheet = new CSSStyleSheet();
    const element = find(":root");
    if (!element) return; // a script took it away: the page is empty
    const root = getComputedStyle(element);
    const body = find("body");
    const bare = root.backgroundImage === "none" && root.backgroundColor === "rgba(0, 0, 0, 0)";
    const spread = body && bare && root.display !== "none" ? getComputedStyle(body).background : "";
    const least = [width, height].map((length, axis) => length / (Number(root.zoom) || 1) - around(root, axis));
    sheet.replaceSync(
      "@page{margin:0!important;size:auto!important}" +
        `html{contain:size paint!important;min-width:${least[0]}px!important;min-height:${least[1]}px!important}` +
        "*{break-before:auto!important;break-after:auto!important}" +
        (spread ? `html{background:${spread}!important}body{background:none!important}` : ""),
    );
    sheets.add(sheet);
  }

  // What the root's own edges take of the page; if they came on top, Chromium would print all of it smaller.
  function around(root, axis) {
    const [before, after] = [["Left", "Right"], ["Top", "Bottom"]][axis];
    const edges = [`padding${before}`, `padding${after}`, `border${before}Width`, `border${after}Width`];
    const counted = root.boxSizing === "border-box" ? [] : edges;
    return [`margin${before}`, ...counted].reduce((sum, edge) => sum + (parseFloat(root[edge]) || 0), 0);
  }

  function takeOffPaper() {
    sheets.remove(sheet);
  }

  globalThis.layOnPaper = layOnPaper;
  globalThis.takeOffPaper = takeOffPaper;
})();
