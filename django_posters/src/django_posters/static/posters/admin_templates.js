// Send a command to the site and poll twice a second for its answer, which arrives over Kafka.
async function send(form, fields, output) {
  const body = new FormData(form);
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  say(output, "", "Sent. Waiting for the answer …");
  const reply = await fetch(form.dataset.commands, { method: "POST", body }).catch(() => null);
  const sent = reply ? await reply.json().catch(() => ({})) : {};
  if (!sent.answer) return void fail(output, sent.errors ?? [{ message: "The site does not answer." }]);
  for (;;) {
    await new Promise((resume) => setTimeout(resume, 500));
    const asked = await fetch(sent.answer).catch(() => null);
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
  const line = document.createElement("span");
  line.className = kind;
  line.textContent = text;
  output.replaceChildren(line);
}

function fail(output, errors) {
  const place = (error) => (error.line ? `line ${error.line}, column ${error.column}: ` : "");
  say(output, "error", errors.map((error) => place(error) + error.message).join("\n"));
}

function show(picture, url) {
  picture.src = url;
  picture.hidden = false;
}

const editor = document.querySelector(".poster-editor");
editor?.addEventListener("click", async ({ target }) => {
  const { kind } = target.dataset;
  if (!kind) return;
  const answer = await send(editor, { kind }, editor.querySelector("output"));
  if (!answer) return;
  if (kind === "preview") show(editor.querySelector("img"), answer.url);
  else if (answer.page) location.assign(answer.page);
});

const compared = document.querySelector("#compared");
compared?.querySelector("button").addEventListener("click", () => {
  for (const figure of document.querySelectorAll("[data-template]")) {
    const fields = { kind: "compare", template: figure.dataset.template };
    send(compared, fields, figure.querySelector("output")).then(
      (answer) => answer && show(figure.querySelector("img"), answer.url),
    );
  }
});
