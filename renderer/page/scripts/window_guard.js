// Runs before the scripts of a document: it has no business with other windows, nor with the end of its own.
// A view transition is over as soon as it has changed what it changes; `compose.js` is told when loading was stopped.
{
  globalThis.open = () => null;
  globalThis.close = () => {};
  const { stop, dispatchEvent, Event } = globalThis;
  globalThis.stop = () => {
    stop();
    dispatchEvent(new Event("posters-stop"));
  };
  for (const { prototype } of [Document, Element]) {
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
