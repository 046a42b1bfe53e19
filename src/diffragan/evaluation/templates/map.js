// A map: its surface, which turns, beside three sections and the shell correlations.

const PLANES = [["x, y", "z"], ["x, z", "y"], ["y, z", "x"]];
const SURFACE_PIXELS = 420;
const UNMEASURED = [150, 150, 150];

/** A strip of the colours with the resolutions at its ends. */
function colourScale({ angstrom: [finest, coarsest] }, palette) {
  const strip = make("canvas", { width: 256, height: 1, role: "img", "aria-label": `Colours from ${finest.toFixed(2)} Å, blue, to ${coarsest.toFixed(2)} Å, red` });
  const context = strip.getContext("2d"), image = context.createImageData(256, 1);
  for (let at = 0; at < 256; at += 1) image.data.set([...paletteAt(palette, at / 255), 255], 4 * at);
  context.putImageData(image, 0, 0);
  return make("div", { class: "colour-scale" }, make("p", {}, "Local resolution; grey outside the mask"),
    make("div", {}, make("span", {}, `≤ ${finest.toFixed(2)} Å`), strip, make("span", {}, `≥ ${coarsest.toFixed(2)} Å`)));
}

async function showMap(host, { name, volume, resolution, fsc }) {
  const steps = resolution ? await unpack(resolution) : null, palette = resolution ? resolution.palette.map(parts) : null;
  const grey = await unpack(volume), side = volume.side, [low, high] = volume.sigma;
  const toGrey = (sigma) => (255 * (sigma - low)) / (high - low);
  const canvas = make("canvas", { class: "surface", width: SURFACE_PIXELS, height: SURFACE_PIXELS, ...turnableAttributes(`Surface of the map ${name}`) });
  const angles = { longitude: 35, tilt: 20 };
  let level = volume.level, mesh = null, turning = false, waiting = false;
  const levelSlider = slider("Level", { min: Math.max(0.5, Math.ceil(low * 10) / 10), max: (0.95 * high).toFixed(1), step: 0.1, value: level },
    (value) => `${value.toFixed(1)} σ above the mean`, (value) => { level = value; build(); });
  const button = make("button", { type: "button", class: "step", "aria-pressed": "false", onclick: () => {
    turning = !turning;
    button.setAttribute("aria-pressed", String(turning));
    if (turning) requestAnimationFrame(spin);
  } }, "Turn");
  const sections = PLANES.map(([plane, axis], which) => section(plane, axis, which));
  host.append(make("div", { class: "twin" },
    make("div", {}, canvas, ...(steps ? [colourScale(resolution, palette)] : []), make("div", { class: "fields" }, levelSlider.box, button)),
    make("div", {}, make("div", { class: "sections" }, ...sections.map((one) => one.box)), make("div", { class: "shells" }))));
  if (fsc) curves(host.querySelector(".shells"), fsc, { height: 250, groups: false });
  const turn = turnable(canvas, angles, later);
  dark.addEventListener("change", () => { paint(); for (const one of sections) one.paint(); });
  build();

  function build() {
    // Between two greys, so that no voxel lies on the surface itself.
    mesh = surfaceOf(grey, side, Math.floor(toGrey(level)) + 0.5);
    if (steps) colourBy(mesh, steps, palette, UNMEASURED);
    canvas.dataset.triangles = mesh.faces.length / 3;
    paint();
    for (const one of sections) one.paint();
  }

  function later() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; paint(); });
  }

  function spin() {
    if (!turning) return;
    turn(1.2, 0);
    requestAnimationFrame(spin);
  }

  function paint() {
    const context = canvas.getContext("2d"), image = context.createImageData(SURFACE_PIXELS, SURFACE_PIXELS);
    drawSurface(mesh, new Uint32Array(image.data.buffer), SURFACE_PIXELS, angles, dark.matches ? [124, 192, 242] : [92, 160, 214], 0);
    context.putImageData(image, 0, 0);
  }

  function section(plane, axis, which) {
    const picture = make("canvas", { width: side, height: side, role: "img" });
    const at = slider(axis, { min: 0, max: side - 1, step: 1, value: Math.floor(side / 2) },
      (value) => `${((value - Math.floor(side / 2)) * volume.voxel_angstrom).toFixed(1)} Å`, paintSection);
    const box = make("div", { class: "section" }, make("p", {}, `Section ${plane}`), picture, at.box);
    function paintSection() {
      const cut = Number(at.input.value), context = picture.getContext("2d"), image = context.createImageData(side, side);
      const pixels = new Uint32Array(image.data.buffer), threshold = toGrey(level);
      const zero = toGrey(0), span = Math.max(1, toGrey(high * 0.8) - zero);
      for (let row = 0; row < side; row += 1) for (let column = 0; column < side; column += 1) {
        const voxel = [column + side * (row + side * cut), column + side * (cut + side * row), cut + side * (column + side * row)][which];
        const shade = 255 - clamp((245 * (grey[voxel] - zero)) / span, 0, 245);
        const above = grey[voxel] >= threshold ? 0.72 : 1;
        pixels[column + side * (side - 1 - row)] = (255 << 24) | (shade << 16) | ((shade * (above + (1 - above) * 0.5)) << 8) | (shade * above);
      }
      context.putImageData(image, 0, 0);
      picture.setAttribute("aria-label", `Section ${plane} of the map ${name} at ${axis} = ${at.box.querySelector("output").textContent}; what lies inside the surface is blue`);
    }
    return { box, paint: paintSection };
  }
}
