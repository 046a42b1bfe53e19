// Correlation curves against spatial frequency, with the measured limit and a reading line.

const RESOLUTION_TICKS = [20, 10, 7, 5, 4, 3, 2.5, 2, 1.7, 1.5, 1.3, 1.2, 1.1, 1, 0.9, 0.8, 0.7, 0.6, 0.5];
const COARSEST = 20;
const MARGIN = { left: 62, right: 14, top: 40, bottom: 44 };

/** Draw a chart into `host`; returns a function that shows another chart in its place. */
function curves(host, chart, { height = 380, groups = true } = {}) {
  const picture = draw("svg", { class: "chart", role: "img", "aria-label": chart.label });
  const reader = slider("Read at", { min: 0, max: chart.frequency.length - 1, step: 1, value: Math.round(chart.frequency.length / 3) },
    (at) => `${(1 / chart.frequency[at]).toFixed(2)} Å`, () => read());
  const legend = make("div", { class: "legend" });
  host.append(make("div", { class: "card plot" }, picture), reader.box, legend);
  let width = 640, scales = null, line = null, values = [];
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const frequency = scales.frequency((event.clientX - box.left) * (width / box.width));
    let best = 0;
    chart.frequency.forEach((value, at) => {
      if (Math.abs(value - frequency) < Math.abs(chart.frequency[best] - frequency)) best = at;
    });
    reader.set(best);
    read();
  });
  redrawn(picture.parentElement, (now) => {
    const style = getComputedStyle(picture.parentElement);
    width = Math.max(260, now - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
    paint();
  });
  list();

  function list() {
    legend.replaceChildren();
    values = [];
    const names = groups ? [...new Set(chart.series.map((one) => one.group))] : [""];
    for (const name of names) {
      const box = make("div", { class: "toggles", role: "group", "aria-label": name || "Curves" });
      if (name) box.append(make("span", { class: "group" }, name));
      for (const one of chart.series) {
        if (groups && one.group !== name) continue;
        const value = make("span", { class: "read" });
        values.push([one, value]);
        const button = make("button", {
          type: "button", class: "toggle", "aria-pressed": String(one.on),
          onclick: () => { one.on = !one.on; button.setAttribute("aria-pressed", String(one.on)); paint(); },
        }, sample(one), make("span", { class: "label" }, one.label), one.resolution ? make("span", { class: "aside nowrap" }, one.resolution) : null, value);
        box.append(button);
      }
      legend.append(box);
    }
  }

  function sample(one) {
    const key = draw("svg", { viewBox: "0 0 28 12", class: "key", "aria-hidden": "true" },
      draw("path", { class: "curve", d: "M1 6H27", "stroke-dasharray": one.dash, ...hue(one) }));
    if (one.shape) key.append(symbol(one.shape, 14, 6, hue(one)));
    return key;
  }

  function paint() {
    const shown = chart.series.filter((one) => one.on);
    // The few rings coarser than 20 Å would set the scale, and nothing is read from them.
    const judged = (value, at) => value !== null && chart.frequency[at] >= 1 / COARSEST;
    const lowest = Math.min(0, ...shown.flatMap((one) => one.values.filter(judged)));
    const bottom = lowest < -0.05 ? Math.max(-1, Math.floor(lowest * 4) / 4) : -0.05;
    const right = width - MARGIN.right, foot = height - MARGIN.bottom;
    const x = (frequency) => MARGIN.left + ((right - MARGIN.left) * frequency) / chart.end;
    const y = (value) => foot - ((foot - MARGIN.top) * (value - bottom)) / (1.03 - bottom);
    scales = { x, y, frequency: (at) => ((at - MARGIN.left) / (right - MARGIN.left)) * chart.end };
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const inside = newName("inside");
    picture.replaceChildren(draw("clipPath", { id: inside },
      draw("rect", { x: MARGIN.left, y: MARGIN.top, width: right - MARGIN.left, height: foot - MARGIN.top })));
    if (chart.limit) limit(x, foot, right);
    axes(x, y, bottom, right, foot);
    const plotted = draw("g", { "clip-path": `url(#${inside})` });
    const banded = shown.filter((one) => one.low).length <= 4;
    for (const one of shown) if (one.low && banded) plotted.append(draw("path", { class: "band", d: band(one, x, y), ...hue(one) }));
    for (const one of shown) {
      plotted.append(draw("path", { class: "curve", d: path(one.values, x, y), "stroke-dasharray": one.dash, ...hue(one) }));
      if (one.shape) marks(plotted, one, x, y, chart.series.indexOf(one));
    }
    picture.append(plotted);
    if (chart.limit) limitWords(x, foot);
    line = draw("line", { class: "reading", y1: MARGIN.top, y2: foot });
    picture.append(line);
    read();
  }

  function limit(x, foot, right) {
    const [axis, corner] = [x(1 / chart.limit.axis), x(1 / chart.limit.corner)];
    picture.append(
      draw("rect", { class: "partly", x: axis, y: MARGIN.top, width: corner - axis, height: foot - MARGIN.top }),
      draw("rect", { class: "unmeasured", x: corner, y: MARGIN.top, width: right - corner, height: foot - MARGIN.top }),
      draw("line", { class: "limit-line", x1: axis, x2: axis, y1: MARGIN.top, y2: foot }));
  }

  function limitWords(x, foot) {
    const [axis, corner] = [x(1 / chart.limit.axis), x(1 / chart.limit.corner)];
    picture.append(draw("text", { class: "note", transform: `translate(${axis - 5} ${foot - 8}) rotate(-90)` },
      `whole rings end at ${chart.limit.axis.toFixed(2)} Å`));
    if (corner - axis > 84) picture.append(draw("text", { class: "note", x: (axis + corner) / 2, y: foot - 8, "text-anchor": "middle" }, "partly measured"));
  }

  function axes(x, y, bottom, right, foot) {
    for (let value = Math.ceil(bottom * 4) / 4; value <= 1.001; value += 0.25) {
      picture.append(draw("line", { class: Math.abs(value) < 1e-6 ? "zero" : "grid", x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) }),
        draw("text", { class: "tick", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)));
    }
    for (const value of chart.thresholds) picture.append(draw("line", { class: "threshold", x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) }));
    const step = [0.05, 0.1, 0.2, 0.5].find((wanted) => x(wanted) - x(0) >= 44) || 1;
    for (let value = 0; value <= chart.end + 1e-9; value += step) {
      picture.append(draw("text", { class: "tick", x: x(value), y: foot + 16, "text-anchor": "middle" }, String(Number(value.toFixed(2)))));
    }
    let last = -Infinity;
    for (const tick of RESOLUTION_TICKS) {
      const at = x(1 / tick);
      if (at < last + 34 || at > right - 8) continue;
      last = at;
      picture.append(draw("line", { class: "axis", x1: at, x2: at, y1: MARGIN.top - 4, y2: MARGIN.top }),
        draw("text", { class: "tick", x: at, y: MARGIN.top - 8, "text-anchor": "middle" }, String(tick)));
    }
    picture.append(
      draw("rect", { class: "frame", x: MARGIN.left, y: MARGIN.top, width: right - MARGIN.left, height: foot - MARGIN.top }),
      draw("text", { class: "title", x: (MARGIN.left + right) / 2, y: height - 8, "text-anchor": "middle" }, "spatial frequency [1/Å]"),
      draw("text", { class: "title", x: (MARGIN.left + right) / 2, y: 14, "text-anchor": "middle" }, "resolution [Å]"),
      draw("text", { class: "title", transform: `translate(13 ${(MARGIN.top + foot) / 2}) rotate(-90)`, "text-anchor": "middle" }, chart.axis));
  }

  function path(points, x, y) {
    let text = "", pen = false;
    points.forEach((value, at) => {
      if (value === null || at >= chart.frequency.length) { pen = false; return; }
      text += `${pen ? "L" : "M"}${x(chart.frequency[at]).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = true;
    });
    return text;
  }

  function band(one, x, y) {
    const there = one.low.map((value, at) => at).filter((at) => one.low[at] !== null && one.high[at] !== null);
    const point = (list, at) => `${x(chart.frequency[at]).toFixed(1)} ${y(list[at]).toFixed(1)}`;
    return "M" + [...there.map((at) => point(one.high, at)), ...there.reverse().map((at) => point(one.low, at))].join("L") + "Z";
  }

  function marks(plotted, one, x, y, place) {
    let next = MARGIN.left + 24 + 17 * (place % 4);
    one.values.forEach((value, at) => {
      const where = x(chart.frequency[at]);
      if (value === null || where < next) return;
      next = where + 68;
      plotted.append(symbol(one.shape, where, y(value), hue(one)));
    });
  }

  function read() {
    const at = Number(reader.input.value);
    if (line) { line.setAttribute("x1", scales.x(chart.frequency[at])); line.setAttribute("x2", scales.x(chart.frequency[at])); }
    for (const [one, box] of values) {
      const value = one.values[at];
      box.textContent = value === null || value === undefined ? "–" : value.toFixed(2);
    }
  }

  return (other) => {
    chart = other;
    picture.setAttribute("aria-label", chart.label);
    list();
    paint();
  };
}

/** A small mark that tells curves apart without their colours. */
function symbol(shape, x, y, look) {
  const outlines = { square: "M-3-3H3V3H-3Z", up: "M0-4L4 3H-4Z", down: "M0 4L4-3H-4Z", diamond: "M0-4.4L4.4 0L0 4.4L-4.4 0Z" };
  const at = `translate(${x.toFixed(1)} ${y.toFixed(1)})`;
  if (shape === "circle") return draw("circle", { class: "mark", r: 3.2, transform: at, ...look });
  return draw("path", { class: "mark", d: outlines[shape], transform: at, ...look });
}
