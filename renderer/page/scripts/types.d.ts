// Types of what the scripts share: the functions that they define for each other in the isolated world, what Python
// passes in and reads back, and the events between that world and the document's own. Nothing of it exists at run time.

/** A tree that is searched: the document, or an open shadow tree in it. */
type Root = Document | ShadowRoot;

/** A pseudo element, or null for the element itself. */
type Part = string | null;

/** A pseudo element that may show text before, after or beside an element. */
interface GeneratedPart {
  element: Element;
  part: string;
  style: CSSStyleDeclaration;
}

/** What `readiness.py` asks for: what to do, and what the document's text says that it may need. */
interface LayoutRequest {
  /** The element whose box is reported. */
  selector?: string | null;
  /** All of the document is shown, not only what the viewport shows. */
  wholePage: boolean;
  fixedBackground?: boolean;
  styleTexts: boolean;
  hyphens: boolean;
  contentsLater: boolean;
  styleImages?: boolean;
  styleSheets?: boolean;
  /** All of the document is shown, and something in it may clip its content. */
  clippedContent?: boolean;
  /** A PDF is made, and something may have an effect that it leaves out. */
  printEffects?: boolean;
  /** Of the viewport, in CSS pixels. */
  width?: number;
  height?: number;
}

/** `LayoutReport` of `readiness.py`, which says what each field means. */
interface LayoutReport {
  failed: string[];
  broken: string[];
  replaceable: string[];
  characters: string;
  refresh: [seconds: number, url: string] | null;
  traces: boolean;
  frames: number;
  cut: string[];
  unfitted: string[];
  misspelled: string[];
  clipped: string[];
  unprinted: string[];
  unfinished: boolean;
  size: [width: number, height: number];
  box: [left: number, top: number, width: number, height: number] | null;
  text: TextNeeds;
}

/** `TextNeeds` of `readiness.py`. */
interface TextNeeds {
  families: string[][];
  broken: string[];
  languages: string[];
}

/** How far the virtual clock shall go: at most so many milliseconds, until this time of the real clock. */
interface ClockAdvance {
  milliseconds: number;
  until: number;
  /** Stop as soon as scripts have begun work that takes real time. */
  stopAtWork: boolean;
}

/** How far it went, and whether the real time was over before. */
interface ClockAdvanced {
  passed: number;
  late?: boolean;
}

interface PerformanceEventMap {
  "posters-pass": CustomEvent<ClockAdvance>;
  "posters-passed": CustomEvent<ClockAdvanced>;
}

// animations.js
declare var forceLayout: () => void;
declare var animationsIn: (roots: Root[]) => Generator<Animation, void, undefined>;
declare var pauseAnimations: (roots: Root[]) => void;
declare var freezeMotion: (all: Element[], roots: Root[]) => boolean;
// omissions.js
declare var nameOf: (element: Element) => string;
declare var clippedElements: (all: Element[]) => string[];
declare var clippedFrame: (size: LayoutReport["size"]) => string[];
declare var unprintedEffects: (all: Element[]) => string[];
declare var canHoldBackdrop: (root: Element) => boolean;
declare var hasBlending: () => boolean;
// lazy_content.js
declare var showDeferredContent: (all: Element[]) => void;
declare var showBeforeScrolling: (roots: Root[], wholePage: boolean) => void;
// images_and_fonts.js
declare var fontsLoaded: () => boolean;
declare var replaceableFonts: () => string[];
declare var partsWithImages: (html: string, request: Pick<LayoutRequest, "styleImages" | "styleSheets">) => Part[];
declare var loadImagesAndFonts: (all: Element[], parts: Part[]) => Promise<{ broken: string[]; failed: string[] }>;
// glyph_usage.js
declare var generatedParts: (all: Element[], parts: string[]) => GeneratedPart[];
declare var shownCharacters: (all: Element[], roots: Root[], generated: GeneratedPart[]) => string;
// text_needs.js
declare var partsWithText: (html: string, request: Pick<LayoutRequest, "styleSheets" | "styleTexts">) => string[];
declare var textNeeds: (
  all: Element[],
  roots: Root[],
  generated: GeneratedPart[],
  parts: string[],
  hyphens: boolean,
) => TextNeeds;
/** In CSS pixels, like all lengths. */
interface Edges {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

// text_overflow.js
declare var boxesAround: (text: HTMLElement) => HTMLElement[];
declare var isOutOfFlow: (box: HTMLElement) => boolean;
declare var overflows: (
  text: HTMLElement,
  boxes: HTMLElement[],
  wholePage: boolean,
  measured?: Map<HTMLElement, Edges>,
) => number[];
declare var paddingOverflow: (text: HTMLElement) => () => number;
declare var shownTexts: (text: HTMLElement) => TreeWalker;
// text_size.js
declare var isPlain: (element: Element) => element is HTMLElement;
declare var resizer: (text: HTMLElement, full: number) => { resize: (size: number) => void; restore: () => void };
declare var sharedItems: (text: HTMLElement, all: HTMLElement[]) => HTMLElement[];
declare var allowShrinking: (text: HTMLElement) => void;
declare var limitItem: (item: HTMLElement) => () => void;
// fit.js
declare var fitTexts: (all: Element[], wholePage: boolean) => { fitted: number; cut: string[]; ignored: string[] };
// print_layout.js
declare var applyPrintLayout: (width: number, height: number) => void;
declare var removePrintLayout: () => void;
// compose.js
declare var sheets: { add(sheet: CSSStyleSheet): void; remove(sheet: CSSStyleSheet): void };
declare var compose: (html: string, request: LayoutRequest) => Promise<LayoutReport>;
declare var arrange: (request: LayoutRequest) => Promise<LayoutReport>;
declare var whenDrawn: () => Promise<void>;
declare var composeFrame: (request: Pick<LayoutRequest, "clippedContent" | "printEffects">) => Promise<LayoutReport>;
