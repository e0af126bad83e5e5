"use strict";
// Whatever comes from data, a user or the model is shown as text, never as markup.
const model = JSON.parse(document.getElementById("model").textContent);
const find = (id) => document.getElementById(id);
const input = find("input");

function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

function table(caption, shares) {
  const element = make("table");
  if (caption !== null) element.append(make("caption", caption));
  for (const [name, share] of shares) {
    const row = make("tr");
    const head = make("th", name);
    head.scope = "row";
    const bar = make("div", undefined, "bar");
    bar.style.width = `${100 * share}%`;
    const cell = make("td");
    cell.append(bar);
    row.append(head, cell, make("td", percent(share)));
    element.append(row);
  }
  return element;
}

function words(answer) {
  const element = make("div", undefined, "words");
  answer.labels.forEach((label, place) => {
    const word = make("span", answer.words ? answer.words[place] : `${place + 1}`);
    word.append(make("small", `${label} ${percent(answer.probabilities[place])}`));
    element.append(word);
  });
  return element;
}

function values(answer) {
  const element = make("table");
  for (const [name, value] of Object.entries(answer.values)) {
    const row = make("tr");
    row.append(make("th", name), make("td", Number(value.toPrecision(6)).toString()));
    element.append(row);
  }
  return element;
}

function shown(answer) {
  if (answer.values) return [values(answer)];
  if (answer.hidden) {
    return answer.hidden.map((place, number) =>
      table(`Hidden token ${number + 1}`,
        place.tokens.map((token, k) => [token, place.probabilities[k]])));
  }
  if (answer.probabilities) return [words(answer)];
  const title = answer.labels ? answer.labels.join(", ") || "none of the classes" : answer.label;
  // Numbers as names would be sorted first among the keys of an object.
  const shares = Object.entries(answer.top).sort((a, b) => b[1] - a[1]);
  return [table(title, shares)];
}

function say(...elements) {
  find("answer").replaceChildren(...elements);
}

async function ask() {
  find("send").disabled = true;
  const start = performance.now();
  try {
    const response = await fetch("predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ input: input.value, top: 5 }),
    });
    const found = await response.json();
    if (response.ok) {
      const took = `${Math.round(performance.now() - start)} ms`;
      say(...shown(found.answers[0]), make("p", took, "hint"));
    } else {
      say(make("p", found.error, "problem"));
    }
  } catch {
    say(make("p", "The server does not answer.", "problem"));
  }
  find("send").disabled = false;
}

// Pictures: one square of the canvas for each number.
const side = model.tokens === "pixel" ? Math.round(Math.sqrt(model.max_length)) : 0;
const square = side * side === model.max_length ? side : 0;

function pixels() {
  const numbers = input.value.split(/[\s,]+/).filter(Boolean).map(Number);
  return Array.from({ length: square * square }, (_, k) => numbers[k] || 0);
}

function paint() {
  const canvas = find("canvas");
  const brush = canvas.getContext("2d");
  const step = canvas.width / square;
  const most = model.vocab_size - 1;
  pixels().forEach((value, k) => {
    const grey = Math.round(255 * (1 - Math.min(1, value / most)));
    brush.fillStyle = `rgb(${grey},${grey},${grey})`;
    brush.fillRect((k % square) * step, Math.floor(k / square) * step, step + 1, step + 1);
  });
}

function draw(event) {
  if (!event.buttons) return;
  const box = event.currentTarget.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.left) / box.width) * square);
  const y = Math.floor(((event.clientY - box.top) / box.height) * square);
  if (x < 0 || y < 0 || x >= square || y >= square) return;
  const numbers = pixels();
  numbers[y * square + x] = model.vocab_size - 1;
  input.value = numbers.join(",");
  paint();
}

function fill(value) {
  input.value = value;
  if (square) paint();
}

find("name").textContent = model.data;
find("description").textContent = `${model.description}. Plan: ${model.plan}.`;
find("input-label").textContent = model.asks;
find("limit").textContent = model.limit;
find("curl").textContent = model.curl.replace("ADDRESS", location.origin);
if (model.tokens !== "byte" && model.tokens !== "subword") input.className = "numbers";
if (square) {
  find("pad").hidden = false;
  find("canvas").addEventListener("pointerdown", draw);
  find("canvas").addEventListener("pointermove", draw);
  input.addEventListener("input", paint);
  fill(pixels().join(","));
}
find("examples").hidden = model.examples.length === 0;
for (const example of model.examples) {
  const button = make("button");
  button.type = "button";
  button.append(make("span", example.shown), make("span", example.truth));
  button.addEventListener("click", () => { fill(example.input); ask(); });
  const item = make("li");
  item.append(button);
  find("example-list").append(item);
}
find("ask").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
find("clear").addEventListener("click", () => {
  fill(square ? pixels().map(() => 0).join(",") : "");
  say(make("p", "Nothing asked yet.", "hint"));
  input.focus();
});
input.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask();
});
