// Runs in the isolated world of `compose.js`. While it is laid on paper, a document looks as it does on the screen.
(() => {
  "use strict";
  // An element with a `name` hides members of document.
  const find = (selector) => Document.prototype.querySelector.call(document, selector);
  let sheet = null;

  // The page is one whole piece, so that nothing moves to the next one for not fitting; what is outside is cut off.
  // A document that is held together like this would not paint its body's background all over the page by itself.
  function layOnPaper(width, height) {
    const root = getComputedStyle(find(":root"));
    const body = find("body");
    const bare = root.backgroundImage === "none" && root.backgroundColor === "rgba(0, 0, 0, 0)";
    const spread = body && bare && root.display !== "none" ? getComputedStyle(body).background : "";
    sheet = new CSSStyleSheet();
    sheet.replaceSync(
      "@page{margin:0!important;size:auto!important}" +
        `html{contain:size paint!important;min-width:${width}px!important;min-height:${height}px!important}` +
        "*{break-before:auto!important;break-after:auto!important}" +
        (spread ? `html{background:${spread}!important}body{background:none!important}` : ""),
    );
    sheets.add(sheet);
  }

  function takeOffPaper() {
    sheets.remove(sheet);
  }

  globalThis.layOnPaper = layOnPaper;
  globalThis.takeOffPaper = takeOffPaper;
})();
