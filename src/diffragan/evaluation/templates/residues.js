// A model's fit along its chain: two rows of points over the residues, and what each one has.

const ROWS = [["q_score", "Q-score"], ["correlation", "map-model correlation"]];
const ROW_HEIGHT = 150, ROW_MARGIN = { left: 62, right: 14, top: 8, gap: 26, bottom: 44 };

function residueChart(host, { residues, looks, ticks, starts }) {
  const count = residues.label.length;
  const height = ROWS.length * (ROW_HEIGHT + ROW_MARGIN.gap) + ROW_MARGIN.bottom;
  const picture = draw("svg", { class: "chart", role: "img", "aria-label": `Q-score and map-model correlation of ${count} residues along the chain` });
  const said = make("p", { class: "said", "aria-live": "polite" });
  const reader = slider("Residue", { min: 0, max: count - 1, step: 1, value: 0 }, (at) => residues.label[at], () => read());
  host.append(make("div", { class: "card plot" }, picture), reader.box, said);
  let width = 640, x = null, line = null;
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const at = ((event.clientX - box.left) * (width / box.width) - ROW_MARGIN.left) / (width - ROW_MARGIN.left - ROW_MARGIN.right);
    reader.set(clamp(Math.floor(at * count), 0, count - 1));
    read();
  });
  redrawn(picture.parentElement, (now) => {
    const style = getComputedStyle(picture.parentElement);
    width = Math.max(260, now - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
    paint();
  });

  function paint() {
    const right = width - ROW_MARGIN.right;
    x = (at) => ROW_MARGIN.left + ((right - ROW_MARGIN.left) * (at + 0.5)) / count;
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.replaceChildren();
    ROWS.forEach(([key, title], row) => panel(residues[key], title, looks[row], ROW_MARGIN.top + row * (ROW_HEIGHT + ROW_MARGIN.gap), right));
    const foot = ROWS.length * (ROW_HEIGHT + ROW_MARGIN.gap) - ROW_MARGIN.gap + ROW_MARGIN.top;
    let last = -Infinity;
    for (const [at, words] of ticks) {
      if (x(at) < last + 40) continue;
      last = x(at);
      picture.append(draw("line", { class: "axis", x1: x(at), x2: x(at), y1: foot, y2: foot + 4 }),
        draw("text", { class: "tick", x: x(at), y: foot + 17, "text-anchor": "middle" }, words));
    }
    picture.append(draw("text", { class: "title", x: (ROW_MARGIN.left + right) / 2, y: foot + 36, "text-anchor": "middle" }, "residue"));
    line = draw("line", { class: "reading", y1: ROW_MARGIN.top, y2: foot });
    picture.append(line);
    read();
  }

  function panel(values, title, look, top, right) {
    const known = values.filter((value) => value !== null);
    const lowest = Math.min(0, ...known), bottom = lowest < -0.05 ? Math.max(-1, Math.floor(lowest * 4) / 4) : -0.02;
    const y = (value) => top + (ROW_HEIGHT * (1.03 - value)) / (1.03 - bottom);
    for (let value = Math.ceil(bottom * 4) / 4; value <= 1.001; value += 0.25) {
      picture.append(draw("line", { class: Math.abs(value) < 1e-6 ? "zero" : "grid", x1: ROW_MARGIN.left, x2: right, y1: y(value), y2: y(value) }),
        draw("text", { class: "tick", x: ROW_MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)));
    }
    for (const start of starts.slice(1)) picture.append(draw("line", { class: "limit-line", x1: x(start - 0.5), x2: x(start - 0.5), y1: top, y2: top + ROW_HEIGHT }));
    let text = "", pen = false;
    values.forEach((value, at) => {
      if (value === null || starts.includes(at)) pen = false;
      if (value === null) return;
      text += `${pen ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = true;
    });
    picture.append(draw("path", { class: "curve", d: text, ...hue(look) }),
      draw("rect", { class: "frame", x: ROW_MARGIN.left, y: top, width: right - ROW_MARGIN.left, height: ROW_HEIGHT }),
      draw("text", { class: "title", transform: `translate(13 ${top + ROW_HEIGHT / 2}) rotate(-90)`, "text-anchor": "middle" }, title));
  }

  function read() {
    const at = Number(reader.input.value);
    const number = (key, digits) => { const value = residues[key] ? residues[key][at] : null; return value === null ? "unknown" : value.toFixed(digits); };
    if (line) { line.setAttribute("x1", x(at)); line.setAttribute("x2", x(at)); }
    const local = residues.local_resolution_angstrom ? `, local resolution ${number("local_resolution_angstrom", 1)} Å` : "";
    said.textContent = `${residues.label[at]}: Q-score ${number("q_score", 2)}, correlation ${number("correlation", 2)}, density ${number("density_sigmas", 1)} σ above the mean${local}, ${number("distance_angstrom", 0)} Å from the centre`;
  }
}
