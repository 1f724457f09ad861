"use strict";
const at = id => document.getElementById(id);
const make = (tag, text, parent) => {
  const element = document.createElement(tag);
  element.textContent = text ?? "";
  parent?.append(element);
  return element;
};
const percent = x => (100 * x).toFixed(x > 0.9949 && x < 1 ? 1 : 0) + " %";

async function ask(url, options, title) {
  try {
    const response = await fetch(url, options);
    const json = await response.json();
    if (!response.ok) throw new Error(json.error ?? response.statusText);
    return json;
  } catch (error) {
    make("div", title ? `${title}: ${error.message}` : error.message, at("error"));
    return null;
  }
}

const inUnit = (name, unit) => unit ? `${name} (${unit})` : name;

function show(title, prediction, picture) {
  const article = document.createElement("article");
  if (picture) {
    const image = make("img", null, article);
    image.alt = title;
    image.src = URL.createObjectURL(picture);
    image.onload = () => URL.revokeObjectURL(image.src);
  }
  const div = make("div", null, article);
  make("h2", prediction.class ?? `${title}: ${prediction.value === null ? "no number" : Number(prediction.value.toPrecision(6))}`, div);
  // Browsers put names that are numbers in the order of these.
  const classes = Object.entries(prediction.classes ?? {}).sort(([, a], [, b]) => b - a);
  for (const [name, probability] of classes.slice(0, 5)) {
    const row = make("div", null, div);
    row.className = "row";
    make("span", name, row);
    const meter = make("meter", null, row);
    meter.value = probability;
    meter.setAttribute("aria-label", name);
    make("span", percent(probability), row);
  }
  at("results").prepend(article);
}

async function predictPictures(files) {
  at("error").replaceChildren();
  for (const file of files) {
    const json = await ask("predict", { method: "POST", headers: { "Content-Type": file.type || "application/octet-stream" }, body: file }, file.name);
    if (json) show(file.name, json.predictions[0], file);
  }
}

function makeForm(model) {
  for (const input of model.inputs) {
    const label = make("label", inUnit(input.name, input.unit), at("fields"));
    // Where the network knows the most frequent values alone, others may be typed.
    const isClosed = input.values && !input.others;
    const field = make(isClosed ? "select" : input.kind === "text" && !input.values ? "textarea" : "input");
    if (isClosed) make("option", "– not known –", field).value = "";
    const list = isClosed ? field : make("datalist");
    for (const value of input.values ?? []) make("option", value, list);
    if (input.others) {
      list.id = `values${at("fields").childElementCount}`;
      field.setAttribute("list", list.id);
      label.append(list);
    }
    label.className = field.localName;
    if (input.kind === "number") { field.type = "number"; field.step = "any"; }
    field.name = input.name;
    field.dataset.kind = input.kind;
    field.value = input.typical ?? "";
    label.append(field);
  }
  at("form").onsubmit = async event => {
    event.preventDefault();
    at("error").replaceChildren();
    const row = {};
    for (const field of at("fields").querySelectorAll("input, select, textarea")) {
      row[field.name] = field.value === "" ? null
        : field.dataset.kind === "numbers" ? field.value.split(/[\s,;]+/).map(Number)
        : field.dataset.kind === "number" ? Number(field.value) : field.value;
    }
    const json = await ask("predict", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(row) });
    if (json) show(inUnit(model.target, model.unit), json.predictions[0]);
  };
}

ask("model").then(model => {
  if (!model) return;
  document.title = at("name").textContent = model.name;
  const [figure, value] = Object.entries(model.metrics)[0] ?? [];
  const tested = figure === "accuracy" ? `, right for ${percent(value)} of its test` : figure === "r2" ? `, R² ${value.toFixed(3)} on its test` : "";
  at("about").textContent = `Predicts ${inUnit(model.target, model.unit)}` + (model.classes.length ? ` (${model.classes.length} classes)` : "") + tested + ".";
  at(model.pictures ? "drop" : "form").hidden = false;
  if (!model.pictures) return makeForm(model);
  at("files").onchange = event => predictPictures(event.target.files);
  const drop = at("drop");
  drop.ondragover = event => { event.preventDefault(); drop.classList.add("over"); };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = event => { event.preventDefault(); drop.classList.remove("over"); predictPictures(event.dataTransfer.files); };
});
