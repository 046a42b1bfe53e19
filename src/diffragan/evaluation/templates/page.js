"use strict";
// Helpers of all parts of the page. Nothing here or below asks anything of a network.

const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const make = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);
const draw = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const hue = (look) => ({ "--c": look.colour, "--d": look.dark });

let made = 0;
const newName = (stem) => `${stem}-${++made}`;

/** A labelled choice of texts; calls `change` with the index chosen. */
function choice(label, texts, chosen, change) {
  const id = newName("choice");
  const select = make("select", { id, onchange: () => change(select.selectedIndex) });
  for (const text of texts) select.append(make("option", {}, text));
  select.selectedIndex = chosen;
  return { box: make("span", { class: "field" }, make("label", { for: id }, label), select), select };
}

/** A labelled slider that says its value in words; calls `change` with the number. */
function slider(label, { min, max, step, value }, words, change) {
  const id = newName("slider");
  const said = make("output", { for: id });
  const input = make("input", { type: "range", id, min, max, step, value });
  const tell = () => {
    said.textContent = words(Number(input.value));
    input.setAttribute("aria-valuetext", said.textContent);
  };
  input.addEventListener("input", () => { tell(); change(Number(input.value)); });
  tell();
  const set = (wanted) => { input.value = wanted; tell(); };
  return { box: make("span", { class: "field wide-field" }, make("label", { for: id }, label), input, said), input, set };
}

/** Redraw when the element's width changes, when the theme does, and once now. */
function redrawn(element, paint) {
  let width = 0;
  new ResizeObserver(() => {
    const now = Math.round(element.clientWidth);
    if (now !== width && now > 0) { width = now; paint(width); }
  }).observe(element);
  dark.addEventListener("change", () => paint(Math.max(width, 1)));
}

/** Fit a canvas of this size to the screen's pixels; returns its context in CSS pixels. */
function sharpen(canvas, width, height) {
  const ratio = Math.min(3, Math.max(1, window.devicePixelRatio || 1));
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Turn an object by dragging and with the arrow keys; `angles` holds longitude and tilt. */
function turnable(element, angles, turned) {
  let held = null;
  element.addEventListener("pointerdown", (event) => {
    held = [event.clientX, event.clientY];
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (!held) return;
    turn(-(event.clientX - held[0]) * 0.5, (event.clientY - held[1]) * 0.5);
    held = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => { held = null; });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 10], ArrowDown: [0, -10] }[event.key];
    if (!step) return;
    event.preventDefault();
    turn(...step);
  });
  function turn(across, up) {
    angles.longitude = (((angles.longitude + across) % 360) + 540) % 360 - 180;
    angles.tilt = clamp(angles.tilt + up, -90, 90);
    say();
    turned();
  }
  function say() {
    element.setAttribute("aria-valuenow", Math.round(angles.longitude));
    element.setAttribute("aria-valuetext", `turned to ${Math.round(angles.longitude)}°, tilted by ${Math.round(angles.tilt)}°`);
  }
  say();
  return turn;
}

/** Attributes of a canvas that is turned like a slider. */
const turnableAttributes = (label) => ({
  tabindex: "0", role: "slider", "aria-label": label, "aria-valuemin": "-180", "aria-valuemax": "180",
});

/** Bytes that were deflated and written in base 64. */
async function unpack({ deflated }) {
  const bytes = Uint8Array.from(atob(deflated), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
