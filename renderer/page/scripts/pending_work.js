// Runs before the scripts of a document: tracks the work that they have begun and wait for (requests, images that load,
// decode or encode, fonts), so that `compose.js` waits as well. Nothing that scripts may replace is used once they run.
(() => {
  "use strict"; // or the functions would be global names of the document
  const { atob, Blob, document, reportError, Uint8Array } = globalThis;
  /** @typedef {(this: any, ...given: any[]) => any} Method */
  /** @typedef {[owner: any, names: string[]][]} Methods */
  /** @type {Methods} */
  const RETURN_PROMISES = [
    [globalThis, ["fetch", "createImageBitmap"]],
    [Response.prototype, ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]],
    [Blob.prototype, ["arrayBuffer", "bytes", "text"]],
    [FontFace.prototype, ["load"]],
    [FontFaceSet.prototype, ["load"]],
    [HTMLImageElement.prototype, ["decode"]],
    [WebAssembly, ["compile", "compileStreaming", "instantiate", "instantiateStreaming"]],
  ];
  /** @type {Methods} */
  const FIRE_EVENTS = [
    [XMLHttpRequest.prototype, ["send"]],
    [FileReader.prototype, ["readAsArrayBuffer", "readAsBinaryString", "readAsDataURL", "readAsText"]],
  ];
  const { apply } = Reflect;
  const postTask = scheduler.postTask.bind(scheduler);
  /** @type {(method: Function) => (target: any, ...given: any[]) => any} */
  const member = (method) => Function.prototype.call.bind(method);
  /** @type {(prototype: object, name: string) => Function} */
  const getter = (prototype, name) => /** @type {any} */ (Object.getOwnPropertyDescriptor(prototype, name)?.get);
  const then = member(Promise.prototype.then);
  const listen = member(EventTarget.prototype.addEventListener);
  const isComplete = member(getter(HTMLImageElement.prototype, "complete"));
  const isConnected = member(getter(Node.prototype, "isConnected"));
  const { toDataURL } = HTMLCanvasElement.prototype;
  const create = member(Document.prototype.createElement);
  const slice = member(String.prototype.slice);
  const indexOf = member(String.prototype.indexOf);
  const charCodeAt = member(String.prototype.charCodeAt);
  const TYPE_STARTS = "data:".length;
  const attribute = member(Element.prototype.getAttribute);
  const SCRIPT_TYPE = /^$|^module$|(?:java|ecma)script/i;
  const isScriptType = member(RegExp.prototype.test).bind(null, SCRIPT_TYPE);
  const once = { __proto__: null, once: true };
  /** @type {(() => boolean | null)[]} */
  const loading = []; // each says whether it is still loading, or null where that is not known yet
  let pending = 0;

  /** Returns a function that ends the work; calling it again changes nothing. */
  function begin() {
    let ended = false;
    pending += 1;
    return () => {
      if (!ended) pending -= 1;
      ended = true;
    };
  }

  /**
   * @param {Methods} methods
   * @param {(method: Method) => Method} wrapped
   */
  function replace(methods, wrapped) {
    for (const [owner, names] of methods) for (const name of names) if (owner[name]) owner[name] = wrapped(owner[name]);
  }

  replace(
    RETURN_PROMISES,
    (method) =>
      function (...given) {
        const answer = apply(method, this, given);
        const end = begin();
        then(answer, end, end);
        return answer;
      },
  );
  replace(
    FIRE_EVENTS,
    (method) =>
      function (...given) {
        const end = begin();
        listen(this, "loadend", end, once); // before the call, because it may be over when `method` returns
        try {
          apply(method, this, given);
        } catch (error) {
          end();
          throw error;
        }
      },
  );

  /**
   * The browser encodes a canvas asynchronously between frames, where there is hardly any time left: 1500 by 1500 pixels
   * took five seconds. Synchronously it takes a tenth of one. Returns null for a canvas without pixels.
   * @param {HTMLCanvasElement} canvas
   * @param {any[]} given
   */
  function encoded(canvas, given) {
    const url = apply(toDataURL, canvas, given);
    const comma = indexOf(url, ",");
    if (comma === TYPE_STARTS) return null;
    const bytes = atob(slice(url, comma + 1));
    const data = new Uint8Array(bytes.length);
    for (let place = 0; place < bytes.length; place += 1) data[place] = charCodeAt(bytes, place);
    const options = { __proto__: null, type: slice(url, TYPE_STARTS, indexOf(url, ";")) };
    return new Blob([data], options);
  }

  replace(
    [[HTMLCanvasElement.prototype, ["toBlob"]]],
    (method) =>
      function (action, ...given) {
        if (typeof action !== "function") return apply(method, this, [action, ...given]); // which throws
        const picture = encoded(this, given);
        const end = begin();
        postTask(() => {
          end();
          try {
            apply(action, undefined, [picture]);
          } catch (error) {
            reportError(error);
          }
        });
      },
  );
  replace(
    [[OffscreenCanvas.prototype, ["convertToBlob"]]],
    (method) =>
      async function (options) {
        if (this.width * this.height === 0) return await apply(method, this, [options]); // which throws
        const canvas = create(document, "canvas");
        canvas.width = this.width;
        canvas.height = this.height;
        canvas.getContext("2d").drawImage(this, 0, 0);
        return encoded(canvas, [options?.type, options?.quality]);
      },
  );

  /**
   * Tracks the elements whose address is set: they load from then on, or once they are in the document.
   * @param {Element} prototype
   * @param {string} name
   * @param {(element: any) => () => boolean | null} isLoading
   */
  function track(prototype, name, isLoading) {
    const source = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(prototype, name));
    const set = /** @type {(address: any) => void} */ (source.set);
    const setAttribute = member(Element.prototype.setAttribute);
    /** @param {any} element */
    const add = (element) => {
      loading[loading.length] = isLoading(element);
    };
    Object.defineProperty(prototype, name, {
      ...source,
      set(address) {
        apply(set, this, [address]);
        add(this);
      },
    });
    prototype.setAttribute = function (...given) {
      apply(setAttribute, undefined, [this, ...given]);
      if (given[0] === name) add(this);
    };
  }

  /** @param {HTMLImageElement} image */
  const isLazy = (image) => attribute(image, "loading") === "lazy";
  track(HTMLImageElement.prototype, "src", (image) => () => !isLazy(image) && !isComplete(image));
  track(HTMLScriptElement.prototype, "src", (script) => {
    let loaded = false;
    const end = () => {
      loaded = true;
    };
    for (const event of ["load", "error"]) listen(script, event, end, once);
    return () => !loaded && (isConnected(script) ? isScriptType(attribute(script, "type") ?? "") : null);
  });

  function isAnyLoading() {
    let kept = 0;
    let found = false;
    for (let place = 0; place < loading.length; place += 1) {
      const is = loading[place]();
      if (is) found = true;
      if (is !== false) {
        loading[kept] = loading[place];
        kept += 1;
      }
    }
    loading.length = kept;
    return found;
  }

  performance.addEventListener("posters-work", (event) => {
    if (isAnyLoading() || pending > 0) event.preventDefault();
  });
})();
