// Runs before the scripts of a document: it may open no other windows and not close its own. A view transition is over
// as soon as its update is done, and `compose.js` hears when loading was stopped. Nobody reads the console, and with
// `Runtime.enable`, which errors need, each of its messages would travel to us.
{
  globalThis.open = () => null;
  globalThis.close = () => {};
  for (const [name, method] of Object.entries(console))
    if (typeof method === "function" && name !== "createTask" && name !== "context")
      Reflect.set(console, name, () => {});
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
