// Runs before the scripts of a document: notes what they have begun and wait for, so that `compose.js` waits as well.
// Nothing that scripts may replace is used once they run.
(() => {
  "use strict"; // or functions would be names of the document's, too
  const { atob, Blob, document, reportError, Uint8Array } = globalThis;
  const PROMISED = [
    [globalThis, ["fetch", "createImageBitmap"]],
    [Response.prototype, ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]],
    [Blob.prototype, ["arrayBuffer", "bytes", "text"]],
    [FontFace.prototype, ["load"]],
    [FontFaceSet.prototype, ["load"]],
    [HTMLImageElement.prototype, ["decode"]],
    [WebAssembly, ["compile", "compileStreaming", "instantiate", "instantiateStreaming"]],
  ];
  const TOLD = [
    [XMLHttpRequest.prototype, ["send"]],
    [FileReader.prototype, ["readAsArrayBuffer", "readAsBinaryString", "readAsDataURL", "readAsText"]],
  ];
  const { apply } = Reflect;
  const postTask = scheduler.postTask.bind(scheduler);
  const member = (method) => Function.prototype.call.bind(method);
  const getter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get;
  const then = member(Promise.prototype.then);
  const listen = member(EventTarget.prototype.addEventListener);
  const isComplete = member(getter(HTMLImageElement.prototype, "complete"));
  const isConnected = member(getter(Node.prototype, "isConnected"));
  const { toDataURL } = HTMLCanvasElement.prototype;
  const create = member(Document.prototype.createElement);
  const cut = member(String.prototype.slice);
  const find = member(String.prototype.indexOf);
  const code = member(String.prototype.charCodeAt);
  const NO_KIND = "data:".length;
  const attribute = member(Element.prototype.getAttribute);
  const PROGRAM = /^$|^module$|(?:java|ecma)script/i;
  const isProgram = member(RegExp.prototype.test).bind(null, PROGRAM);
  const once = { __proto__: null, once: true };
  const loading = [];
  let begun = 0;

  // Returns what ends it; that it does so once more changes nothing.
  function begin() {
    let ended = false;
    begun += 1;
    return () => {
      if (!ended) begun -= 1;
      ended = true;
    };
  }

  function replace(methods, make) {
    for (const [owner, names] of methods) for (const name of names) if (owner[name]) owner[name] = make(owner[name]);
  }

  replace(
    PROMISED,
    (method) =>
      function (...given) {
        const answer = apply(method, this, given);
        const end = begin();
        then(answer, end, end);
        return answer;
      },
  );
  replace(
    TOLD,
    (method) =>
      function (...given) {
        const end = begin();
        listen(this, "loadend", end, once); // before, because it may be over when `method` returns
        try {
          apply(method, this, given);
        } catch (error) {
          end();
          throw error;
        }
      },
  );
  // The browser encodes between frames, where there is hardly any time left: a picture of 1500 by 1500 took five seconds.
  // What does so at once takes a tenth of one. Returns null for a canvas without pixels.
  function encoded(canvas, given) {
    const address = apply(toDataURL, canvas, given);
    const comma = find(address, ",");
    if (comma === NO_KIND) return null;
    const bytes = atob(cut(address, comma + 1));
    const data = new Uint8Array(bytes.length);
    for (let place = 0; place < bytes.length; place += 1) data[place] = code(bytes, place);
    return new Blob([data], { __proto__: null, type: cut(address, NO_KIND, find(address, ";")) });
  }

  replace(
    [[HTMLCanvasElement.prototype, ["toBlob"]]],
    (method) =>
      function (action, ...given) {
        if (typeof action !== "function") return apply(method, this, [action, ...given]); // which refuses it
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
        if (this.width * this.height === 0) return await apply(method, this, [options]); // which refuses it
        const canvas = create(document, "canvas");
        canvas.width = this.width;
        canvas.height = this.height;
        canvas.getContext("2d").drawImage(this, 0, 0);
        return encoded(canvas, [options?.type, options?.quality]);
      },
  );

  // What is named is loaded from then on, or once it is in the document.
  function note(prototype, name, isLoading) {
    const source = Object.getOwnPropertyDescriptor(prototype, name);
    const setAttribute = member(Element.prototype.setAttribute);
    const add = (element) => {
      loading[loading.length] = isLoading(element);
    };
    Object.defineProperty(prototype, name, {
      ...source,
      set(address) {
        apply(source.set, this, [address]);
        add(this);
      },
    });
    prototype.setAttribute = function (...given) {
      apply(setAttribute, undefined, [this, ...given]);
      if (given[0] === name) add(this);
    };
  }

  const isLazy = (image) => attribute(image, "loading") === "lazy";
  note(HTMLImageElement.prototype, "src", (image) => () => !isLazy(image) && !isComplete(image));
  note(HTMLScriptElement.prototype, "src", (script) => {
    let loaded = false;
    for (const event of ["load", "error"]) listen(script, event, () => (loaded = true), once);
    return () => !loaded && (isConnected(script) ? isProgram(attribute(script, "type") ?? "") : null);
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
    if (isAnyLoading() || begun > 0) event.preventDefault();
  });
})();
