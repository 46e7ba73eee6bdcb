// Send a command to the site and poll twice a second for its answer, which arrives over Kafka.
const LIVE_DELAY = 1500;
const texts = JSON.parse(document.querySelector("#poster-texts")?.textContent ?? "{}");
const editor = document.querySelector(".poster-editor");
const code = editor && window.postersCodeEditor(editor.elements.html);

async function send(form, fields, output) {
  const body = new FormData(form);
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  say(output, "", texts.sent);
  const reply = await fetch(form.dataset.commands, { method: "POST", body }).catch(() => null);
  const sent = reply ? await reply.json().catch(() => ({})) : {};
  mark(sent.errors ?? []);
  if (!sent.answer) return void fail(output, sent.errors ?? [{ message: texts.silent }]);
  for (;;) {
    await new Promise((resume) => setTimeout(resume, 500));
    const asked = await fetch(sent.answer).catch(() => null);
    if (!output.isConnected) return;
    // Who is logged out meanwhile is led to the login page, which is no answer.
    if (asked?.redirected) return void fail(output, [{ message: texts.silent }]);
    if (!asked?.ok) continue;
    const answer = await asked.json();
    if (answer.state === "rejected") return void fail(output, answer.errors);
    if (answer.state === "done") {
      say(output, "warning", answer.warnings.map((warning) => `${warning.code}: ${warning.message}`).join("\n"));
      return answer;
    }
    if (answer.advice) say(output, "warning", answer.advice);
  }
}

function say(output, kind, text) {
  const shown = output.firstElementChild;
  // Screen readers read each change aloud, and an unanswered command is asked for twice a second.
  if (shown?.className === kind && shown.textContent === text) return;
  const line = document.createElement("span");
  line.className = kind;
  line.textContent = text;
  output.replaceChildren(line);
}

// Marks the fields that were refused, and leads to the first of them.
function mark(errors) {
  if (!editor) return;
  for (const field of editor.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  const refused = errors.flatMap(({ field }) => editor.elements[field] ?? []);
  for (const field of refused) field.setAttribute("aria-invalid", "true");
  // While somebody types, the cursor stays where it is.
  if (!refused.length || document.activeElement.matches("input, select, textarea, .CodeMirror *")) return;
  if (refused[0] === editor.elements.html) code.focus();
  else refused[0].focus();
}

function fail(output, errors) {
  const place = ({ line, column }) =>
    line ? texts.place.replace("{line}", line).replace("{column}", column ?? 1) : "";
  say(output, "error", errors.map((error) => place(error) + error.message).join("\n"));
  if (editor?.contains(output)) code.showErrors(errors);
}

function show(picture, url) {
  picture.src = url;
  picture.hidden = false;
}

async function preview(fields) {
  code.showErrors([]);
  const output = editor.querySelector("output");
  const answer = await send(editor, fields, output);
  if (!answer) return;
  show(editor.querySelector(".poster-preview"), answer.url);
  if (!answer.warnings.length) say(output, "", texts.drawn);
}

editor?.addEventListener("click", async ({ target }) => {
  const { kind } = target.dataset;
  if (!kind) return;
  await code.save();
  if (kind === "preview") return void preview({ kind });
  code.showErrors([]);
  const answer = await send(editor, { kind }, editor.querySelector("output"));
  if (answer?.page) location.assign(answer.page);
});

// The editor of what was refused shows why.
const refusals = JSON.parse(document.querySelector("#poster-errors")?.textContent ?? "[]");
if (refusals.length) fail(editor.querySelector("output"), refusals);

// A version without a preview gets one when its page is opened; the list shows it, too.
if (editor?.dataset.version && editor.querySelector(".poster-preview").hidden) {
  preview({ kind: "compare", custom_data: "" });
}

// One preview at a time: what is typed meanwhile is drawn after the answer.
function followTyping(live) {
  let timer = 0;
  let busy = false;
  let stale = false;
  const draw = async () => {
    stale = busy;
    if (busy || !live.checked) return;
    if (!editor.elements.section.value) return void say(editor.querySelector("output"), "warning", texts.section);
    busy = true;
    await code.save();
    await preview({ kind: "preview" });
    busy = false;
    if (stale) changed();
  };
  const changed = () => {
    clearTimeout(timer);
    if (live.checked) timer = setTimeout(draw, LIVE_DELAY);
  };
  live.checked = localStorage.getItem("posters.live") === "yes";
  live.addEventListener("change", () => localStorage.setItem("posters.live", live.checked ? "yes" : "no"));
  editor.addEventListener("input", changed);
  editor.addEventListener("change", changed);
  code.onChange(changed);
}

const live = editor?.querySelector(".poster-live");
if (live) followTyping(live);

const compared = document.querySelector("#compared");
function drawCompared() {
  for (const figure of document.querySelectorAll("[data-template]")) {
    const fields = { kind: "compare", template: figure.dataset.template };
    const output = document.createElement("output");
    output.setAttribute("role", "status");
    // The answer to what was asked for before may come later: its output is not on the page any more.
    figure.querySelector("output").replaceWith(output);
    send(compared, fields, output).then((answer) => answer && show(figure.querySelector("img"), answer.url));
  }
}

compared?.querySelector("button")?.addEventListener("click", drawCompared);
// The pictures are there without a click, each with its own samples.
if (compared?.querySelector("button")) drawCompared();

// A preview that the store no longer has leaves no broken picture in the list.
for (const picture of document.querySelectorAll("#result_list .poster-thumbnail")) {
  picture.addEventListener("error", () => picture.replaceWith("–"));
}
