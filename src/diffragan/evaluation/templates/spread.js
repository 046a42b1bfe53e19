// How resolutions spread over orientations: one histogram for each method.

const SPREAD_BINS = 48;
const SPREAD_TICKS = [20, 10, 7, 5, 4, 3, 2.5, 2, 1.5, 1.2, 1, 0.8, 0.6];

/** Build histograms into `host`; returns a function that draws those of one molecule, or all. */
function spread(host, all) {
  const coarsest = 20, finest = Math.min(all.limit.corner, all.limit.judged);
  const share = (angstrom) => clamp(Math.log(coarsest / angstrom) / Math.log(coarsest / finest), 0, 1);
  const picture = draw("svg", { class: "chart", role: "img" });
  host.append(make("div", { class: "card plot" }, picture));
  let molecule = null, width = 500;
  redrawn(picture.parentElement, (now) => { width = Math.max(260, now - 24); paint(); });

  function paint() {
    const row = clamp(400 / all.methods.length, 58, 110), top = 10, left = 8, right = width - 8, foot = top + row * all.methods.length;
    const x = (angstrom) => left + (right - left) * share(angstrom);
    const words = [];
    picture.setAttribute("viewBox", `0 0 ${width} ${foot + 44}`);
    const axis = x(all.limit.axis);
    picture.replaceChildren(draw("rect", { class: "partly", x: axis, y: top, width: Math.max(0, right - axis), height: foot - top }),
      draw("line", { class: "limit-line", x1: axis, x2: axis, y1: top, y2: foot }));
    all.methods.forEach((method, place) => {
      const base = top + row * (place + 1) - 4;
      const found = method.resolution.filter((value, at) => value !== null && (molecule === null || all.molecule[at] === molecule)).sort((a, b) => a - b);
      picture.append(draw("line", { class: "axis", x1: left, x2: right, y1: base, y2: base }));
      const median = (found[Math.floor((found.length - 1) / 2)] + found[Math.floor(found.length / 2)]) / 2;
      words.push(found.length ? `${method.name} median ${median.toFixed(2)} Å over ${found.length} views` : `${method.name} none`);
      const heading = draw("text", { class: "title", x: left + 2, y: base - row + 20 }, found.length ? `${method.name}, median ${median.toFixed(2)} Å` : `${method.name}: not phased`);
      const bins = new Array(SPREAD_BINS).fill(0);
      for (const value of found) bins[Math.min(SPREAD_BINS - 1, Math.floor(share(value) * SPREAD_BINS))] += 1;
      const most = Math.max(1, ...bins), step = (right - left) / SPREAD_BINS;
      bins.forEach((count, bin) => {
        const height = ((row - 24) * count) / most;
        if (count) picture.append(draw("rect", { class: "column", x: left + bin * step + 0.5, y: base - height, width: step - 1, height, ...hue(method) }));
      });
      if (found.length) picture.append(draw("path", { class: "median", d: `M${x(median)} ${base + 3}V${base - row + 26}` }));
      picture.append(heading);
    });
    let last = -Infinity;
    for (const tick of SPREAD_TICKS) {
      const at = x(tick);
      if (tick < finest || at < last + 30) continue;
      last = at;
      picture.append(draw("text", { class: "tick", x: clamp(at, left + 8, right - 8), y: foot + 14, "text-anchor": "middle" }, String(tick)));
    }
    picture.append(draw("text", { class: "title", x: (left + right) / 2, y: foot + 34, "text-anchor": "middle" }, "resolution at FRC 0.5 [Å], finer to the right"));
    picture.setAttribute("aria-label", `Histograms of the resolution of single views: ${words.join("; ")}.`);
  }

  return (wanted) => { molecule = wanted; paint(); };
}
