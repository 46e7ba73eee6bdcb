// Runs before the scripts of a document: it may open no other windows and not close its own. A view transition is over
// as soon as its update is done, and `compose.js` hears when loading was stopped.
{
  globalThis.open = () => null;
  globalThis.close = () => {};
  const { stop, dispatchEvent, Event } = globalThis;
  globalThis.stop = () => {
    stop();
    dispatchEvent(new Event("posters-stop"));
  };
  for (const { prototype } of /** @type {{ prototype: Document }[]} */ ([Document, Element])) {
    const { startViewTransition } = prototype;
    if (!startViewTransition) continue;
    prototype.startViewTransition = function (...given) {
      const transition = startViewTransition.apply(this, given);
      transition.skipTransition();
      Object.defineProperty(transition, "ready", { value: transition.updateCallbackDone });
      return transition;
    };
  }
}
