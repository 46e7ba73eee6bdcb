// The code editor of templates: CodeMirror over the textarea, with placeholders marked and errors beside their lines.
const ENDS = { "{{": "}}", "{%": "%}", "{#": "#}" };

// Marks what the template language reads, over the colours of HTML, CSS and JavaScript.
const placeholders = {
  startState: () => ({ end: null }),
  copyState: (state) => ({ ...state }),
  token(stream, state) {
    if (!state.end) {
      const start = stream.match(/^\{[{%#]/);
      if (!start) {
        stream.next();
        while (!stream.eol() && !stream.match(/^\{[{%#]/, false)) stream.next();
        return null;
      }
      state.end = ENDS[start[0]];
    }
    if (stream.skipTo(state.end)) {
      stream.match(state.end);
      state.end = null;
    } else stream.skipToEnd();
    return "poster";
  },
};

// Takes the place of the textarea. `save` writes the text back into it, so that a form has it.
// No import: a storage with a manifest renames files, and does not follow imports.
window.postersCodeEditor = function codeEditor(textarea) {
  const { CodeMirror } = window;
  CodeMirror.defineMode("poster", (config) =>
    CodeMirror.overlayMode(CodeMirror.getMode(config, "htmlmixed"), placeholders),
  );
  const editor = CodeMirror.fromTextArea(textarea, {
    mode: "poster",
    lineNumbers: true,
    lineWrapping: true,
    // Screen readers read an editable element; Tab leads on to the next field.
    inputStyle: "contenteditable",
    extraKeys: { Tab: false, "Shift-Tab": false },
    screenReaderLabel: document.querySelector(`label[for="${textarea.id}"]`)?.textContent ?? "HTML",
  });
  let shown = [];
  const clear = () => {
    for (const { line, note } of shown) {
      editor.removeLineClass(line, "background", "poster-bad-line");
      note.clear();
    }
    shown = [];
  };
  return {
    async save() {
      // CodeMirror reads what was typed within 80 ms.
      await new Promise((resume) => setTimeout(resume, 120));
      editor.save();
    },
    focus: () => editor.focus(),
    onChange: (changed) => editor.on("change", changed),
    // While somebody types, the editor stays where it is.
    showErrors(errors) {
      clear();
      for (const error of errors.filter(({ line }) => line)) {
        const note = document.createElement("div");
        note.className = "poster-line-error";
        note.textContent = error.message;
        const line = editor.addLineClass(Math.min(error.line - 1, editor.lastLine()), "background", "poster-bad-line");
        shown.push({ line, note: editor.addLineWidget(line, note) });
      }
      if (shown.length && !editor.hasFocus()) editor.scrollIntoView({ line: shown[0].line.lineNo(), ch: 0 }, 80);
    },
  };
};
