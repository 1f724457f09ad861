"use strict";
const at = id => document.getElementById(id);
const short = x => x == null ? "–" : Math.abs(x) >= 1e4 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(2) : String(Number(x.toPrecision(4)));
let epochs = [], planned = 0;

const line = (tag, attributes, parent) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
};

// Round numbers between two, at most seven and never one alone.
function ticks(low, high) {
  const rough = (high - low) / 6 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(x => x * power >= rough);
  const all = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) all.push(Number((i * step).toPrecision(12)));
  return all;
}

function draw(svg, series) {
  svg.replaceChildren();
  const points = series.flatMap(one => one.points).filter(p => p[1] != null);
  if (!points.length) return;
  const left = 44, right = 392, top = 8, bottom = 194;
  let low = Math.min(...points.map(p => p[1])), high = Math.max(...points.map(p => p[1]));
  if (low === high) { low -= Math.abs(low) * 0.1 || 1; high += Math.abs(high) * 0.1 || 1; }
  const last = Math.max(2, ...points.map(p => p[0]));
  const x = e => left + (right - left) * (e - 1) / (last - 1), y = v => bottom - (bottom - top) * (v - low) / (high - low);
  for (const value of ticks(low, high)) {
    line("line", { x1: left, x2: right, y1: y(value), y2: y(value), class: "grid" }, svg);
    line("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, svg).textContent = short(value);
  }
  for (const epoch of ticks(1, last).filter(e => Number.isInteger(e)))
    line("text", { x: x(epoch), y: bottom + 18, "text-anchor": "middle" }, svg).textContent = epoch;
  for (const { kind, points } of series) {
    const known = points.filter(p => p[1] != null);
    line("polyline", { points: known.map(p => `${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`).join(" "), class: kind }, svg);
    if (known.length < 40) for (const p of known) line("circle", { cx: x(p[0]), cy: y(p[1]), r: 2.5, class: kind }, svg);
  }
}

function drawCurves() {
  const of = (name, factor = 1) => epochs.map(e => [e.epoch, e[name] == null ? null : e[name] * factor]);
  draw(at("losses"), [{ kind: "train", points: of("train_loss") }, { kind: "valid", points: of("valid_loss") }]);
  at("validKey").hidden = !epochs.some(e => e.valid_loss != null);
  at("accuracy").hidden = !epochs.some(e => e.valid_accuracy != null);
  draw(at("accuracies"), [{ kind: "valid", points: of("valid_accuracy", 100) }]);
}

function drawFilters(told) {
  at("filters").hidden = false;
  at("filtersName").textContent = `filters of ${told.layer}`;
  at("tiles").replaceChildren(...told.filters.map((values, i) => {
    const canvas = document.createElement("canvas");
    canvas.width = told.width;
    canvas.height = told.height;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `filter ${i + 1}`);
    const low = Math.min(...values), span = Math.max(...values) - low || 1, area = told.width * told.height;
    const context = canvas.getContext("2d"), pixels = context.createImageData(told.width, told.height);
    for (let p = 0; p < area; p++)
      for (let c = 0; c < 4; c++)
        pixels.data[4 * p + c] = c === 3 ? 255 : 255 * (values[(told.planes === 3 ? c : 0) * area + p] - low) / span;
    context.putImageData(pixels, 0, 0);
    return canvas;
  }));
}

const source = new EventSource("events");
const on = (kind, act) => source.addEventListener(kind, event => act(JSON.parse(event.data)));
on("begin", told => {
  epochs = [];
  planned = told.epochs;
  at("state").textContent = `${told.parameters.toLocaleString("en")} parameters learn.`;
  at("layers").textContent = told.layers.join("\n");
  at("stop").disabled = false;
});
on("epoch", told => {
  epochs.push(told);
  at("epoch").textContent = `${told.epoch} of ${planned}`;
  at("loss").textContent = short(told.train_loss);
  at("valid").textContent = told.valid_accuracy != null ? `${(100 * told.valid_accuracy).toFixed(1)} %` : short(told.valid_loss);
  at("rate").textContent = short(told.learning_rate);
  drawCurves();
});
on("progress", told => {
  planned = told.epochs;
  at("progress").value = told.done / told.batches;
  at("epoch").textContent = `${told.epoch} of ${told.epochs}`;
  at("speed").textContent = told.samples_per_second == null ? "–" : Math.round(told.samples_per_second).toLocaleString("en");
});
on("filters", drawFilters);
on("warning", told => { at("error").textContent = told.text; });
on("end", told => {
  at("state").textContent = told.text;
  at("stop").disabled = true;
  source.close();
});
source.onerror = () => { if (source.readyState !== EventSource.CLOSED) at("state").textContent = "The training cannot be reached; trying again …"; };
at("stop").onclick = async () => {
  at("stop").disabled = true;
  at("state").textContent = "Stopping after this batch …";
  await fetch("stop", { method: "POST", headers: { "X-Engine-Watch": "1" } });
};
