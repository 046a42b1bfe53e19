// Maps over the scan, all read at the same frame.

const NOTHING_KNOWN = 255;
const MAP_STEPS = 254;
const UNKNOWN_GREY = [128, 128, 128];

/** Draw all maps; `open` is told the number of a frame that was clicked. */
async function scanMaps(host, { shape: [rows, columns], palette, maps }, open) {
  const shades = palette.map(parts), values = await Promise.all(maps.map(unpack)), heres = [];
  const kindsThere = (steps, kinds) => kinds.map((kind, at) => [kind, at]).filter(([, at]) => steps.includes(at));
  const reader = slider("Frame", { min: 0, max: rows * columns - 1, step: 1, value: 0 }, (at) => `${at}: row ${Math.floor(at / columns)}, column ${at % columns}`, read);
  const said = make("p", { class: "said", role: "status" });
  host.append(make("div", { class: "scan-maps" }, ...maps.map(box)), make("div", { class: "fields" }, reader.box), said);
  read(0);

  function box(map, which) {
    const steps = values[which], canvas = make("canvas", { width: columns, height: rows, role: "img", "aria-label": `${map.name} over the scan${map.unit ? `, from ${number(map.range[0])} to ${number(map.range[1])} ${map.unit}` : ""}` });
    const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
    const kinds = map.kinds.map(([, hex]) => parts(hex));
    for (let row = 0; row < rows; row += 1) for (let column = 0; column < columns; column += 1) {
      const step = steps[row * columns + column];
      const shade = step === NOTHING_KNOWN ? UNKNOWN_GREY : kinds.length ? kinds[step] : paletteAt(shades, step / MAP_STEPS);
      image.data.set([...shade, 255], 4 * ((rows - 1 - row) * columns + column));
    }
    context.putImageData(image, 0, 0);
    const frameAt = (event) => {
      const place = canvas.getBoundingClientRect();
      const column = clamp(Math.floor(((event.clientX - place.left) / place.width) * columns), 0, columns - 1);
      const row = rows - 1 - clamp(Math.floor(((event.clientY - place.top) / place.height) * rows), 0, rows - 1);
      return row * columns + column;
    };
    canvas.addEventListener("pointermove", (event) => { const at = frameAt(event); reader.set(at); read(at); });
    canvas.addEventListener("click", (event) => open(frameAt(event)));
    const here = make("span", { class: "here", "aria-hidden": "true" });
    heres.push(here);
    return make("div", { class: "scan-map" }, make("p", {}, map.name), make("div", { class: "over" }, canvas, here), map.kinds.length
      ? make("div", { class: "kinds" }, ...kindsThere(steps, map.kinds).map(([[name, hex]]) => make("span", {}, make("span", { class: "swatch", "--c": hex, "--d": hex }), name)))
      : make("div", { class: "key-line" }, make("span", {}, number(map.range[0])), strip(), make("span", {}, `${number(map.range[1])} ${map.unit}`)));
  }

  function strip() {
    const line = make("i", { "aria-hidden": "true" });
    line.style.background = `linear-gradient(to right, ${palette.join(", ")})`;
    return line;
  }

  function number(value) { return String(Number(value.toPrecision(3))); }

  function read(at) {
    const row = Math.floor(at / columns), column = at % columns;
    for (const here of heres) {
      here.style.left = `${(100 * (column + 0.5)) / columns}%`;
      here.style.top = `${(100 * (rows - row - 0.5)) / rows}%`;
    }
    said.textContent = values[0][at] === NOTHING_KNOWN ? `Frame ${at} is not in the scan.` : `Frame ${at}: ${maps.map((map, which) => {
      const step = values[which][at];
      if (map.kinds.length) return map.kinds[step][0];
      const ends = step === 0 ? "≤ " : step === MAP_STEPS ? "≥ " : "";
      return `${map.name.toLowerCase()} ${ends}${number(map.range[0] + ((map.range[1] - map.range[0]) * step) / MAP_STEPS)} ${map.unit}`;
    }).join(", ")}.`;
  }
}
