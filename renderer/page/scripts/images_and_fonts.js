// Runs in the isolated world of `compose.js`: waits for the images and fonts that a document shows.
(() => {
  "use strict";
  const NO_IMAGE = /^data:[^,]*,\s*$/;
  const IMAGE_URL = /url\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)]*))\)/g;
  // The browser shows one of a set and does not fetch the others.
  const IMAGE_SET = /image-set\((?:"(?:[^"\\]|\\.)*"|[^()"]|\((?:"(?:[^"\\]|\\.)*"|[^()"])*\))*\)/g;
  const PARTS = ["before", "after", "marker", "first-letter", "first-line", "backdrop"];
  const PROPERTIES = ["backgroundImage", "maskImage", "borderImageSource", "listStyleImage", "content", "shapeOutside"];

  // An element with the name of a member of the document hides that member.
  /** @type {() => FontFaceSet} */
  const fonts = () => Reflect.get(Document.prototype, "fonts", document);
  /** @type {() => string} */
  const base = () => Reflect.get(Node.prototype, "baseURI", document);
  const fontsLoaded = () => fonts().status === "loaded";

  /** @param {string | undefined} url */
  function absolute(url) {
    try {
      return new URL(/** @type {string} */ (url), base()).href;
    } catch {
      return url || "";
    }
  }

  /**
   * @param {HTMLImageElement | SVGImageElement} image
   * @param {Set<string>} failed
   */
  async function decode(image, failed) {
    try {
      await /** @type {HTMLImageElement} */ (image).decode();
    } catch {
      const { currentSrc, src } = /** @type {HTMLImageElement} */ (image);
      const { href } = /** @type {SVGImageElement} */ (image);
      failed.add(currentSrc || src || absolute(href?.baseVal));
    }
  }

  /**
   * A style sheet that is not what its `integrity` asks for. The browser checks those that `network_document.py` cannot.
   * @param {HTMLLinkElement} link
   */
  const isDropped = ({ integrity, relList, disabled, sheet }) =>
    integrity && relList.contains("stylesheet") && !relList.contains("alternate") && !disabled && !sheet;

  /**
   * Reads a string of a computed style: an escape is a backslash before the character, or before its number.
   * @param {string} text
   */
  function unescaped(text) {
    return text.replace(/\\([0-9a-f]{1,6} ?|.)/gi, (_, given) =>
      given.length > 1 || /[0-9a-f]/i.test(given) ? String.fromCodePoint(parseInt(given, 16)) : given,
    );
  }

  /**
   * @param {Element[]} all
   * @param {Part[]} parts
   */
  function styleUrls(all, parts) {
    /** @type {Set<string>} */
    const urls = new Set();
    for (const element of all)
      for (const part of parts) {
        const style = /** @type {Record<string, any>} */ (getComputedStyle(element, part));
        for (const property of PROPERTIES)
          for (const match of (style[property] || "").replace(IMAGE_SET, "").matchAll(IMAGE_URL)) {
            const url = unescaped(match[1] ?? match[2] ?? match[3]);
            if (!url.startsWith("#")) urls.add(url); // a mask or a clip of the document itself
          }
      }
    return urls;
  }

  /**
   * Style is costly to read: it is read only where the document says something about images, and for those parts alone.
   * @param {string} html
   * @param {Pick<LayoutRequest, "styleImages" | "styleSheets">} request
   * @returns {Part[]}
   */
  function partsWithImages(html, request) {
    if (!request.styleImages) return [];
    const named = request.styleSheets ? PARTS : PARTS.filter((part) => new RegExp(`:${part}`, "i").test(html));
    return [null, ...named.map((part) => `::${part}`)];
  }

  /**
   * Returns once images and fonts are loaded and decoded, with the addresses of the images that failed.
   * @param {Element[]} all
   * @param {Part[]} parts
   */
  async function loadImagesAndFonts(all, parts) {
    /** @type {Set<string>} */
    const failed = new Set();
    /** @type {Set<string>} */
    const failedInStyles = new Set();
    const waits = [];
    const urls = parts.length ? styleUrls(all, parts) : new Set();
    for (const element of all) {
      if (element instanceof HTMLImageElement) {
        if (element.loading === "lazy") element.loading = "eager";
        if (element.currentSrc || element.src) waits.push(decode(element, failed));
      } else if (element instanceof SVGImageElement) waits.push(decode(element, failed));
      else if (element instanceof HTMLVideoElement && element.poster) urls.add(element.poster);
      else if (element instanceof HTMLLinkElement && isDropped(element)) failed.add(element.href);
      else if (element instanceof HTMLInputElement && element.type === "image" && element.src) urls.add(element.src);
    }
    for (const url of urls) {
      const image = new Image();
      image.src = url;
      waits.push(decode(image, failedInStyles));
    }
    forceLayout(); // asks for the fonts that `ready` then waits for
    await Promise.all([fonts().ready, ...waits]);
    failed.delete("");
    // CSS has its own rules for reading an address, so a data: address of a style sheet is not reported as broken.
    const broken = [...failed].some((url) => url.startsWith("data:") && !NO_IMAGE.test(url));
    return { broken, failed: [...failed, ...failedInStyles].filter((url) => url && !url.startsWith("data:")) };
  }

  globalThis.fontsLoaded = fontsLoaded;
  globalThis.partsWithImages = partsWithImages;
  globalThis.loadImagesAndFonts = loadImagesAndFonts;
})();
