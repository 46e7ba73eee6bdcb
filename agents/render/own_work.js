// Runs before the scripts of a document: notes what they have begun and wait for, so that `compose.js` waits as well.
{
  const PROMISED = [
    [globalThis, ["fetch", "createImageBitmap"]],
    [Response.prototype, ["arrayBuffer", "blob", "json", "text"]],
    [Blob.prototype, ["arrayBuffer", "text"]],
    [FontFace.prototype, ["load"]],
    [HTMLImageElement.prototype, ["decode"]],
    [OffscreenCanvas.prototype, ["convertToBlob"]],
    [WebAssembly, ["compile", "instantiate"]],
  ];
  const TOLD = [
    [XMLHttpRequest.prototype, ["send"]],
    [FileReader.prototype, ["readAsArrayBuffer", "readAsBinaryString", "readAsDataURL", "readAsText"]],
  ];
  const then = Promise.prototype.then;
  const listen = EventTarget.prototype.addEventListener;
  const { get: isComplete } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "complete");
  const images = new Set();
  const begun = new Set();

  function begin() {
    const one = Symbol();
    begun.add(one);
    return () => void begun.delete(one);
  }

  function replace(methods, make) {
    for (const [owner, names] of methods) for (const name of names) if (owner[name]) owner[name] = make(owner[name]);
  }

  replace(
    PROMISED,
    (method) =>
      function (...given) {
        const answer = method.apply(this, given);
        const end = begin();
        then.call(answer, end, end);
        return answer;
      },
  );
  replace(
    TOLD,
    (method) =>
      function (...given) {
        method.apply(this, given);
        listen.call(this, "loadend", begin(), { once: true });
      },
  );
  replace(
    [[HTMLCanvasElement.prototype, ["toBlob"]]],
    (method) =>
      function (action, ...given) {
        let end = () => {};
        method.call(this, (blob) => (end(), action(blob)), ...given);
        end = begin();
      },
  );
  const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
  Object.defineProperty(HTMLImageElement.prototype, "src", {
    ...source,
    set(address) {
      source.set.call(this, address);
      if (this.loading !== "lazy") images.add(this);
    },
  });
  performance.addEventListener("posters-work", (event) => {
    for (const image of images) if (isComplete.call(image)) images.delete(image);
    if (begun.size + images.size > 0) event.preventDefault();
  });
}
