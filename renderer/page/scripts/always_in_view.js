// Runs before the scripts of a document that is shown whole: nobody scrolls through a picture, so all of it is in view.
globalThis.IntersectionObserver = class extends IntersectionObserver {
  /**
   * @param {IntersectionObserverCallback} callback
   * @param {IntersectionObserverInit} [options]
   */
  constructor(callback, options = {}) {
    super(callback, options.root ? options : { ...options, rootMargin: "1000000px" });
  }
};
