// Runs in the isolated world of `compose.js`: waits for the images and fonts that a document shows, and names the broken
// ones that it holds itself. Those of the network are named by their address.
(() => {
  "use strict";
  // Nothing at all, or a GIF of one pixel, of which a usual placeholder ends after its header.
  const NO_IMAGE = /^data:(?:[^,]*,\s*$|image\/gif;base64,R0lGOD[dl]hAQABA)/;
  const IMAGE_URL = /url\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)]*))\)/g;
  // The browser shows one of a set and does not fetch the others.
  const IMAGE_SET = /image-set\((?:"(?:[^"\\]|\\.)*"|[^()"]|\((?:"(?:[^"\\]|\\.)*"|[^()"])*\))*\)/g;
  const PARTS = ["before", "after", "marker", "first-letter", "first-line", "backdrop"];
  const PROPERTIES = Object.entries({
    backgroundImage: "background-image",
    maskImage: "mask-image",
    borderImageSource: "border-image",
    listStyleImage: "list-style-image",
    content: "content",
    shapeOutside: "shape-outside",
  });
  const NAMES_MAX = 50;
  const DATA = /^data:/i;
  const INLINE = /^(?:data|blob):/i;
  const IMAGE_DATA = /^data:image\//i;
  const FONT_SOURCE = /url\(\s*["']?data:/i;

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

  /** @typedef {(url: string, places: string[]) => void} Fail Takes an address whose image is not shown, and where. */

  /**
   * @param {HTMLImageElement | SVGImageElement} image
   * @param {string[]} places
   * @param {Fail} fail
   */
  async function decode(image, places, fail) {
    try {
      await /** @type {HTMLImageElement} */ (image).decode();
    } catch {
      const { currentSrc, src } = /** @type {HTMLImageElement} */ (image);
      const { href } = /** @type {SVGImageElement} */ (image);
      fail(currentSrc || src || absolute(href?.baseVal), places);
    }
  }

  /**
   * Returns where `url` is used, to add to.
   * @param {Map<string, string[]>} urls
   * @param {string} url
   */
  function placesOf(urls, url) {
    const places = urls.get(url) ?? [];
    urls.set(url, places);
    return places;
  }

  /** @type {(element: Element) => boolean} */
  const isShown = (element) => Element.prototype.checkVisibility.call(element, { visibilityProperty: true });
  /** @type {(element: Element) => string[]} */
  const nameIfShown = (element) => (isShown(element) ? [nameOf(element)] : []);

  /**
   * A style sheet that is not what its `integrity` asks for. The browser checks those that `network_document.py` cannot.
   * @param {HTMLLinkElement} link
   */
  const isDropped = ({ integrity, relList, disabled, sheet }) =>
    integrity && relList.contains("stylesheet") && !relList.contains("alternate") && !disabled && !sheet;

  /**
   * A style sheet in the document itself that the browser does not take for one, such as `data:text/plain,`. Without a
   * doctype it may.
   * @param {HTMLLinkElement} link
   */
  const isNoSheet = ({ href, type, relList, disabled }) =>
    DATA.test(href) &&
    !/^data:text\/css[;,]/i.test(href) &&
    relList.contains("stylesheet") &&
    !disabled &&
    /^(?:text\/css)?$/i.test(type) &&
    Reflect.get(Document.prototype, "compatMode", document) === "CSS1Compat";

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
   * Returns the images of styles with where they are shown. One that is in the document itself and shown nowhere is left
   * out: there is nothing to wait for, and nobody misses it.
   * @param {Element[]} all
   * @param {Part[]} parts
   */
  function styleUrls(all, parts) {
    /** @type {Map<string, string[]>} */
    const urls = new Map();
    for (const element of all)
      for (const part of parts) {
        const style = /** @type {Record<string, any>} */ (getComputedStyle(element, part));
        for (const [property, name] of PROPERTIES)
          for (const url of urlsIn(style[property] || "")) {
            if (url.startsWith("#")) continue; // a mask or a clip of the document itself
            if (DATA.test(url) && !isShown(element)) continue;
            const isDrawn = !part || part === "::marker" || (style.content !== "none" && style.content !== "normal");
            const places = placesOf(urls, url);
            if (isDrawn && places.length < NAMES_MAX) places.push(`${name} of ${nameOf(element)}${part ?? ""}`);
          }
      }
    return urls;
  }

  /**
   * Returns the addresses of images in a computed style. Of a set, that is the only one, if there is one.
   * @param {string} value
   */
  function urlsIn(value) {
    /** @type {(text: string) => string[]} */
    const found = (text) => [...text.matchAll(IMAGE_URL)].map((match) => unescaped(match[1] ?? match[2] ?? match[3]));
    const sets = [...value.matchAll(IMAGE_SET)].map(([set]) => found(set)).filter((set) => set.length === 1);
    return [...found(value.replace(IMAGE_SET, "")), ...sets.flat()];
  }

  /**
   * Returns the images of elements that have no way to wait for them, with where they are.
   * @param {Element} element
   * @returns {string | undefined}
   */
  function imageOf(element) {
    if (element instanceof HTMLVideoElement) return element.poster;
    if (element instanceof HTMLInputElement) return element.type === "image" ? element.src : undefined;
    if (element instanceof SVGFEImageElement) return dataImage(element.href.baseVal);
    if (element instanceof HTMLObjectElement) return dataImage(element.data);
    if (element instanceof HTMLEmbedElement) return dataImage(element.src);
    return undefined;
  }

  /** @param {string} url */
  function dataImage(url) {
    return IMAGE_DATA.test(url) ? url : undefined;
  }

  /**
   * Says whether an element has an address of its own that Chromium does not show: what is in the document itself is no
   * asset, so nothing else tells.
   * @param {Element} element
   */
  function isUnplayable(element) {
    if (element instanceof SVGUseElement) return DATA.test(element.href.baseVal);
    if (!(element instanceof HTMLVideoElement)) return false;
    const { currentSrc, networkState } = element;
    return networkState === HTMLMediaElement.NETWORK_NO_SOURCE && DATA.test(currentSrc || element.src);
  }

  /**
   * Names the fonts that style sheets of the document hold themselves and that are broken. Sheets of the network cannot be
   * read, and what they name is an asset.
   */
  function brokenFonts() {
    const faces = [...fonts()].filter((face) => face.status === "error").map((face) => familyOf(face.family));
    if (faces.length === 0) return [];
    const embedded = new Set();
    for (const sheet of Reflect.get(Document.prototype, "styleSheets", document))
      for (const rule of rulesOf(sheet))
        if (rule instanceof CSSFontFaceRule && FONT_SOURCE.test(rule.style.getPropertyValue("src")))
          embedded.add(familyOf(rule.style.getPropertyValue("font-family")));
    return [...new Set(faces)].filter((family) => embedded.has(family)).map((family) => `font ${family.slice(0, 60)}`);
  }

  /**
   * Returns the addresses of fonts in lists of sources of which one was loaded, if not this one then another. A family
   * with a font that did not load has none.
   */
  function replaceableFonts() {
    const faces = [...fonts()];
    /** @type {(wanted: FontFaceLoadStatus) => Set<string>} */
    const families = (wanted) =>
      new Set(faces.filter(({ status }) => status === wanted).map(({ family }) => familyOf(family)));
    const loaded = families("loaded");
    const failed = families("error");
    /** @type {Map<string, boolean>} */
    const found = new Map();
    for (const sheet of loaded.size > 0 ? Reflect.get(Document.prototype, "styleSheets", document) : [])
      for (const rule of rulesOf(sheet)) {
        if (!(rule instanceof CSSFontFaceRule)) continue;
        const family = familyOf(rule.style.getPropertyValue("font-family"));
        const urls = urlsIn(rule.style.getPropertyValue("src")).map(absolute);
        const isLoaded = urls.length > 1 && loaded.has(family) && !failed.has(family);
        for (const url of urls) found.set(url, isLoaded && found.get(url) !== false);
      }
    return [...found].filter(([url, isLoaded]) => isLoaded && !INLINE.test(url)).map(([url]) => url);
  }

  /** @param {string} family */
  function familyOf(family) {
    return family.replace(/^["']|["']$/g, "");
  }

  /** @param {CSSStyleSheet} sheet */
  function rulesOf(sheet) {
    try {
      return [...sheet.cssRules];
    } catch {
      return [];
    }
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
   * Returns once images and fonts are loaded and decoded, with the addresses of the images that failed, and the places of
   * broken images and fonts in the document itself.
   * @param {Element[]} all
   * @param {Part[]} parts
   */
  async function loadImagesAndFonts(all, parts) {
    /** @type {Set<string>} */
    const failed = new Set();
    /** @type {string[]} */
    const broken = [];
    /** @type {Fail} */
    const fail = (url, places) => {
      if (!INLINE.test(url)) failed.add(url);
      else if (!NO_IMAGE.test(url)) broken.push(...places);
    };
    const waits = [];
    const urls = parts.length ? styleUrls(all, parts) : new Map();
    for (const element of all) {
      const other = imageOf(element);
      if (other) placesOf(urls, other).push(...nameIfShown(element));
      else if (element instanceof HTMLImageElement) {
        if (element.loading === "lazy") element.loading = "eager";
        if (element.currentSrc || element.src) waits.push(decode(element, nameIfShown(element), fail));
      } else if (element instanceof SVGImageElement) waits.push(decode(element, nameIfShown(element), fail));
      else if (isUnplayable(element)) broken.push(...nameIfShown(element));
      else if (element instanceof HTMLLinkElement && isNoSheet(element)) broken.push(nameOf(element));
      else if (element instanceof HTMLLinkElement && isDropped(element)) failed.add(element.href);
    }
    for (const [url, places] of urls) {
      const image = new Image();
      image.src = url;
      waits.push(decode(image, places, fail));
    }
    forceLayout(); // asks for the fonts that `ready` then waits for
    await Promise.all([fonts().ready, ...waits]);
    failed.delete("");
    const named = [...new Set([...broken, ...brokenFonts()])].slice(0, NAMES_MAX);
    return { broken: named, failed: [...failed] };
  }

  globalThis.fontsLoaded = fontsLoaded;
  globalThis.replaceableFonts = replaceableFonts;
  globalThis.partsWithImages = partsWithImages;
  globalThis.loadImagesAndFonts = loadImagesAndFonts;
})();
